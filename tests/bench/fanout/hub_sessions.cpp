#include "hub_sessions.h"

#include <time.h>

#include <random>

#include "telemetry/v1/device.pb.h"
#include "telemetry/v1/live.pb.h"

namespace bench {
namespace {

namespace pb = telemetry::v1;

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kUnacknowledgedBytes = 512 * 1024;  // below the credit of a live lane

std::string random_id(std::mt19937_64& random) {
  std::string id;
  while (id.size() < kIdBytes) id += static_cast<char>(random());
  return id;
}

void define(google::protobuf::RepeatedPtrField<pb::SeriesDefinition>& definitions, const Readings& readings) {
  for (unsigned i = 0; i < std::max(readings.numbers, 1u); ++i) {
    auto& definition = *definitions.Add();
    definition.set_alias(i + 1);
    definition.set_name(readings.numbers == 0 ? "bench.text" : "bench.n" + std::to_string(i));
    definition.set_type(readings.numbers == 0 ? pb::VALUE_TYPE_STRING : pb::VALUE_TYPE_NUMBER);
  }
}

std::int64_t monotonic_minus_wall_ns() {
  static const std::int64_t difference = [] {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    return now_ns() - (wall.tv_sec * kSecondNs + wall.tv_nsec);
  }();
  return difference;
}

}  // namespace

std::string Readings::serialized_definitions() const {
  pb::DeviceMessage message;
  define(*message.mutable_definitions()->mutable_definitions(), *this);
  return message.SerializeAsString();
}

std::string Readings::serialized_body(std::int64_t stamp_ns, bool with_definitions) const {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  pb::FrameBody body;
  body.set_wall_us(static_cast<std::uint64_t>(wall.tv_sec) * 1'000'000 +
                   static_cast<std::uint64_t>(wall.tv_nsec) / 1'000);
  body.set_monotonic_ms(static_cast<std::uint64_t>(stamp_ns) / 1'000'000);
  if (with_definitions) define(*body.mutable_definitions(), *this);
  auto& block = *body.add_blocks();
  block.set_count(1);
  for (unsigned i = 0; i < std::max(numbers, 1u); ++i) {
    auto& column = *block.add_columns();
    column.set_series(i + 1);
    if (numbers == 0) {
      column.add_dictionary(stamped(stamp_ns, payload_bytes));
      column.add_indices(0);
    } else {
      column.add_doubles(static_cast<double>(stamp_ns) / 1e9);
    }
  }
  return body.SerializeAsString();
}

DeviceStream::DeviceStream(Readings readings, std::uint64_t seed) : readings_(readings) {
  std::mt19937_64 random(seed);
  epoch_ = random_id(random);
  process_ = random_id(random);
  boot_ = random_id(random);
}

bool DeviceStream::make(std::int64_t stamp_ns) {
  if (held_.size() >= kMaxHeld) return false;
  pb::DeviceMessage message;
  auto& frame = *message.mutable_frame();
  frame.set_sequence(next_);
  frame.set_body(readings_.serialized_body(stamp_ns, next_ == 1));
  held_.push_back({next_++, message.SerializeAsString()});
  held_bytes_ += held_.back().message.size();
  return true;
}

void DeviceStream::acknowledged(std::uint64_t sequence) {
  acknowledged_ = std::max(acknowledged_, sequence);
  while (!held_.empty() && held_.front().sequence <= acknowledged_) {
    held_bytes_ -= held_.front().message.size();
    held_.pop_front();
  }
}

bool DeviceStream::resumed(std::uint64_t stored) {
  if (stored < acknowledged_) return false;
  acknowledged(stored);
  return true;
}

std::string DeviceStream::hello() const {
  pb::DeviceMessage message;
  auto& hello = *message.mutable_hello();
  hello.set_protocol_version(1);
  hello.set_agent_version("fanout_load");
  hello.set_process_id(process_);
  hello.set_boot_id(boot_);
  hello.set_clock_synchronised(true);
  auto& stream = *hello.add_streams();
  stream.set_epoch(epoch_);
  stream.set_lane(pb::LANE_LIVE);
  stream.set_first_held(held_.empty() ? next_ : held_.front().sequence);
  stream.set_next(next_);
  stream.set_boot_id(boot_);
  return message.SerializeAsString();
}

HubDeviceSession::HubDeviceSession(DeviceStream& stream, const std::string& token, const std::string& device)
    : WebSocketSession({"/api/v1/device" + (device.empty() ? "" : "?device=" + device), "telemetry.device.v1", token}),
      stream_(stream) {}

void HubDeviceSession::opened(std::string& out) {
  put_binary(out, stream_.hello());
}

bool HubDeviceSession::publish(std::int64_t stamp_ns, std::string& out) {
  if (welcomed_ && stream_.held_bytes() > kUnacknowledgedBytes) return false;
  if (!stream_.make(stamp_ns)) return false;
  if (welcomed_) put_binary(out, stream_.held().back().message);
  return true;
}

bool HubDeviceSession::message(std::string_view payload, std::string& out, Receipts&) {
  pb::HubMessage message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return false;
  if (message.has_welcome()) {
    if (message.welcome().streams_size() != 1) return false;
    if (!stream_.resumed(message.welcome().streams(0).stored())) {
      fail("LOST: the hub has less than it had acknowledged");
      return false;
    }
    welcomed_ = true;
    if (stream_.made() > 0) put_binary(out, stream_.readings().serialized_definitions());
    for (const auto& held : stream_.held()) put_binary(out, held.message);
  } else if (message.has_ack()) {
    for (const auto& ack : message.ack().streams()) stream_.acknowledged(ack.stored());
    if (message.ack().rejected_size() > 0) {
      fail("a frame was rejected: " + message.ack().rejected(0).detail());
      return false;
    }
  } else if (message.has_refusal()) {
    fail("refused " + std::to_string(message.refusal().close_code()) + ": " + message.refusal().reason());
    return false;
  } else if (message.has_need_definitions()) {
    fail("the hub asks for definitions it was sent");
    return false;
  }
  return true;
}

HubViewerSession::HubViewerSession(const std::string& token, std::string device, std::string pattern,
                                   std::string* position, Since since)
    : WebSocketSession({"/api/v1/live", "telemetry.live.v1", token}),
      device_(std::move(device)),
      pattern_(std::move(pattern)),
      position_(position),
      since_(since) {}

void HubViewerSession::opened(std::string& out) {
  pb::ViewerMessage message;
  auto& subscribe = *message.mutable_subscribe();
  subscribe.set_id(1);
  subscribe.mutable_selector()->add_devices(device_);
  subscribe.mutable_selector()->add_series(pattern_);
  if (position_ != nullptr) subscribe.set_resume_position(*position_);
  put_binary(out, message.SerializeAsString());
}

bool HubViewerSession::message(std::string_view payload, std::string&, Receipts& receipts) {
  static pb::LiveMessage message;  // one thread; used again, it keeps its memory
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return false;
  if (position_ != nullptr && !message.position().empty()) *position_ = message.position();
  for (const auto& phase : message.phases()) {
    if (phase.phase() == pb::LivePhase::PHASE_LIVE) live_ = true;
  }
  if (message.has_error()) {
    fail("the hub answers " + message.error().code() + ": " + message.error().message());
    return false;
  }
  // The hub's times are the wall clock's, the client's the monotonic one's.
  const auto committed = static_cast<std::int64_t>(message.commit_us()) * 1'000 + monotonic_minus_wall_ns();
  const auto arrived = [&](std::int64_t due) { receipts.arrived(since_ == Since::commit ? committed : due); };
  for (const auto& update : message.updates()) {
    for (const auto& text : update.strings()) {
      if (const auto stamp = stamp_of(text)) arrived(*stamp);
    }
    for (const double number : update.numbers()) arrived(ns_of(number));
  }
  return true;
}

}  // namespace bench
