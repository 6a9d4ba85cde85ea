// One protocol on one connection: bytes in, bytes out, no socket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "latencies.h"

namespace bench {

class Session {
 public:
  virtual ~Session() = default;

  /// Where the server speaks first and in the clear, before TLS: how many bytes its greeting takes, 0 while it is not
  /// complete. Nothing: it says nothing of the kind.
  virtual std::optional<std::size_t> greeting(std::string_view) { return std::nullopt; }
  /// TCP and TLS stand: what is said first.
  virtual void start(std::string& out) = 0;
  /// Takes what is complete at the front of `in`, appends answers to `out`, tells `receipts` what arrived. How many
  /// bytes were taken; nothing: the session has ended, and problem() says why.
  virtual std::optional<std::size_t> take(std::string_view in, std::string& out, Receipts& receipts) = 0;
  virtual bool is_ready() const = 0;

  /// Of a session made to publish: a message with this stamp. False: the server does not take more at present.
  virtual bool publish(std::int64_t stamp_ns, std::string& out) = 0;

  const std::string& problem() const { return problem_; }

 protected:
  std::nullopt_t fail(std::string why) {
    problem_ = std::move(why);
    return std::nullopt;
  }

 private:
  std::string problem_;
};

/// A payload of text with the time of publishing at its front, the same in every protocol.
constexpr std::size_t kStampBytes = 18;
std::string stamped(std::int64_t stamp_ns, std::size_t size);
/// The stamp at the front of `payload`; nothing where there is none.
std::optional<std::int64_t> stamp_of(std::string_view payload);

enum class Role : std::uint8_t { subscriber, publisher };
std::unique_ptr<Session> make_node_ws_session(Role role, std::size_t payload_bytes);
std::unique_ptr<Session> make_socket_io_session(Role role, std::size_t payload_bytes);
std::unique_ptr<Session> make_mqtt_session(Role role, std::size_t payload_bytes, unsigned number);
std::unique_ptr<Session> make_nats_session(Role role, std::size_t payload_bytes, bool over_tls);

}  // namespace bench
