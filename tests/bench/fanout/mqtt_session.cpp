// MQTT 3.1.1 over TCP or TLS, QoS 0, one topic.
#include "session.h"

namespace bench {
namespace {

constexpr std::string_view kTopic = "t";
constexpr unsigned kConnect = 0x10, kConnected = 2, kPublish = 3, kSubscribe = 0x82, kSubscribed = 9;

std::string text(std::string_view value) {
  std::string out;
  out += static_cast<char>(value.size() >> 8);
  out += static_cast<char>(value.size());
  return out.append(value);
}

void put_packet(std::string& out, unsigned first, std::string_view body) {
  out += static_cast<char>(first);
  std::size_t rest = body.size();
  do {
    out += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest != 0);
  out += body;
}

class MqttSession final : public Session {
 public:
  MqttSession(Role role, std::size_t payload_bytes, unsigned number)
      : role_(role), payload_bytes_(payload_bytes), number_(number) {}

  void start(std::string& out) override {
    // Level 4, a clean session, no keep-alive.
    put_packet(out, kConnect,
               text("MQTT") + std::string("\x04\x02\x00\x00", 4) + text("bench-" + std::to_string(number_)));
  }

  std::optional<std::size_t> take(std::string_view in, std::string& out, Receipts& receipts) override {
    std::size_t taken = 0;
    while (taken < in.size()) {
      std::size_t at = taken + 1, length = 0;
      unsigned shift = 0;
      bool has_length = false;
      while (at < in.size() && !has_length) {
        const auto byte = static_cast<unsigned char>(in[at++]);
        length |= static_cast<std::size_t>(byte & 0x7f) << shift;
        shift += 7;
        has_length = (byte & 0x80) == 0;
      }
      if (!has_length || in.size() - at < length) break;
      if (!packet(static_cast<unsigned char>(in[taken]) >> 4, in.substr(at, length), out, receipts)) {
        return fail("an MQTT packet that makes no sense");
      }
      taken = at + length;
    }
    return taken;
  }

  bool is_ready() const override { return ready_; }
  bool publish(std::int64_t stamp_ns, std::string& out) override {
    put_packet(out, kPublish << 4, text(kTopic) + stamped(stamp_ns, payload_bytes_));
    return true;
  }

 private:
  bool packet(unsigned kind, std::string_view body, std::string& out, Receipts& receipts) {
    if (kind == kPublish) {
      if (body.size() < 2 + kTopic.size()) return false;
      const auto stamp = stamp_of(body.substr(2 + kTopic.size()));
      if (stamp) receipts.arrived(*stamp);
      return stamp.has_value();
    }
    if (kind == kConnected) {
      if (body.size() != 2 || body[1] != 0) return false;
      ready_ = role_ == Role::publisher;
      if (!ready_) put_packet(out, kSubscribe, std::string("\x00\x01", 2) + text(kTopic) + std::string(1, '\0'));
    }
    if (kind == kSubscribed) ready_ = true;
    return true;
  }

  const Role role_;
  const std::size_t payload_bytes_;
  const unsigned number_;
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Session> make_mqtt_session(Role role, std::size_t payload_bytes, unsigned number) {
  return std::make_unique<MqttSession>(role, payload_bytes, number);
}

}  // namespace bench
