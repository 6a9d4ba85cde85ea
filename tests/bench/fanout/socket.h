// A TCP socket, with or without TLS, that never blocks.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

/// TLS 1.3 as a client that trusts one CA file, with no resumption: each handshake is a whole one.
class TlsClient {
 public:
  explicit TlsClient(const std::string& ca_file);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ssl_ctx_st* context() const { return context_; }

 private:
  ssl_ctx_st* context_;
};

class Socket {
 public:
  enum class Progress : std::uint8_t { done, wants_read, wants_write, failed };

  /// Begins to connect to 127.0.0.1 from 127.0.0.SOURCE; throws where the system has no descriptor or port left.
  /// `receive_buffer_bytes`: 0 for what the system gives, which grows.
  Socket(std::uint16_t port, unsigned source, int receive_buffer_bytes);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  /// Whether the connection stands; `failed` where it was refused.
  bool is_connected();
  void begin_tls(const TlsClient& tls);
  Progress handshake();

  /// Bytes read: 0 where nothing is there now; nothing at the end of the connection.
  std::optional<std::size_t> read(char* into, std::size_t size);
  /// Bytes taken: 0 where the socket is full; nothing where the connection has ended.
  std::optional<std::size_t> write(std::string_view bytes);

  /// As they pass the socket: TLS records included, TCP and IP not.
  std::uint64_t received_bytes() const;
  std::uint64_t sent_bytes() const;

 private:
  int fd_ = -1;
  ssl_st* ssl_ = nullptr;
  std::uint64_t clear_received_ = 0, clear_sent_ = 0;  // before TLS, or without
};

}  // namespace bench
