#include "wire/tls_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "wire/certificate_parts.h"
#include "wire/deadline.h"
#include "wire/errc.h"
#include "wire/openssl.h"

namespace asio = boost::asio;

namespace wire {
namespace {

using Socket = asio::ip::tcp::socket;

constexpr std::size_t kRecordBytes = 16 * 1024;        // the most plaintext one TLS record carries
constexpr std::size_t kPiecesAtOnce = 16;              // of the backlog, in one send
constexpr std::size_t kLingerBytes = 8 * 1024 * 1024;  // discarded at most before hanging up

// Plaintext on its way into one record. Filled and emptied within one synchronous call, so one a thread is enough.
struct Gather {
  std::array<char, kRecordBytes> data;
  std::size_t size = 0;
};
thread_local Gather gather;

/// Whether the peer's last alert was about our certificate.
bool refuses_certificate(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct TlsStream::Bio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  // Takes everything, always: OpenSSL never sees WANT_WRITE.
  static int write(BIO* bio, const char* data, int size) {
    auto& self = stream(bio);
    BIO_clear_retry_flags(bio);
    if (self.failure_ || !self.socket_.is_open()) return -1;
    std::size_t sent = 0;
    const auto all = static_cast<std::size_t>(size);
    self.traffic_.sent_bytes += all;
    if (self.backlog_bytes() == 0) {
      const ssize_t n = ::send(self.socket_.native_handle(), data, all, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) {
        self.failure_.assign(errno, boost::system::system_category());
        return -1;
      }
      if (n > 0) sent = static_cast<std::size_t>(n);
    }
    if (sent < all) {
      self.backlog_.append({data + sent, all - sent});
      self.arm_drain();
    }
    return size;
  }

  // With read-ahead OpenSSL offers a whole record's room: a short answer means that the socket is empty, which saves
  // the call that would only say so.
  static int read(BIO* bio, char* into, int size) {
    auto& self = stream(bio);
    BIO_clear_retry_flags(bio);
    if (self.failure_ || !self.socket_.is_open()) return -1;
    if (self.drained_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ssize_t n = ::recv(self.socket_.native_handle(), into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (n > 0) {
      self.drained_ = n < size;
      self.traffic_.received_bytes += static_cast<std::size_t>(n);
      self.last_received_ = std::chrono::steady_clock::now();
      return static_cast<int>(n);
    }
    if (n == 0) {
      BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
      return 0;
    }
    if (errno == EAGAIN || errno == EINTR) {
      self.drained_ = errno == EAGAIN;
      BIO_set_retry_read(bio);
    } else {
      self.failure_.assign(errno, boost::system::system_category());
    }
    return -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return 0;
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const instance = [] {
      auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire::TlsStream");
      if (made != nullptr) {
        BIO_meth_set_write(made, write);
        BIO_meth_set_read(made, read);
        BIO_meth_set_ctrl(made, control);
        BIO_meth_set_create(made, create);
      }
      return made;
    }();
    return instance;
  }
};

base::Result<std::shared_ptr<TlsStream>> TlsStream::make(Socket socket, ssl_ctx_st* context, Side side) {
  error_code ec;
  socket.non_blocking(true, ec);
  if (ec) return ec;
  std::shared_ptr<TlsStream> stream(new TlsStream(std::move(socket), side));
  stream->ssl_ = SSL_new(context);
  auto* const method = Bio::method();
  BIO* const bio = stream->ssl_ == nullptr || method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return error_code(errc::tls_failed);
  BIO_set_data(bio, stream.get());
  SSL_set_bio(stream->ssl_, bio, bio);
  if (side == Side::server) {
    SSL_set_accept_state(stream->ssl_);
  } else {
    SSL_set_connect_state(stream->ssl_);
  }
  return stream;
}

TlsStream::TlsStream(Socket socket, Side side)
    : socket_(std::move(socket)),
      side_(side),
      last_received_(std::chrono::steady_clock::now()),
      last_drained_(last_received_) {
  error_code ec;
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  const auto endpoint = socket_.remote_endpoint(ec);
  if (ec) return;
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  remote_address_ = address.to_string();
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

error_code TlsStream::expect_host(const std::string& host, bool verify, const std::string& certificate_name) {
  const auto is_name = [](const std::string& text) {
    error_code not_address;
    asio::ip::make_address(text, not_address);
    return static_cast<bool>(not_address);
  };
  const std::string& wanted = certificate_name.empty() ? host : certificate_name;
  bool good = true;
  if (is_name(host)) good = SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1;
  if (good && verify) {
    auto* const parameters = SSL_get0_param(ssl_);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    good = good && (is_name(wanted) ? X509_VERIFY_PARAM_set1_host(parameters, wanted.data(), wanted.size())
                                    : X509_VERIFY_PARAM_set1_ip_asc(parameters, wanted.c_str())) == 1;
  }
  ERR_clear_error();
  return good ? error_code{} : error_code(errc::host_mismatch);
}

asio::awaitable<error_code> TlsStream::handshake() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) co_return error_code{};
    if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) {
      error_code ec;
      note_ssl_error(result, ec);
      const auto verdict = verification_error();
      // A last alert may still be on its way out; what matters to the caller is why.
      if (verdict) co_return verdict;
      co_return ec == error_code(errc::certificate_refused) || ec == error_code(errc::not_tls)
          ? ec
          : error_code(errc::tls_failed);
    }
    if (const auto ec = co_await wait_readable()) co_return ec;
  }
}

error_code TlsStream::verification_error() const {
  if (side_ == Side::server) return {};
  switch (SSL_get_verify_result(ssl_)) {
    case X509_V_OK:
      return {};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return errc::host_mismatch;
    default:
      return errc::certificate_untrusted;
  }
}

std::string TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::optional<PeerCertificate> TlsStream::peer_certificate() const {
  X509* const shown = side_ == Side::server ? SSL_get0_peer_certificate(ssl_) : nullptr;
  if (shown == nullptr) return std::nullopt;
  const auto verdict = SSL_get_verify_result(ssl_);
  if (verdict != X509_V_OK && verdict != X509_V_ERR_CERT_HAS_EXPIRED) return std::nullopt;
  const auto info = openssl::info_of(shown);
  if (!info) return std::nullopt;
  return PeerCertificate{info->serial_hex, info->common_name, verdict == X509_V_ERR_CERT_HAS_EXPIRED};
}

std::size_t TlsStream::try_read(asio::mutable_buffer into, error_code& ec) {
  ec = {};
  auto* const data = static_cast<char*>(into.data());
  if (!unread_.empty()) {
    const std::size_t n = std::min(into.size(), unread_.size());
    std::memcpy(data, unread_.data(), n);
    unread_.erase(0, n);
    if (unread_.empty()) std::string().swap(unread_);
    return n;
  }
  if (!is_open()) {
    ec = errc::closed;
    return 0;
  }
  std::size_t filled = 0;
  ERR_clear_error();
  while (filled < into.size()) {
    std::size_t n = 0;
    const int result = SSL_read_ex(ssl_, data + filled, into.size() - filled, &n);
    if (result == 1) {
      filled += n;
      if (drained_ && SSL_has_pending(ssl_) == 0) break;
    } else {
      // An error behind bytes that arrived is met again by the next call.
      if (filled == 0 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) note_ssl_error(result, ec);
      break;
    }
  }
  return filled;
}

bool TlsStream::maybe_readable() const {
  return !drained_ || !unread_.empty() || SSL_has_pending(ssl_) != 0;
}

asio::awaitable<error_code> TlsStream::wait_readable() {
  if (!is_open()) co_return errc::closed;
  const auto [ec] = co_await socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
  if (!ec) on_readable();
  co_return ec;
}

void TlsStream::put(asio::const_buffer plain) {
  const auto* from = static_cast<const char*>(plain.data());
  std::size_t left = plain.size();
  while (left > 0) {
    const std::size_t n = std::min(left, kRecordBytes - gather.size);
    std::memcpy(gather.data.data() + gather.size, from, n);
    gather.size += n;
    from += n;
    left -= n;
    if (gather.size == kRecordBytes) encrypt_gathered();
  }
}

void TlsStream::push(error_code& ec) {
  if (gather.size > 0) encrypt_gathered();
  if (failure_) {
    ec = failure_;
  } else if (!is_open()) {
    ec = errc::closed;
  } else {
    ec = {};
  }
}

void TlsStream::encrypt_gathered() {
  const auto size = static_cast<int>(std::exchange(gather.size, 0));
  if (failure_ || !is_open()) return;
  ERR_clear_error();
  if (SSL_write(ssl_, gather.data.data(), size) != size) {
    if (!failure_) failure_ = errc::tls_failed;
    ERR_clear_error();
  }
}

asio::awaitable<error_code> TlsStream::wait_backlog(std::size_t bytes) {
  while (backlog_bytes() > bytes) {
    if (failure_) co_return failure_;
    if (!is_open()) co_return errc::closed;
    const auto [wait_error] = co_await socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
    if (wait_error) co_return wait_error;
    error_code ec;
    flush(ec);
    if (ec) co_return ec;
  }
  if (failure_) co_return failure_;
  co_return is_open() ? error_code{} : error_code(errc::closed);
}

void TlsStream::flush(error_code& ec) {
  while (!failure_ && socket_.is_open() && backlog_bytes() > 0) {
    std::array<iovec, kPiecesAtOnce> pieces;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = backlog_.front(pieces);
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      backlog_.consume(static_cast<std::size_t>(n));
      last_drained_ = std::chrono::steady_clock::now();
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      failure_.assign(errno, boost::system::system_category());
    }
  }
  if (failure_) backlog_.clear();
  ec = failure_;
}

