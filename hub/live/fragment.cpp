#include "hub/live/fragment.h"

#include <algorithm>
#include <limits>

namespace hub::live {
namespace {

constexpr std::size_t kReadingBytes = 14;  // a double and a delta of usual size
constexpr std::size_t kBucketBytes = 48;

bool fits_delta(std::int64_t delta) {
  return delta >= std::numeric_limits<std::int32_t>::min() && delta <= std::numeric_limits<std::int32_t>::max();
}

/// SeriesUpdate and HistoryPart name their columns alike.
template <class Message>
void put_value(Message& message, const ValueColumn& values, std::size_t i) {
  switch (values.index()) {
    case 0:
      message.add_numbers(std::get<0>(values)[i]);
      break;
    case 1:
      message.add_booleans(std::get<1>(values)[i] != 0);
      break;
    case 2:
      message.add_strings(std::get<2>(values)[i]);
      break;
    default: {
      const Location& location = std::get<3>(values)[i];
      message.add_coordinates(location.latitude);
      message.add_coordinates(location.longitude);
      message.add_coordinates(location.altitude);
    }
  }
}

/// Puts readings from `i` on until the run ends or a delta does not fit; answers where it stopped.
template <class Message>
std::size_t put_readings(Message& message, const ReadingRun& run, std::size_t i) {
  message.set_time_us(static_cast<double>(run.times[i]));
  put_value(message, *run.values, i);
  for (++i; i < run.end; ++i) {
    const std::int64_t delta = run.times[i] - run.times[i - 1];
    if (!fits_delta(delta)) break;
    message.add_time_delta_us(static_cast<std::int32_t>(delta));
    put_value(message, *run.values, i);
  }
  return i;
}

Fragment to_fragment(const pb::LiveMessage& message) {
  return std::make_shared<const std::string>(message.SerializeAsString());
}

pb::HistoryPart& start_part(pb::LiveMessage& message, const HistoryHead& head) {
  auto& part = *message.add_history();
  part.set_subscription(head.subscription);
  part.set_series(raw(head.series));
  part.set_from_us(static_cast<double>(head.from_us));
  part.set_to_us(static_cast<double>(head.to_us));
  part.set_width(head.width);
  return part;
}

void fill(pb::GapSpan& span, const Gap& gap) {
  span.set_series(raw(gap.series));
  span.set_device_id(gap.device.str());
  span.set_from_us(static_cast<double>(gap.from_us));
  span.set_to_us(static_cast<double>(gap.to_us));
  span.set_count(gap.count);
  span.set_at_most(gap.at_most);
  span.set_reason(static_cast<pb::GapReason>(gap.reason));
}

void fill(pb::PresenceState& state, const PresenceChange& change) {
  state.set_device_id(change.device.str());
  state.set_device_name(change.name);
  state.set_presence(static_cast<pb::Presence>(change.presence));
  state.set_last_seen_us(static_cast<double>(change.last_seen_us));
  state.set_removed(change.removed);
}

}  // namespace

std::size_t fitting(const ReadingRun& run, std::size_t bytes) {
  const std::size_t size = run.end - run.begin;
  if (const auto* strings = std::get_if<std::vector<std::string>>(run.values)) {
    std::size_t n = 0, used = 0;
    while (n < size && (n == 0 || used < bytes)) used += (*strings)[run.begin + n++].size() + 8;
    return n;
  }
  const std::size_t each = run.values->index() == 3 ? 3 * kReadingBytes : kReadingBytes;
  return std::min(size, std::max<std::size_t>(1, bytes / each));
}

void append_update(std::string& out, const ReadingRun& run, bool late, std::uint32_t subscription) {
  for (std::size_t i = run.begin; i < run.end;) {
    pb::LiveMessage message;
    auto& update = *message.add_updates();
    update.set_series(raw(run.series));
    update.set_late(late);
    update.set_subscription(subscription);
    i = put_readings(update, run, i);
    message.AppendToString(&out);
  }
}

void append_history(std::string& out, const HistoryHead& head, const ReadingRun& run, bool done) {
  std::size_t i = run.begin;
  do {
    pb::LiveMessage message;
    auto& part = start_part(message, head);
    if (i < run.end) i = put_readings(part, run, i);
    part.set_done(done && i >= run.end);
    message.AppendToString(&out);
  } while (i < run.end);
}

void append_history(std::string& out, const HistoryHead& head, const Buckets& buckets, std::size_t begin,
                    std::size_t end, bool done) {
  pb::LiveMessage message;
  auto& part = start_part(message, head);
  const bool has_numbers = !buckets.minimum.empty();
  for (std::size_t i = begin; i < end; ++i) {
    part.add_bucket(buckets.index[i]);
    part.add_count(buckets.count[i]);
    if (has_numbers) {
      part.add_minimum(buckets.minimum[i]);
      part.add_maximum(buckets.maximum[i]);
      part.add_sum(buckets.sum[i]);
    }
    if (buckets.first.index() == 0) {
      part.add_first(std::get<0>(buckets.first)[i]);
      part.add_last(std::get<0>(buckets.last)[i]);
    } else {
      put_value(part, buckets.first, i);
      put_value(part, buckets.last, i);
    }
  }
  part.set_done(done);
  message.AppendToString(&out);
}

std::size_t fitting(const Buckets& buckets, std::size_t begin, std::size_t bytes) {
  std::size_t each = kBucketBytes;
  if (const auto* first = std::get_if<std::vector<std::string>>(&buckets.first)) {
    const auto& last = std::get<std::vector<std::string>>(buckets.last);
    std::size_t end = begin, used = 0;
    while (end < first->size() && (end == begin || used < bytes)) {
      used += (*first)[end].size() + last[end].size() + 12;
      ++end;
    }
    return end - begin;
  }
  if (buckets.first.index() == 3) each = 6 * sizeof(double) + 8;
  return std::min(buckets.index.size() - begin, std::max<std::size_t>(1, bytes / each));
}

void append_gap(std::string& out, const Gap& gap) {
  pb::LiveMessage message;
  fill(*message.add_gaps(), gap);
  message.AppendToString(&out);
}

void append_series(std::string& out, std::uint32_t subscription, std::span<const SeriesRecord> series, bool added) {
  pb::LiveMessage message;
  auto& subscribed = *message.add_subscribed();
  subscribed.set_id(subscription);
  subscribed.set_added(added);
  for (const auto& record : series) {
    auto& info = *subscribed.add_series();
    info.set_series(raw(record.id));
    info.set_device_id(record.device.str());
    info.set_name(record.name);
    info.set_unit(record.unit);
    info.set_type(static_cast<pb::ValueType>(record.type));
    info.set_interval_ms(record.interval_ms);
    info.set_revision(record.revision);
  }
  message.AppendToString(&out);
}

void append_presence(std::string& out, const PresenceChange& state) {
  pb::LiveMessage message;
  fill(*message.add_presence(), state);
  message.AppendToString(&out);
}

Fragment phase_fragment(std::uint32_t subscription, pb::LivePhase::Phase phase, double tier_hz) {
  pb::LiveMessage message;
  auto& said = *message.add_phases();
  said.set_subscription(subscription);
  said.set_phase(phase);
  said.set_tier_hz(tier_hz);
  return to_fragment(message);
}

Fragment gap_fragment(const Gap& gap) {
  std::string out;
  append_gap(out, gap);
  return std::make_shared<const std::string>(std::move(out));
}

Fragment presence_fragment(const PresenceChange& change) {
  std::string out;
  append_presence(out, change);
  return std::make_shared<const std::string>(std::move(out));
}

Fragment event_fragment(const Event& event) {
  pb::LiveMessage message;
  auto& said = *message.add_events();
  said.set_id(event.id);
  said.set_time_us(static_cast<double>(event.time_us));
  said.set_device_id(event.device.str());
  said.set_kind(event.kind);
  said.set_object_id(event.object_id);
  said.set_body_json(event.body_json);
  return to_fragment(message);
}

Fragment freshness_fragment(SeriesId series, bool stale, std::int64_t since_us) {
  pb::LiveMessage message;
  auto& said = *message.add_freshness();
  said.set_series(raw(series));
  said.set_stale(stale);
  said.set_since_us(static_cast<double>(since_us));
  return to_fragment(message);
}

Fragment error_fragment(std::uint32_t subscription, std::string_view code, std::string_view text) {
  pb::LiveMessage message;
  auto& error = *message.mutable_error();
  error.set_subscription(subscription);
  error.set_code(std::string(code));
  error.set_message(std::string(text));
  return to_fragment(message);
}

Fragment pong_fragment(const pb::ViewerPing& ping, std::int64_t now_us) {
  pb::LiveMessage message;
  auto& pong = *message.mutable_pong();
  pong.set_nonce(ping.nonce());
  pong.set_client_time_us(ping.client_time_us());
  pong.set_server_time_us(static_cast<double>(now_us));
  return to_fragment(message);
}

Fragment hub_fragment(std::uint32_t heartbeat_ms, std::int64_t now_us) {
  pb::LiveMessage message;
  auto& hub = *message.mutable_hub();
  hub.set_version(TELEMETRY_VERSION);
  hub.set_server_time_us(static_cast<double>(now_us));
  hub.set_heartbeat_ms(heartbeat_ms);
  return to_fragment(message);
}

}  // namespace hub::live
