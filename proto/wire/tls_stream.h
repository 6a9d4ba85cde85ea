// TLS straight on a socket, and the handle through which HTTP and WebSocket use it. Private to wire.
//
// asio::ssl::stream keeps two 17 KB buffers and a BIO pair for each connection; here OpenSSL reads and writes the
// socket through a BIO of ours, so an idle connection costs what OpenSSL itself needs. A write is encrypted whole and
// accepted at once: what the socket does not take waits in a backlog as ciphertext, so OpenSSL never sees "want write",
// and control frames can be written while a message is on its way.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace wire {

enum class TlsRole { server, client };

/// Owns the socket and the TLS state. Lives on the socket's executor, one thread. Not movable: the BIO points here.
/// At most one asynchronous read and one asynchronous write pending; write_some() at any time. The backlog is bounded
/// by its callers: asynchronous writes complete only when it is empty, synchronous writers look at backlog() first.
class TlsStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using error_code = base::error_code;

  TlsStream(Socket socket, SSL_CTX* context, TlsRole role);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Client: the name or address that the certificate must be for, and SNI.
  void expect_host(const std::string& host, bool verify);
  /// Bytes that were read beyond an HTTP request come first at the next read.
  void unread(std::string_view bytes) { prefix_.insert(0, bytes); }

  Socket& socket() { return socket_; }
  SSL* native() { return ssl_; }
  std::size_t backlog() const { return backlog_.size(); }
  /// False: a read would surely have to wait.
  bool maybe_readable() const { return !prefix_.empty() || !drained_ || SSL_has_pending(ssl_) != 0; }
  std::chrono::steady_clock::time_point last_received() const { return last_received_; }
  std::string alpn() const;
  std::string remote_address() const { return remote_address_; }

  /// What the peer has left to know is sent as far as possible; the socket is closed; pending operations end.
  void abort();
  /// Pending operations end with operation_aborted; the stream stays usable.
  void cancel();
  /// Says close_notify and ends our direction.
  void shutdown();
  /// Called when a synchronous writer's backlog has gone, or the stream has failed.
  void on_drained(std::function<void()> callback) { on_drained_ = std::move(callback); }
  /// After a synchronous write: sends the backlog as the socket takes it.
  void drain_in_background();

  /// Fills one buffer from the records at hand; 0 without error: nothing there yet.
  std::size_t read_now(boost::asio::mutable_buffer buffer, error_code& ec);
  /// Encrypts up to 16 KB of what `buffers` hold; never waits.
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return encrypt(boost::asio::buffer_copy(gather(), buffers), ec);
  }

  template <class Token>
  auto async_handshake(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          error_code ec;
          if (handshake_step(ec) || ec) return complete(std::move(handler), ec);
          wait<HandshakeOp>(Socket::wait_read, std::move(handler));
        },
        token);
  }
  template <class Token>
  auto async_readable(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          if (maybe_readable()) return complete(std::move(handler), error_code{});
          wait<ReadableOp>(Socket::wait_read, std::move(handler));
        },
        token);
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, boost::asio::mutable_buffer buffer) {
          error_code ec;
          std::size_t n = 0;
          if (buffer.size() == 0 || (maybe_readable() && ((n = read_now(buffer, ec)) != 0 || ec))) {
            return complete(std::move(handler), ec, n);
          }
          wait<ReadOp>(Socket::wait_read, std::move(handler), buffer);
        },
        token, first(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& b) {
          error_code ec;
          const std::size_t n = write_some(b, ec);
          if (ec || backlog_.empty()) return complete(std::move(handler), ec, n);
          wait<WriteOp>(Socket::wait_write, std::move(handler), n);
        },
        token, buffers);
  }

 private:
  // A handler waiting for the socket, with the handler's own executor, allocator and cancellation.
  template <class Handler>
  struct Op {
    TlsStream* stream;
    Handler handler;
    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }
    using executor_type = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    executor_type get_executor() const noexcept {
      return boost::asio::get_associated_executor(handler, stream->socket_.get_executor());
    }
    using cancellation_slot_type = boost::asio::associated_cancellation_slot_t<Handler>;
    cancellation_slot_type get_cancellation_slot() const noexcept {
      return boost::asio::get_associated_cancellation_slot(handler);
    }
  };
  template <class Handler>
  struct HandshakeOp : Op<Handler> {
    void operator()(error_code ec) {
      TlsStream* s = this->stream;
      if (!ec) {
        s->drained_ = false;
        if (!s->handshake_step(ec) && !ec) return s->socket_.async_wait(Socket::wait_read, std::move(*this));
      }
      this->handler(ec);
    }
  };
  template <class Handler>
  struct ReadableOp : Op<Handler> {
    void operator()(error_code ec) {
      if (!ec) this->stream->drained_ = false;
      this->handler(ec);
    }
  };
  template <class Handler>
  struct ReadOp : Op<Handler> {
    boost::asio::mutable_buffer buffer;
    void operator()(error_code ec) {
      TlsStream* s = this->stream;
      std::size_t n = 0;
      if (!ec) {
        s->drained_ = false;
        n = s->read_now(buffer, ec);
        if (n == 0 && !ec) return s->socket_.async_wait(Socket::wait_read, std::move(*this));
      }
      this->handler(ec, n);
    }
  };
  template <class Handler>
  struct WriteOp : Op<Handler> {
    std::size_t written;
    void operator()(error_code ec) {
      TlsStream* s = this->stream;
      if (!ec) {
        s->flush(ec);
        if (!ec && !s->backlog_.empty()) return s->socket_.async_wait(Socket::wait_write, std::move(*this));
      }
      this->handler(ec, written);
    }
  };
  template <template <class> class Operation, class Handler, class... More>
  void wait(Socket::wait_type what, Handler&& handler, More... more) {
    using Plain = std::decay_t<Handler>;
    Operation<Plain> op{{this, std::forward<Handler>(handler)}, more...};
    socket_.async_wait(what, std::move(op));
  }
  template <class Handler, class... Args>
  void complete(Handler&& handler, Args... args) {
    auto executor = boost::asio::get_associated_executor(handler, socket_.get_executor());
    boost::asio::post(executor, [h = std::forward<Handler>(handler), args...]() mutable { h(args...); });
  }
  template <class Buffers>
  static boost::asio::mutable_buffer first(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end; ++it) {
      const boost::asio::mutable_buffer b(*it);
      if (b.size() != 0) return b;
    }
    return {};
  }

  static boost::asio::mutable_buffer gather();
  std::size_t encrypt(std::size_t size, error_code& ec);
  bool handshake_step(error_code& ec);  // true: done
  void flush(error_code& ec);
  void drained(const error_code& ec);
  error_code failure(int result);
  static BIO_METHOD* bio_method();
  static int bio_write(BIO* bio, const char* data, int size);
  static int bio_read(BIO* bio, char* data, int size);
  static long bio_control(BIO* bio, int command, long number, void* pointer);

  Socket socket_;
  SSL* ssl_;
  std::string prefix_;
  std::string backlog_;
  std::string remote_address_;
  std::function<void()> on_drained_;
  std::shared_ptr<TlsStream*> self_;  // null inside once destroyed: for a background wait that completes late
  std::chrono::steady_clock::time_point last_received_;
  int socket_error_ = 0;
  bool drained_ = false;  // the last recv took all there was: wait before the next
  bool draining_ = false;
};

