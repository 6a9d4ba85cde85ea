#include "hub/web/live_text.h"

#include <boost/json/parse.hpp>

#include "hub/core/reading.h"
#include "hub/devices/device_registry.h"
#include "hub/web/json_text.h"
#include "hub/web/readings_text.h"
#include "wire/frame_codec.h"

namespace hub::web {
namespace {

namespace pb = telemetry::v1;

/// Writes the members of one object, and its end.
class ObjectText {
 public:
  ObjectText(std::string& out, std::string_view type) : out_(out) {
    if (!out.empty() && out.back() == '}') out += ',';
    out += '{';
    text("type", type);
  }
  ObjectText(const ObjectText&) = delete;
  ObjectText& operator=(const ObjectText&) = delete;
  ~ObjectText() { out_ += '}'; }

  std::string& member(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    append_string(out_, name);
    out_ += ':';
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_text(member(name), value); }
  void integer(std::string_view name, std::int64_t value) { append_integer(member(name), value); }
  void time(std::string_view name, double us) { append_integer(member(name), static_cast<std::int64_t>(us)); }
  void number(std::string_view name, double value) { append_number(member(name), value); }
  void flag(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }

  static void append_text(std::string& out, std::string_view value) {
    if (wire::is_utf8(value)) return append_string(out, value);
    std::string mended;
    for (const char c : value) {
      if (static_cast<unsigned char>(c) < 0x80) {
        mended += c;
      } else {
        mended += "\xEF\xBF\xBD";
      }
    }
    append_string(out, mended);
  }

 private:
  std::string& out_;
};

template <class List, class Append>
void append_list(std::string& out, const List& list, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : list) {
    if (!std::exchange(first, false)) out += ',';
    append(item);
  }
  out += ']';
}

/// The i-th value of whichever column a message has; null where it has none.
template <class Columns>
void append_value_at(std::string& out, const Columns& from, int i) {
  if (i < from.numbers_size()) {
    append_number(out, from.numbers(i));
  } else if (i < from.booleans_size()) {
    out += from.booleans(i) ? "true" : "false";
  } else if (i < from.strings_size()) {
    ObjectText::append_text(out, from.strings(i));
  } else if (3 * i + 2 < from.coordinates_size()) {
    append_value(out, Location{from.coordinates(3 * i), from.coordinates(3 * i + 1), from.coordinates(3 * i + 2)});
  } else {
    out += "null";
  }
}

template <class Columns>
int count_of(const Columns& from) {
  return std::max({from.numbers_size(), from.booleans_size(), from.strings_size(), from.coordinates_size() / 3});
}

template <class Columns>
void append_readings(std::string& out, const Columns& from) {
  auto time_us = static_cast<std::int64_t>(from.time_us());
  out += '[';
  for (int i = 0; i < count_of(from); ++i) {
    if (i > 0) {
      time_us += i <= from.time_delta_us_size() ? from.time_delta_us(i - 1) : 0;
      out += ',';
    }
    out += '[';
    append_integer(out, time_us);
    out += ',';
    append_value_at(out, from, i);
    out += ']';
  }
  out += ']';
}

/// Rows as REST has them: [time, min, max, first, last, count, sum], booleans as 0 and 1.
void append_buckets(std::string& out, const pb::HistoryPart& part) {
  const BucketQuery grid{static_cast<SeriesId>(part.series()), static_cast<std::int64_t>(part.from_us()),
                         static_cast<std::int64_t>(part.to_us()), part.width()};
  const auto edge = [&](const auto& own, int row, int which) {
    if (row < own.size()) {
      append_number(out, own.Get(row));
    } else if (2 * row + which < part.booleans_size()) {
      out += part.booleans(2 * row + which) ? '1' : '0';
    } else {
      append_value_at(out, part, 2 * row + which);
    }
  };
  const auto number = [&](const auto& own, int row) {
    if (row < own.size()) {
      append_number(out, own.Get(row));
    } else {
      out += "null";
    }
  };
  out += '[';
  for (int i = 0; i < part.bucket_size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_integer(out, bucket_start_us(grid, part.bucket(i)));
    out += ',';
    number(part.minimum(), i);
    out += ',';
    number(part.maximum(), i);
    out += ',';
    edge(part.first(), i, 0);
    out += ',';
    edge(part.last(), i, 1);
    out += ',';
    append_integer(out, i < part.count_size() ? part.count(i) : 0);
    out += ',';
    number(part.sum(), i);
    out += ']';
  }
  out += ']';
}

void append_subscribed(std::string& out, const pb::Subscribed& said) {
  ObjectText object(out, "subscribed");
  object.flag("added", said.added());
  append_list(object.member("series"), said.series(), [&](const pb::SeriesInfo& info) {
    out += "{\"series\":";
    append_integer(out, info.series());
    const auto text = [&](std::string_view key, std::string_view value) {
      out += key;
      ObjectText::append_text(out, value);
    };
    text(",\"device\":", info.device_id());
    text(",\"name\":", info.name());
    text(",\"unit\":", info.unit());
    text(",\"type\":", hub::to_string(static_cast<ValueType>(info.type())));
    out += ",\"interval_ms\":";
    append_integer(out, info.interval_ms());
    out += ",\"revision\":";
    append_integer(out, info.revision());
    out += '}';
  });
}

void append_history(std::string& out, const pb::HistoryPart& part) {
  ObjectText object(out, "history");
  object.integer("series", part.series());
  object.time("from", part.from_us());
  object.time("to", part.to_us());
  if (part.width() == 0) {
    append_readings(object.member("readings"), part);
  } else {
    object.integer("width", part.width());
    append_buckets(object.member("buckets"), part);
  }
  object.flag("done", part.done());
}

void append_update(std::string& out, const pb::SeriesUpdate& update) {
  ObjectText object(out, "update");
  object.integer("series", update.series());
  if (update.late()) object.flag("late", true);
  if (count_of(update) > 0) append_readings(object.member("readings"), update);
  if (!update.has_conflated()) return;
  const auto& conflated = update.conflated();
  const auto number = [&](std::string_view key, double value) {
    out += key;
    append_number(out, value);
  };
  object.member("conflated") += "{\"from\":";
  append_integer(out, static_cast<std::int64_t>(update.time_us()));
  out += ",\"to\":";
  append_integer(out, static_cast<std::int64_t>(conflated.last_time_us()));
  number(",\"min\":", conflated.minimum());
  number(",\"max\":", conflated.maximum());
  number(",\"first\":", conflated.first());
  number(",\"last\":", conflated.last());
  out += ",\"count\":";
  append_integer(out, conflated.count());
  number(",\"sum\":", conflated.sum());
  out += '}';
}

void append_presence(std::string& out, const pb::PresenceState& state) {
  ObjectText object(out, "presence");
  object.text("device", state.device_id());
  object.text("name", state.device_name());
  object.text("presence", hub::to_string(static_cast<Presence>(state.presence())));
  object.time("last_seen", state.last_seen_us());
  if (state.removed()) object.flag("removed", true);
}

void append_event(std::string& out, const pb::HubEvent& event) {
  ObjectText object(out, "event");
  object.integer("id", event.id());
  object.time("time", event.time_us());
  object.text("device", event.device_id());
  object.text("kind", event.kind());
  object.text("object", event.object_id());
  // Written anew: one line whatever it was, and JSON in any case.
  boost::system::error_code ec;
  const auto body = boost::json::parse(event.body_json(), ec);
  if (ec || !wire::is_utf8(event.body_json())) {
    object.text("body", event.body_json());
  } else {
    append_json(object.member("body"), body);
  }
}

void append_gap_span(std::string& out, const pb::GapSpan& gap) {
  ObjectText object(out, "gap");
  if (gap.series() == 0) {
    object.member("series") += "null";
  } else {
    object.integer("series", gap.series());
  }
  object.text("device", gap.device_id());
  object.time("from", gap.from_us());
  object.time("to", gap.to_us());
  object.integer("count", gap.count());
  object.flag("at_most", gap.at_most());
  object.text("reason", hub::to_string(static_cast<GapReason>(gap.reason())));
}

}  // namespace

