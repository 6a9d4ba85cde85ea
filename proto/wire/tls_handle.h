// TlsStream as Asio's AsyncStream and SyncStream, for Beast. Private to wire.
#pragma once

#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <utility>

#include "wire/tls_stream.h"

namespace wire {

/// A movable reference to a TlsStream. A write is taken whole, at once; an asynchronous one completes when the backlog
/// has come down to `low_water` bytes (that is the back-pressure on what Beast sends by itself: pongs and closes).
class TlsHandle {
 public:
  using next_layer_type = boost::asio::ip::tcp::socket;
  using lowest_layer_type = next_layer_type;
  using executor_type = boost::asio::any_io_executor;

  explicit TlsHandle(std::shared_ptr<TlsStream> stream, std::size_t low_water = 0)
      : stream_(std::move(stream)), low_water_(low_water) {}

  executor_type get_executor() { return stream_->get_executor(); }
  next_layer_type& next_layer() { return stream_->socket(); }
  const next_layer_type& next_layer() const { return stream_->socket(); }
  const std::shared_ptr<TlsStream>& stream() const { return stream_; }

  /// Between cork() and uncork() writes gather: a message leaves in as few records as it fits.
  void cork() { corked_ = true; }
  void uncork(error_code& ec) {
    corked_ = false;
    stream_->push(ec);
  }

  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers, error_code& ec) {
    std::size_t taken = 0;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto i = boost::asio::buffer_sequence_begin(buffers); i != end; ++i) {
      const boost::asio::const_buffer part(*i);
      stream_->put(part);
      taken += part.size();
    }
    ec = {};
    if (!corked_) stream_->push(ec);
    return ec ? 0 : taken;
  }
  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers) {
    error_code ec;
    const std::size_t taken = write_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return taken;
  }

  /// Only there because Beast's synchronous writes ask for a stream that could also read: nobody reads this way.
  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers&, error_code& ec) {
    ec = boost::asio::error::operation_not_supported;
    return 0;
  }
  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers&) {
    throw boost::system::system_error(boost::asio::error::operation_not_supported);
  }

  template <class MutableBuffers, class Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(StartRead{stream_}, token,
                                                                             first_room(buffers));
  }

  template <class ConstBuffers, class Token>
  auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(StartWrite{this}, token, buffers);
  }

  template <class Handler>
  struct ReadOp {
    std::shared_ptr<TlsStream> stream;
    boost::asio::mutable_buffer into;
    Handler handler;

    void operator()(error_code ec) {
      std::size_t n = 0;
      if (!ec) {
        stream->on_readable();
        n = stream->try_read(into, ec);
        if (n == 0 && !ec) {
          auto& socket = stream->socket();
          socket.async_wait(next_layer_type::wait_read, std::move(*this));
          return;
        }
      }
      handler(ec, n);
    }
  };

  template <class Handler>
  struct WriteOp {
    std::shared_ptr<TlsStream> stream;
    std::size_t low_water;
    std::size_t taken;
    Handler handler;

    void operator()(error_code ec) {
      if (!ec) stream->flush(ec);
      if (!ec && stream->backlog_bytes() > low_water) {
        auto& socket = stream->socket();
        socket.async_wait(next_layer_type::wait_write, std::move(*this));
        return;
      }
      handler(ec, ec ? 0 : taken);
    }
  };

  /// What a completed operation hands over; posted, never run inside the initiating call.
  template <class Handler>
  struct Completed {
    Handler handler;
    error_code ec;
    std::size_t n;
    void operator()() { handler(ec, n); }
  };

 private:
  struct StartRead {
    std::shared_ptr<TlsStream> stream;
    template <class Handler>
    void operator()(Handler&& handler, boost::asio::mutable_buffer into) {
      using H = std::decay_t<Handler>;
      error_code ec;
      std::size_t n = 0;
      if (into.size() == 0 || (stream->maybe_readable() && ((n = stream->try_read(into, ec)) > 0 || ec))) {
        auto executor = stream->get_executor();
        boost::asio::post(executor, Completed<H>{std::forward<Handler>(handler), ec, n});
        return;
      }
      auto& socket = stream->socket();
      socket.async_wait(next_layer_type::wait_read, ReadOp<H>{stream, into, std::forward<Handler>(handler)});
    }
  };

  struct StartWrite {
    TlsHandle* self;
    template <class Handler, class ConstBuffers>
    void operator()(Handler&& handler, const ConstBuffers& buffers) {
      using H = std::decay_t<Handler>;
      error_code ec;
      const std::size_t taken = self->write_some(buffers, ec);
      const auto& stream = self->stream_;
      if (ec || stream->backlog_bytes() <= self->low_water_) {
        auto executor = stream->get_executor();
        boost::asio::post(executor, Completed<H>{std::forward<Handler>(handler), ec, taken});
        return;
      }
      auto& socket = stream->socket();
      socket.async_wait(next_layer_type::wait_write,
                        WriteOp<H>{stream, self->low_water_, taken, std::forward<Handler>(handler)});
    }
  };

  template <class MutableBuffers>
  static boost::asio::mutable_buffer first_room(const MutableBuffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto i = boost::asio::buffer_sequence_begin(buffers); i != end; ++i) {
      const boost::asio::mutable_buffer one(*i);
      if (one.size() > 0) return one;
    }
    return {};
  }

  std::shared_ptr<TlsStream> stream_;
  std::size_t low_water_;
  bool corked_ = false;
};

}  // namespace wire

// The operations run where, and with what memory and cancellation, their handlers say.
namespace boost::asio {

template <template <class, class> class Associator, class Handler, class Default>
struct associator<Associator, wire::TlsHandle::ReadOp<Handler>, Default> : Associator<Handler, Default> {
  static auto get(const wire::TlsHandle::ReadOp<Handler>& op) noexcept {
    return Associator<Handler, Default>::get(op.handler);
  }
  static auto get(const wire::TlsHandle::ReadOp<Handler>& op, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(op.handler, fallback);
  }
};

template <template <class, class> class Associator, class Handler, class Default>
struct associator<Associator, wire::TlsHandle::WriteOp<Handler>, Default> : Associator<Handler, Default> {
  static auto get(const wire::TlsHandle::WriteOp<Handler>& op) noexcept {
    return Associator<Handler, Default>::get(op.handler);
  }
  static auto get(const wire::TlsHandle::WriteOp<Handler>& op, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(op.handler, fallback);
  }
};

template <template <class, class> class Associator, class Handler, class Default>
struct associator<Associator, wire::TlsHandle::Completed<Handler>, Default> : Associator<Handler, Default> {
  static auto get(const wire::TlsHandle::Completed<Handler>& op) noexcept {
    return Associator<Handler, Default>::get(op.handler);
  }
  static auto get(const wire::TlsHandle::Completed<Handler>& op, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(op.handler, fallback);
  }
};

}  // namespace boost::asio
