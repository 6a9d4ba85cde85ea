// The two peers on Node.js: ws as tests/bench/peers/node/ws_server.mjs uses it, and Socket.IO over its WebSocket.
#include <charconv>

#include "websocket_session.h"

namespace bench {
namespace {

constexpr std::string_view kMark = "~T";
constexpr int kHex = 16;

class NodeWsSession final : public WebSocketSession {
 public:
  NodeWsSession(Role role, std::size_t payload_bytes)
      : WebSocketSession({role == Role::subscriber ? "/subscribe" : "/publish", "", ""}),
        payload_bytes_(payload_bytes) {}

  bool is_ready() const override { return ready_; }
  bool publish(std::int64_t stamp_ns, std::string& out) override {
    put_binary(out, stamped(stamp_ns, payload_bytes_));
    return true;
  }

 private:
  void opened(std::string&) override { ready_ = true; }
  bool message(std::string_view payload, std::string&, Receipts& receipts) override {
    const auto stamp = stamp_of(payload);
    if (stamp) receipts.arrived(*stamp);
    return stamp.has_value();
  }

  const std::size_t payload_bytes_;
  bool ready_ = false;
};

/// Engine.IO 4: 0 open, 2 ping, 3 pong, 4 message; of Socket.IO 0 connect, 2 event.
class SocketIoSession final : public WebSocketSession {
 public:
  SocketIoSession(Role role, std::size_t payload_bytes)
      : WebSocketSession({"/socket.io/?EIO=4&transport=websocket", "", ""}),
        role_(role),
        payload_bytes_(payload_bytes) {}

  bool is_ready() const override { return ready_; }
  bool publish(std::int64_t stamp_ns, std::string& out) override {
    put_text(out, "42[\"publish\",\"" + stamped(stamp_ns, payload_bytes_) + "\"]");
    return true;
  }

 private:
  bool message(std::string_view payload, std::string& out, Receipts& receipts) override {
    constexpr std::string_view kEvent = "42[\"message\",\"";
    if (payload.starts_with(kEvent)) {
      const auto stamp = stamp_of(payload.substr(kEvent.size()));
      if (stamp) receipts.arrived(*stamp);
      return stamp.has_value();
    }
    if (payload.starts_with("0{")) {
      put_text(out, "40");
    } else if (payload.starts_with("40")) {
      if (role_ == Role::subscriber) {
        put_text(out, "420[\"subscribe\"]");
      } else {
        ready_ = true;
      }
    } else if (payload.starts_with("430")) {  // the acknowledgement of `subscribe`
      ready_ = true;
    } else if (payload == "2") {
      put_text(out, "3");
    }
    return true;
  }

  const Role role_;
  const std::size_t payload_bytes_;
  bool ready_ = false;
};

}  // namespace

std::string stamped(std::int64_t stamp_ns, std::size_t size) {
  std::string payload(kMark);
  char digits[kHex];
  const auto [end, ec] = std::to_chars(digits, digits + kHex, stamp_ns, kHex);
  const auto used = static_cast<std::size_t>(end - digits);
  payload.append(kHex - used, '0').append(digits, used);
  // What follows does not repeat: nobody gains by compressing it.
  std::uint64_t state = static_cast<std::uint64_t>(stamp_ns) | 1;
  while (payload.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    payload += static_cast<char>('a' + state % 26);
  }
  return payload;
}

std::optional<std::int64_t> stamp_of(std::string_view payload) {
  if (payload.size() < kStampBytes || !payload.starts_with(kMark)) return std::nullopt;
  std::int64_t stamp = 0;
  const char* begin = payload.data() + kMark.size();
  const auto [end, ec] = std::from_chars(begin, begin + kHex, stamp, kHex);
  if (ec != std::errc() || end != begin + kHex) return std::nullopt;
  return stamp;
}

std::unique_ptr<Session> make_node_ws_session(Role role, std::size_t payload_bytes) {
  return std::make_unique<NodeWsSession>(role, payload_bytes);
}

std::unique_ptr<Session> make_socket_io_session(Role role, std::size_t payload_bytes) {
  return std::make_unique<SocketIoSession>(role, payload_bytes);
}

}  // namespace bench