const char* to_string(pb::LivePhase::Phase phase) {
  switch (phase) {
    case pb::LivePhase::PHASE_HISTORY:
      return "history";
    case pb::LivePhase::PHASE_CATCH_UP:
      return "catch_up";
    case pb::LivePhase::PHASE_LIVE:
      return "live";
    case pb::LivePhase::PHASE_CONFLATED:
      return "conflated";
    case pb::LivePhase::PHASE_LATEST_ONLY:
      return "latest_only";
    case pb::LivePhase::PHASE_RESTARTED:
      return "restarted";
    case pb::LivePhase::PHASE_PAUSED:
      return "paused";
    default:
      return "unknown";
  }
}

void append_messages(std::string& out, const pb::LiveMessage& message, bool happenings) {
  if (message.has_hub()) {
    ObjectText object(out, "hub");
    object.text("version", message.hub().version());
    object.time("time", message.hub().server_time_us());
    object.integer("heartbeat_ms", message.hub().heartbeat_ms());
  }
  for (const auto& said : message.subscribed()) append_subscribed(out, said);
  for (const auto& said : message.phases()) {
    ObjectText object(out, "phase");
    object.text("phase", to_string(said.phase()));
    object.number("tier_hz", said.tier_hz());
  }
  for (const auto& part : message.history()) append_history(out, part);
  for (const auto& update : message.updates()) append_update(out, update);
  if (happenings) {
    for (const auto& state : message.presence()) append_presence(out, state);
    for (const auto& event : message.events()) append_event(out, event);
  }
  for (const auto& gap : message.gaps()) append_gap_span(out, gap);
  for (const auto& one : message.freshness()) {
    ObjectText object(out, "freshness");
    object.integer("series", one.series());
    object.flag("stale", one.stale());
    object.time("since", one.since_us());
  }
  if (message.has_error()) {
    ObjectText object(out, "error");
    object.text("code", message.error().code());
    object.text("message", message.error().message());
  }
}

}  // namespace hub::web
