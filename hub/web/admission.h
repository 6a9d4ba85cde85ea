// Who gets a connection, and a TLS handshake, when many want one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "hub/core/token_buckets.h"

namespace hub::web {

/// One per I/O core; not thread-safe. Addresses as address_key() makes them.
///
/// A handshake that goes nowhere costs a place until its deadline. Where all places are taken, the address that holds
/// most of them loses its oldest: whoever opens a thousand sockets and says nothing pushes out their own, and one who
/// speaks at once is done before it is their turn, even from the same address.
class Admission {
 public:
  struct Limits {
    std::size_t connections = 20'000;
    std::size_t connections_per_address = 10'000;
    std::size_t handshakes = 128;               // at a time
    double handshakes_per_address_per_s = 500;  // ten seconds' worth at once
    double accepts_per_s = 1'000;               // 32 at once; whoever comes beyond waits in the listen queue
  };
  enum class Verdict : std::uint8_t {
    go,
    full,               // too many connections
    address_full,       // too many of this address
    address_too_often,  // this address comes too often
  };

  explicit Admission(const Limits& limits)
      : limits_(limits),
        arrivals_(limits.handshakes_per_address_per_s * 10, 1e6 / limits.handshakes_per_address_per_s, kAddresses) {}

  /// How long to wait before the next connection is taken from the listen queue; 0: it counts as taken. A handshake is
  /// a third of a millisecond of this core: when thousands come back at once, theirs lie between the writes to those
  /// who are connected instead of all before them.
  std::int64_t accept_wait_us(std::int64_t boot_us);

  /// Counts the connection where it may come: leave() then, once.
  Verdict arrive(const std::string& address, std::int64_t boot_us);
  void leave(const std::string& address);

  /// Answers the handshake that must go for it: it has left the table already, its socket is the caller's to end.
  std::optional<std::uint64_t> begin_handshake(std::uint64_t number, const std::string& address);
  void end_handshake(std::uint64_t number);

  std::size_t connections() const { return connections_; }
  std::size_t handshakes() const { return handshakes_.size(); }

 private:
  static constexpr std::size_t kAddresses = 10'000;  // those not seen for longest are forgotten: their bucket is full

  static constexpr double kAcceptsAtOnce = 32;

  const Limits limits_;
  TokenBuckets arrivals_;
  double accepts_left_ = kAcceptsAtOnce;
  std::int64_t accepts_counted_us_ = 0;
  std::size_t connections_ = 0;
  std::unordered_map<std::string, std::size_t> by_address_;    // connections; ≤ limits.connections entries
  std::unordered_map<std::uint64_t, std::string> handshakes_;  // ≤ limits.handshakes; numbers grow with time
};

}  // namespace hub::web
