// One WebSocket connection over our own TLS stream, server or client side. Non-template; Beast lives in the .cpp.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "wire/proxy.h"
#include "wire/tls_context.h"

namespace wire {

using base::error_code;
using base::Result;
template <class T>
using Awaitable = boost::asio::awaitable<T>;

struct ConnectionLimits {
  std::size_t message_bytes = 64 * 1024;   // a larger message closes 1009
  std::size_t first_read_bytes = 1'536;    // room for the begin of the next message, held while a connection is idle
  std::size_t backlog_bytes = 256 * 1024;  // unsent ciphertext; past it write() answers errc::backlog_full
  std::chrono::milliseconds handshake{10'000};
  /// Ping after this much silence; dead after twice. Silence is that the peer neither sends nor takes: a ping may wait
  /// behind what a slow link carries. While something waits and does not move, it is dead after three times, so that
  /// the owner can say that it was too slow.
  std::chrono::milliseconds heartbeat{15'000};
};

/// Not an aggregate on purpose: g++ 12 destroys aggregate temporaries inside a co_await expression twice.
struct CloseReason {
  CloseReason(std::uint16_t c = 1000, std::string why = {}) : code(c), reason(std::move(why)) {}
  std::uint16_t code;
  std::string reason;  // ≤ 123 bytes
};

/// What went over the socket, TLS included.
struct Traffic {
  std::uint64_t sent_bytes = 0, received_bytes = 0;
};

/// A connected WebSocket. Lives on one single-threaded io_context and is used from it only; owns TLS state and socket.
/// Ends by close(), abort(), a peer's close or death; a pending read() then completes with an error. Destroy only when
/// no read() or drained() is pending (hold it in the session's coroutine frame). Heartbeat runs by itself while a read
/// is pending.
class Connection {
 public:
  virtual ~Connection() = default;

  /// The next whole message replaces `message` (capacity reused). Text messages are an error of the peer (1003).
  virtual Awaitable<error_code> read(std::string& message) = 0;
  /// Sends one binary message made of `fragments` (any number; joined into as few TLS records as fit). Never blocks:
  /// what the socket does not take waits as ciphertext in the backlog.
  virtual error_code write(std::span<const boost::asio::const_buffer> fragments) = 0;
  error_code write(std::string_view message);
  /// Unsent ciphertext. Producers of conflatable data look here before writing.
  virtual std::size_t backlog_bytes() const = 0;
  /// Something is to be written soon: asks the processor for what that will look at. Touches the object itself.
  virtual void prefetch() const {}
  /// Completes when the backlog is empty or the connection is dead. At most one pending.
  virtual Awaitable<error_code> drained() = 0;
  /// Sends the close frame behind what waits in the backlog, waits for the peer's up to `patience`, then shuts down. A
  /// pending read() is completed. abort() ends the wait.
  virtual Awaitable<void> close(CloseReason reason, std::chrono::milliseconds patience = std::chrono::seconds(2)) = 0;
  /// Hard end: the socket is closed now. Any pending operation completes with an error.
  virtual void abort() = 0;

  virtual boost::asio::any_io_executor executor() = 0;
  virtual std::string remote_address() const = 0;  // "127.0.0.1"
  virtual CloseReason peer_close() const = 0;      // after read() failed: what the peer said; code 1006 if nothing
  virtual std::string subprotocol() const = 0;
  virtual Traffic traffic() const { return {}; }
};

struct ConnectTarget {
  std::string host;  // name or address
  std::uint16_t port = 8443;
  std::string path;         // "/api/v1/device"
  std::string subprotocol;  // "telemetry.device.v1"
  std::map<std::string, std::string> headers;
  std::optional<Proxy> proxy{};
};

enum class ConnectStage { resolve_proxy, connect_proxy, ask_proxy, resolve, connect, tls, answer };

/// How far a connect came: what a person needs to know which part failed.
struct ConnectReport {
  ConnectStage stage = ConnectStage::resolve;  // the last one begun
  std::string address;                         // whom the socket reached: the hub, or its proxy
  std::string detail;                          // what became of each address, where none was reached
  int status = 0;                              // HTTP: the proxy's where it refused, else the server's
  std::int64_t retry_after_s = 0;              // what came with that status
};

/// Client side: resolve, connect (through a proxy where there is one), TLS (verified as `tls` says), upgrade; each
/// stage within limits.handshake. Ends at once where the coroutine is cancelled.
Awaitable<Result<std::unique_ptr<Connection>>> connect(ConnectTarget target, const ClientTls& tls,
                                                       ConnectionLimits limits, ConnectReport* report = nullptr);

}  // namespace wire
