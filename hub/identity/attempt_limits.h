// How often a password or set-up code may be tried.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "hub/core/address_key.h"
#include "hub/core/token_buckets.h"

namespace hub {

/// Thread-safe. Three buckets guard a sign-in:
/// - this account from this address: 10, one back each 6 s; empty refuses. Whoever guesses at one account from one
///   address stops here, and the owner elsewhere does not notice.
/// - this address, whatever account: 30, one back each 2 s; empty refuses. Against trying one password on many names.
/// - this account from everywhere: 60, one back each second; empty only slows the attempt by 2 s (the caller bounds how
///   many wait). Guessing from many addresses is slowed without locking the owner out; an address from which the
///   account was signed in to lately is not slowed.
/// What succeeds is given back: it was no guess, and scripts sign in often.
/// Addresses: IPv4 whole, IPv6 by its /64, since one host owns that many. Each map holds 10,000 keys.
class AttemptLimits {
 public:
  explicit AttemptLimits(const base::Clock& clock) : clock_(clock) {}

  enum class Verdict : std::uint8_t { go, slow, refuse };
  Verdict sign_in(std::string_view account, std::string_view remote);
  void signed_in(std::string_view account, std::string_view remote);
  /// The set-up code, from this address: 10, one back each 6 s.
  bool set_up(std::string_view remote);

 private:
  static constexpr std::size_t kKeys = 10'000;
  const base::Clock& clock_;
  std::mutex mutex_;
  TokenBuckets account_and_address_{10, 6e6, kKeys};
  TokenBuckets address_{30, 2e6, kKeys};
  TokenBuckets account_{60, 1e6, kKeys};
  TokenBuckets set_up_{10, 6e6, kKeys};
  // Where accounts were signed in from, last first; the oldest goes at 10,000.
  std::list<std::string> known_order_;
  std::unordered_map<std::string, std::list<std::string>::iterator> known_;
};

}  // namespace hub
