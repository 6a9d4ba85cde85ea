// The body of one HTTP answer that goes on for as long as both sides like: server-sent events.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "wire/connection.h"

namespace wire {

class TlsStream;

/// Made by HttpConnection::stream(), which has written the head; owns TLS state and socket. Same thread rules as
/// Connection; the connection ends with the answer. Bounded: past `backlog_bytes` of unsent ciphertext write() answers
/// errc::backlog_full, so at most one piece more than that is held. A peer that vanishes is noticed by what it does not
/// acknowledge for 45 seconds, so whoever writes must say something now and then.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// One piece of the body, sent at once. Never blocks: what the socket does not take waits in the backlog.
  virtual error_code write(std::string_view piece) = 0;
  virtual std::size_t backlog_bytes() const = 0;
  /// Completes when the backlog is empty or the peer has gone. At most one pending.
  virtual Awaitable<error_code> drained() = 0;
  /// Completes, always with an error, when the peer has left, the stream was ended, or the coroutine is cancelled. What
  /// the peer sends meanwhile is no request that anyone will answer: it is discarded, and too much of it ends the
  /// stream.
  virtual Awaitable<error_code> gone() = 0;
  /// Ends the body in order: what waits is still sent, for two seconds at most, by itself.
  virtual void finish() = 0;
  /// Hard end: the socket is closed now.
  virtual void abort() = 0;

  virtual boost::asio::any_io_executor executor() = 0;
  virtual std::string remote_address() const = 0;
  virtual Traffic traffic() const { return {}; }
};

/// `chunked`: as HTTP/1.1 has it; otherwise the body ends with the connection.
std::unique_ptr<ResponseStream> make_response_stream(std::shared_ptr<TlsStream> stream, bool chunked,
                                                     std::size_t backlog_bytes);

}  // namespace wire
