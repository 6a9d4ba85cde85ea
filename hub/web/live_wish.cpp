#include "hub/web/live_wish.h"

#include <algorithm>

#include "hub/live/subscription.h"
#include "hub/web/query_reader.h"

namespace hub::web {
namespace {

constexpr std::int64_t kMaxWaitS = 60, kDefaultWaitS = 25;
constexpr std::int64_t kMaxWidth = 20'000;
constexpr std::int64_t kMaxEventId = 0xffffffff;
constexpr double kMaxRateHz = 1'000;

/// The parameter that a field of Subscribe comes from.
std::string_view parameter_of(std::string_view field) {
  if (field == "selector.devices") return "device";
  if (field == "selector.groups") return "group";
  if (field == "from_us") return "from";
  if (field == "to_us") return "to";
  if (field == "width") return "width";
  if (field == "maximum_rate_hz") return "rate";
  return "series";
}

void read_range(QueryReader& query, telemetry::v1::Subscribe& subscribe, std::int64_t now_us) {
  const auto from = query.optional_time("from", now_us);
  const auto to = query.optional_time("to", now_us);
  // 0 means something else to a Subscribe.
  if (from && *from < 0) query.refuse("from", "from must be 1970 or later");
  if (to && *to < 1) query.refuse("to", "to must be later than 1970");
  if (to && !from) query.refuse("to", "to needs from: a range that ends has a beginning");
  if (from && to && *from >= *to) query.refuse("from", "from must be before to");
  if (from) subscribe.set_from_us(static_cast<double>(std::max<std::int64_t>(*from, 1)));
  if (to) subscribe.set_to_us(static_cast<double>(*to));
}

LiveWish read_common(QueryReader& query, std::int64_t now_us) {
  LiveWish wish;
  auto& subscribe = wish.subscribe;
  subscribe.set_id(LiveWish::kSubscription);
  auto& selector = *subscribe.mutable_selector();
  for (auto& name : query.texts("device")) *selector.add_devices() = std::move(name);
  for (auto& name : query.texts("group")) *selector.add_groups() = std::move(name);
  for (auto& pattern : query.texts("series")) *selector.add_series() = std::move(pattern);
  if (selector.series().empty()) selector.add_series("*");
  read_range(query, subscribe, now_us);
  subscribe.set_width(static_cast<std::uint32_t>(query.optional_integer("width", 0, kMaxWidth).value_or(0)));
  subscribe.set_maximum_rate_hz(query.optional_number("rate", 0, kMaxRateHz).value_or(0));
  if (const auto text = query.optional_text("position"); text && !text->empty()) {
    if (auto position = LivePosition::from_text(*text)) {
      wish.position = std::move(*position);
    } else {
      query.refuse("position", "position is not one that this hub gave");
    }
  }
  if (const auto id = query.optional_integer("event_id", 0, kMaxEventId)) {
    wish.position.event_id = static_cast<std::uint32_t>(*id);
  }
  wish.happenings = query.optional_flag("events").value_or(true);
  return wish;
}

Outcome<LiveWish> checked(const QueryReader& query, LiveWish wish) {
  if (auto problem = query.problem()) return *problem;
  if (const auto subscription = live::SubscriptionWish::from(wish.subscribe); !subscription) {
    Problem problem = subscription.error();
    problem.field = "/" + std::string(parameter_of(problem.field));
    return problem;
  }
  // Nothing to go on from, where history ends the stream.
  if (wish.subscribe.to_us() == 0) wish.subscribe.set_resume_position(wish.position.bytes);
  wish.hello.set_resume_event_id(wish.position.event_id);
  return wish;
}

}  // namespace

Outcome<LiveWish> read_event_stream_wish(const Target& target, std::string_view last_event_id, std::int64_t now_us) {
  QueryReader query(target);
  LiveWish wish = read_common(query, now_us);
  // A browser's EventSource comes again with its first address: what it heard last counts, not what it began with.
  if (last_event_id == kLiveOver) {
    wish.is_over = true;
  } else if (!last_event_id.empty()) {
    auto position = LivePosition::from_text(last_event_id);
    if (!position) {
      return Problem{errc::invalid_argument, "Last-Event-ID is not one that this hub gave", "Last-Event-ID"};
    }
    wish.position = std::move(*position);
  }
  return checked(query, std::move(wish));
}

Outcome<LiveWish> read_poll_wish(const Target& target, std::int64_t now_us) {
  QueryReader query(target);
  LiveWish wish = read_common(query, now_us);
  wish.wait_ms = query.optional_integer("wait", 0, kMaxWaitS).value_or(kDefaultWaitS) * 1'000;
  auto parameters = target.query;
  std::erase_if(parameters, [](const auto& one) { return one.first == "position" || one.first == "wait"; });
  for (const auto& [name, value] : parameters) wish.same += name + "=" + value + "&";
  return checked(query, std::move(wish));
}

}  // namespace hub::web
