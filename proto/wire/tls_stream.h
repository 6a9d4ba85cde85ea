// TLS straight on a socket: no engine buffers, writes that never block. Below Connection and HttpConnection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/backlog.h"
#include "wire/connection.h"
#include "wire/peer_certificate.h"

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace wire {

using base::error_code;

/// One TLS connection, either side. Owns socket and SSL state; lives on one single-threaded io_context. Held by
/// shared_ptr, because operations in flight hold it too; its owner ends it with close(), after which they complete
/// with an error.
///
/// Reading: try_read() takes what is at hand; wait_readable() between.
/// Writing: put() gathers plaintext in one 16 KB buffer per thread, push() ends the gathering; each full buffer is one
/// record and one send. Nothing ever waits: ciphertext that the socket does not take stays in the backlog and leaves
/// by itself as the socket drains. The backlog has no bound of its own: whoever writes looks at backlog_bytes() first.
class TlsStream final : public std::enable_shared_from_this<TlsStream> {
 public:
  enum class Side { server, client };

  static base::Result<std::shared_ptr<TlsStream>> make(boost::asio::ip::tcp::socket socket, ssl_ctx_st* context,
                                                       Side side);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  boost::asio::any_io_executor get_executor() { return socket_.get_executor(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  /// Whom a client expects: sent as SNI where it is a name, and compared with the certificate if `verify`.
  /// `certificate_name`, where given, is compared instead of the host.
  error_code expect_host(const std::string& host, bool verify, const std::string& certificate_name = {});
  boost::asio::awaitable<error_code> handshake();
  std::string alpn() const;
  /// What the client showed, verified; nothing where it showed none. Server side, after the handshake.
  std::optional<PeerCertificate> peer_certificate() const;
  /// "127.0.0.1"; an IPv4 peer on a dual-stack socket as people write it.
  const std::string& remote_address() const { return remote_address_; }

  /// What is at hand, from as many records as fit. 0 without an error: nothing yet. eof: the peer said goodbye;
  /// errc::closed: it left without.
  std::size_t try_read(boost::asio::mutable_buffer into, error_code& ec);
  /// False where try_read() would only find out that it has to wait.
  bool maybe_readable() const;
  /// The socket has become readable (wait_readable() says so itself).
  void on_readable() { drained_ = false; }
  boost::asio::awaitable<error_code> wait_readable();
  /// Bytes that were read too far: the next reads return them first.
  void unread(std::string_view bytes) { unread_.insert(0, bytes); }

  void put(boost::asio::const_buffer plain);
  void push(error_code& ec);
  std::size_t backlog_bytes() const { return backlog_.size(); }
  /// Completes when the backlog holds at most `bytes`.
  boost::asio::awaitable<error_code> wait_backlog(std::size_t bytes = 0);
  /// After the socket has become writable.
  void flush(error_code& ec);

  /// Says goodbye and is done with: from here on it counts as closed. By itself it sends the backlog, then discards
  /// what the peer still sends until it hangs up, `limit` at the longest: closing at once would reset the connection
  /// and take the last words with it.
  void leave(std::chrono::milliseconds limit);
  /// Everything that waits on the socket completes with operation_aborted.
  void cancel_waits();
  void close();
  bool is_open() const { return socket_.is_open() && !leaving_; }
  bool failed() const { return static_cast<bool>(failure_); }

  std::chrono::steady_clock::time_point last_received() const { return last_received_; }
  /// When the peer last took something of the backlog: a sign of life, as what it sends is.
  std::chrono::steady_clock::time_point last_drained() const { return last_drained_; }
  /// Ciphertext of both directions; what waits in the backlog counts as sent.
  const Traffic& traffic() const { return traffic_; }

 private:
  struct Bio;  // the OpenSSL side of the socket

  TlsStream(boost::asio::ip::tcp::socket socket, Side side);
  void encrypt_gathered();
  boost::asio::awaitable<void> linger(std::chrono::milliseconds limit);
  void arm_drain();
  void note_ssl_error(int result, error_code& ec);
  error_code verification_error() const;

  boost::asio::ip::tcp::socket socket_;
  Side side_;
  ssl_st* ssl_ = nullptr;
  std::string remote_address_;
  std::string unread_;
  Backlog backlog_;       // ciphertext
  bool drained_ = false;  // a short recv() said that the socket is empty until it becomes readable again
  bool drain_armed_ = false;
  bool leaving_ = false;
  error_code failure_;  // of the socket; sticky
  std::chrono::steady_clock::time_point last_received_, last_drained_;
  Traffic traffic_;
};

}  // namespace wire
