#include "wire/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <cerrno>

#include "wire/errc.h"

namespace wire {
namespace {

constexpr std::size_t kRecord = 16'384;

}  // namespace

TlsStream::TlsStream(Socket socket, SSL_CTX* context, TlsRole role)
    : socket_(std::move(socket)),
      ssl_(SSL_new(context)),
      self_(std::make_shared<TlsStream*>(this)),
      last_received_(std::chrono::steady_clock::now()) {
  error_code ec;
  socket_.non_blocking(true, ec);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ec);
  const auto endpoint = socket_.remote_endpoint(ec);
  if (!ec) {
    auto address = endpoint.address();
    // An IPv4 peer on a dual-stack socket is told as people write it.
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
      address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    }
    remote_address_ = address.to_string();
  }
  BIO* bio = BIO_new(bio_method());
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_read_ahead(ssl_, 1);
  if (role == TlsRole::server) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

TlsStream::~TlsStream() {
  *self_ = nullptr;
  SSL_free(ssl_);
}

void TlsStream::expect_host(const std::string& host, bool verify) {
  error_code not_an_address;
  boost::asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(ssl_, host.c_str());
  if (!verify) return;
  if (not_an_address) {
    SSL_set1_host(ssl_, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
  }
}

std::string TlsStream::alpn() const {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

void TlsStream::abort() {
  error_code ec;
  socket_.close(ec);
  if (socket_error_ == 0) socket_error_ = ECONNABORTED;
  backlog_.clear();
  drained(errc::closed);
}

void TlsStream::cancel() {
  error_code ec;
  socket_.cancel(ec);
}

void TlsStream::shutdown() {
  if (SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ERR_clear_error();
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
}

boost::asio::mutable_buffer TlsStream::gather() {
  // One record's worth for each thread: header and fragments go into one record and one send.
  static thread_local char buffer[kRecord];
  return boost::asio::buffer(buffer);
}

std::size_t TlsStream::encrypt(std::size_t size, error_code& ec) {
  if (size == 0) return 0;
  if (socket_error_ != 0) {
    ec.assign(socket_error_, boost::system::system_category());
    return 0;
  }
  ERR_clear_error();
  const int n = SSL_write(ssl_, gather().data(), static_cast<int>(size));
  if (n <= 0) {
    ec = failure(n);
    return 0;
  }
  if (socket_error_ != 0) {
    ec.assign(socket_error_, boost::system::system_category());
    return 0;
  }
  return static_cast<std::size_t>(n);
}

bool TlsStream::handshake_step(error_code& ec) {
  ERR_clear_error();
  const int n = SSL_do_handshake(ssl_);
  if (n == 1) {
    if (!backlog_.empty()) drain_in_background();
    return true;
  }
  if (SSL_get_error(ssl_, n) == SSL_ERROR_WANT_READ) return false;
  switch (SSL_get_verify_result(ssl_)) {
    case X509_V_OK:
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      ec = errc::host_mismatch;
      break;
    default:
      ec = errc::certificate_untrusted;
      break;
  }
  ERR_clear_error();
  if (!ec) {
    ec =
        socket_error_ != 0 ? error_code(socket_error_, boost::system::system_category()) : error_code(errc::tls_failed);
  }
  return false;
}

std::size_t TlsStream::read_now(boost::asio::mutable_buffer buffer, error_code& ec) {
  auto* out = static_cast<char*>(buffer.data());
  std::size_t n = 0;
  if (!prefix_.empty()) {
    n = std::min(prefix_.size(), buffer.size());
    prefix_.copy(out, n);
    prefix_.erase(0, n);
    return n;
  }
  ERR_clear_error();
  while (n < buffer.size()) {
    const int k = SSL_read(ssl_, out + n, static_cast<int>(std::min<std::size_t>(buffer.size() - n, 1u << 30)));
    if (k > 0) {
      n += static_cast<std::size_t>(k);
      if (drained_ && SSL_has_pending(ssl_) == 0) break;
      continue;
    }
    // An error behind bytes that were read is met again at the next call.
    if (SSL_get_error(ssl_, k) != SSL_ERROR_WANT_READ && n == 0) ec = failure(k);
    break;
  }
  if (!backlog_.empty()) drain_in_background();  // a key update answers by itself
  return n;
}

base::error_code TlsStream::failure(int result) {
  const int kind = SSL_get_error(ssl_, result);
  const unsigned long queued = ERR_get_error();
  ERR_clear_error();
  if (socket_error_ != 0) return {socket_error_, boost::system::system_category()};
  if (kind == SSL_ERROR_ZERO_RETURN || ERR_GET_REASON(queued) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return boost::asio::error::eof;
  }
  return kind == SSL_ERROR_SYSCALL ? error_code(boost::asio::error::eof) : error_code(errc::tls_failed);
}

void TlsStream::flush(error_code& ec) {
  std::size_t sent = 0;
  while (sent < backlog_.size()) {
    const ssize_t n =
        ::send(socket_.native_handle(), backlog_.data() + sent, backlog_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        socket_error_ = errno;
        ec.assign(errno, boost::system::system_category());
      }
      break;
    }
    sent += static_cast<std::size_t>(n);
  }
  backlog_.erase(0, sent);
  if (backlog_.empty()) std::string().swap(backlog_);
}

void TlsStream::drain_in_background() {
  if (std::exchange(draining_, true)) return;
  socket_.async_wait(Socket::wait_write, [self = self_](error_code ec) {
    TlsStream* stream = *self;
    if (stream == nullptr) return;
    stream->draining_ = false;
    if (!ec) stream->flush(ec);
    if (ec && ec != boost::asio::error::operation_aborted) stream->backlog_.clear();
    if (!stream->backlog_.empty() && stream->socket_.is_open()) return stream->drain_in_background();
    stream->drained(ec);
  });
}

void TlsStream::drained(const error_code&) {
  if (on_drained_) on_drained_();
}

BIO_METHOD* TlsStream::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "telemetry socket");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_control);
    BIO_meth_set_create(m, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return m;
  }();
  return method;
}

int TlsStream::bio_write(BIO* bio, const char* data, int size) {
  auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = 0;
  if (stream->backlog_.empty()) {
    n = ::send(stream->socket_.native_handle(), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        stream->socket_error_ = errno;
        return -1;
      }
      n = 0;
    }
  }
  if (n < size) stream->backlog_.append(data + n, static_cast<std::size_t>(size - n));
  return size;
}

// read_ahead asks for a whole record buffer, so a short recv means that the socket is empty until the next readiness.
int TlsStream::bio_read(BIO* bio, char* data, int size) {
  auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (stream->drained_) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const ssize_t n = ::recv(stream->socket_.native_handle(), data, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (n < size) stream->drained_ = true;
  if (n == 0) {
    stream->drained_ = false;
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return 0;
  }
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) {
      BIO_set_retry_read(bio);
    } else {
      stream->socket_error_ = errno;
    }
    return -1;
  }
  stream->last_received_ = std::chrono::steady_clock::now();
  return static_cast<int>(n);
}

long TlsStream::bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

}  // namespace wire
