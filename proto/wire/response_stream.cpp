#include "wire/response_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "wire/errc.h"
#include "wire/http_text.h"
#include "wire/tls_stream.h"

namespace wire {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kStreamLinger{2};
constexpr int kUnacknowledgedMs = 45'000;
constexpr std::size_t kDiscardedBytes = 64 * 1024;

class TlsResponseStream final : public ResponseStream {
 public:
  TlsResponseStream(std::shared_ptr<TlsStream> stream, bool chunked, std::size_t backlog_bytes)
      : stream_(std::move(stream)), chunked_(chunked), backlog_limit_(backlog_bytes) {
    (void)::setsockopt(stream_->socket().native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs,
                       sizeof kUnacknowledgedMs);
  }

  ~TlsResponseStream() override {
    if (stream_->is_open()) stream_->close();
  }

  error_code write(std::string_view piece) override {
    if (ended_ || stream_->failed() || !stream_->is_open()) return errc::closed;
    if (piece.empty()) return {};  // an empty chunk would end the body
    if (stream_->backlog_bytes() > backlog_limit_) return errc::backlog_full;
    error_code ec;
    if (chunked_) {
      const std::string framed = chunk_text(piece);
      stream_->put(asio::buffer(framed));
    } else {
      stream_->put(asio::buffer(piece));
    }
    stream_->push(ec);
    return ec ? error_code(errc::closed) : error_code{};
  }

  std::size_t backlog_bytes() const override { return stream_->backlog_bytes(); }

  Awaitable<error_code> drained() override {
    auto ec = co_await stream_->wait_backlog();
    if (ec == asio::error::operation_aborted && !stream_->is_open()) ec = errc::closed;
    co_return ec;
  }

  Awaitable<error_code> gone() override {
    // A stream that another coroutine ends may be gone before this one runs on.
    const auto stream = stream_;
    std::size_t discarded = 0;
    std::array<char, 256> scratch;
    for (;;) {
      error_code ec;
      const std::size_t n = stream->try_read(asio::buffer(scratch), ec);
      if (ec) co_return errc::closed;
      discarded += n;
      if (discarded > kDiscardedBytes) {
        stream->close();
        co_return errc::malformed;
      }
      if (n > 0) continue;
      if (const auto wait_error = co_await stream->wait_readable()) co_return wait_error;
    }
  }

  void finish() override {
    if (std::exchange(ended_, true) || !stream_->is_open()) return;
    if (chunked_) {
      error_code ignored;
      const std::string last = chunk_text("");
      stream_->put(asio::buffer(last));
      stream_->push(ignored);
    }
    stream_->cancel_waits();
    stream_->leave(kStreamLinger);
  }

  void abort() override {
    ended_ = true;
    stream_->close();
  }

  asio::any_io_executor executor() override { return stream_->get_executor(); }
  std::string remote_address() const override { return stream_->remote_address(); }
  Traffic traffic() const override { return stream_->traffic(); }

 private:
  const std::shared_ptr<TlsStream> stream_;
  const bool chunked_;
  const std::size_t backlog_limit_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ResponseStream> make_response_stream(std::shared_ptr<TlsStream> stream, bool chunked,
                                                     std::size_t backlog_bytes) {
  return std::make_unique<TlsResponseStream>(std::move(stream), chunked, backlog_bytes);
}

}  // namespace wire