/// What Beast and Asio's composed operations take for a stream: movable, so that the same TLS state goes from HTTP to
/// WebSocket.
class TlsHandle {
 public:
  using executor_type = boost::asio::any_io_executor;
  using next_layer_type = TlsStream::Socket;
  using lowest_layer_type = TlsStream::Socket;

  explicit TlsHandle(std::unique_ptr<TlsStream> stream) : stream_(std::move(stream)) {}
  executor_type get_executor() { return stream_->socket().get_executor(); }
  next_layer_type& next_layer() { return stream_->socket(); }
  const next_layer_type& next_layer() const { return stream_->socket(); }
  TlsStream& stream() { return *stream_; }
  const TlsStream& stream() const { return *stream_; }
  std::unique_ptr<TlsStream> release() { return std::move(stream_); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return stream_->async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return stream_->async_write_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, base::error_code& ec) {
    return stream_->write_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    base::error_code ec;
    const std::size_t n = write_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return n;
  }
  // Beast asks for a synchronous reader where it is given a synchronous writer; nobody calls it.
  template <class Buffers>
  std::size_t read_some(const Buffers&, base::error_code& ec) {
    ec = boost::asio::error::operation_not_supported;
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers&) {
    throw boost::system::system_error(boost::asio::error::operation_not_supported);
  }

 private:
  std::unique_ptr<TlsStream> stream_;
};

}  // namespace wire