void TlsStream::arm_drain() {
  if (drain_armed_) return;
  drain_armed_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& wait_error) {
    self->drain_armed_ = false;
    if (!self->socket_.is_open()) return;
    error_code ec;
    if (!wait_error) self->flush(ec);
    // cancel_waits() is meant for readers: the backlog goes on draining.
    if (!ec && self->backlog_bytes() > 0 && (!wait_error || wait_error == asio::error::operation_aborted)) {
      self->arm_drain();
    }
  });
}

void TlsStream::note_ssl_error(int result, error_code& ec) {
  const int kind = SSL_get_error(ssl_, result);
  const auto queued = ERR_peek_error();
  ERR_clear_error();
  if (kind == SSL_ERROR_ZERO_RETURN) {
    ec = asio::error::eof;
  } else if (failure_) {
    ec = failure_;
  } else if (ERR_GET_REASON(queued) == SSL_R_UNEXPECTED_EOF_WHILE_READING || kind == SSL_ERROR_SYSCALL) {
    ec = errc::closed;
  } else {
    const int reason = ERR_GET_REASON(queued);
    const bool is_foreign = side_ == Side::client && reason == SSL_R_WRONG_VERSION_NUMBER;
    ec = refuses_certificate(reason) ? errc::certificate_refused : is_foreign ? errc::not_tls : errc::tls_failed;
  }
}

