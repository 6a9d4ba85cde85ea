#include "socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace bench {

TlsClient::TlsClient(const std::string& ca_file) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context_,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_load_verify_locations(context_, ca_file.c_str(), nullptr) != 1) {
    SSL_CTX_free(context_);
    throw std::runtime_error(ca_file + ": no CA certificate can be read from it");
  }
}

TlsClient::~TlsClient() {
  SSL_CTX_free(context_);
}

Socket::Socket(std::uint16_t port, unsigned source, int receive_buffer_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (fd_ < 0) throw std::runtime_error(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // The port is chosen at connect(), where the other end is known: a source address has as many ports as there are.
  ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (receive_buffer_bytes > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0 ||
      (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS &&
       errno != ECONNREFUSED)) {
    const std::string why = std::strerror(errno);
    ::close(fd_);
    throw std::runtime_error("cannot connect to port " + std::to_string(port) + ": " + why);
  }
}

Socket::~Socket() {
  SSL_free(ssl_);
  ::close(fd_);
}

bool Socket::is_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  sockaddr_in peer{};
  socklen_t peer_size = sizeof peer;
  return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 &&
         ::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0;
}

void Socket::begin_tls(const TlsClient& tls) {
  ssl_ = SSL_new(tls.context());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1) throw std::runtime_error("OpenSSL has no memory");
  SSL_set1_host(ssl_, "localhost");
  SSL_set_tlsext_host_name(ssl_, "localhost");
  SSL_set_connect_state(ssl_);
}

Socket::Progress Socket::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return Progress::done;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Progress::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Progress::wants_write;
    default:
      return Progress::failed;
  }
}

std::optional<std::size_t> Socket::read(char* into, std::size_t size) {
  if (ssl_ == nullptr) {
    const ssize_t n = ::recv(fd_, into, size, 0);
    if (n > 0) clear_received_ += static_cast<std::uint64_t>(n);
    if (n > 0) return static_cast<std::size_t>(n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return std::nullopt;
  }
  std::size_t filled = 0;
  ERR_clear_error();
  do {
    std::size_t n = 0;
    if (const int result = SSL_read_ex(ssl_, into + filled, size - filled, &n); result != 1) {
      if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ || filled > 0) break;
      return std::nullopt;
    }
    filled += n;
  } while (filled < size && SSL_has_pending(ssl_) != 0);  // the rest is told by epoll
  return filled;
}

std::optional<std::size_t> Socket::write(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    if (ssl_ == nullptr) {
      const ssize_t n = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) break;
      if (n < 0) return std::nullopt;
      done += static_cast<std::size_t>(n);
      clear_sent_ += static_cast<std::uint64_t>(n);
      continue;
    }
    std::size_t n = 0;
    ERR_clear_error();
    if (const int result = SSL_write_ex(ssl_, bytes.data() + done, bytes.size() - done, &n); result != 1) {
      if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_WRITE) break;
      return std::nullopt;
    }
    done += n;
  }
  return done;
}

std::uint64_t Socket::received_bytes() const {
  return clear_received_ + (ssl_ == nullptr ? 0 : BIO_number_read(SSL_get_rbio(ssl_)));
}

std::uint64_t Socket::sent_bytes() const {
  return clear_sent_ + (ssl_ == nullptr ? 0 : BIO_number_written(SSL_get_wbio(ssl_)));
}

}  // namespace bench