void TlsStream::leave(std::chrono::milliseconds limit) {
  if (!is_open()) return;
  ERR_clear_error();
  if (!failure_ && SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
  leaving_ = true;
  // Bounded by `limit` and kLingerBytes, it outlives its owner as the kernel's own lingering would.
  asio::co_spawn(get_executor(), linger(limit),
                 [self = shared_from_this()](const std::exception_ptr&) { self->close(); });
}

asio::awaitable<void> TlsStream::linger(std::chrono::milliseconds limit) {
  constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
  Deadline deadline(get_executor());
  deadline.arm(limit, [this] { close(); });
  while (socket_.is_open() && backlog_bytes() > 0 && !failure_) {
    const auto [wait_error] = co_await socket_.async_wait(Socket::wait_write, kWait);
    error_code ec;
    if (!wait_error) flush(ec);
  }
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  std::size_t discarded = 0;
  while (socket_.is_open() && !failure_ && discarded < kLingerBytes) {
    const ssize_t n = ::recv(socket_.native_handle(), gather.data.data(), gather.data.size(), MSG_DONTWAIT);
    if (n > 0) {
      discarded += static_cast<std::size_t>(n);
    } else if (n < 0 && errno == EAGAIN) {
      co_await socket_.async_wait(Socket::wait_read, kWait);
    } else {
      break;
    }
  }
}

void TlsStream::cancel_waits() {
  error_code ignored;
  socket_.cancel(ignored);
}

void TlsStream::close() {
  error_code ignored;
  socket_.close(ignored);
  backlog_.clear();
}

}  // namespace wire
