#include "hub/identity/attempt_limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace hub {

bool TokenBuckets::take(const std::string& key, std::int64_t now_us) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= keys_) {
      buckets_.erase(by_use_.back());
      by_use_.pop_back();
    }
    by_use_.push_front(key);
    found = buckets_.emplace(key, Bucket{size_, now_us, by_use_.begin()}).first;
  }
  auto& bucket = found->second;
  by_use_.splice(by_use_.begin(), by_use_, bucket.place);
  const auto passed_us = static_cast<double>(std::max<std::int64_t>(0, now_us - bucket.at_us));
  bucket.tokens = std::min(size_, bucket.tokens + passed_us / refill_us_);
  bucket.at_us = now_us;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void TokenBuckets::give_back(const std::string& key) {
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) found->second.tokens = std::min(size_, found->second.tokens + 1);
}

AttemptLimits::Verdict AttemptLimits::sign_in(std::string_view account, std::string_view remote) {
  const auto address = address_key(remote);
  const auto both = std::string(account) + '\n' + address;
  const auto now_us = clock_.boot_us();
  const std::lock_guard lock(mutex_);
  if (!account_and_address_.take(both, now_us) || !address_.take(address, now_us)) return Verdict::refuse;
  // Known owners do not even take from what strangers have used up.
  if (known_.contains(both) || account_.take(std::string(account), now_us)) return Verdict::go;
  return Verdict::slow;
}

void AttemptLimits::signed_in(std::string_view account, std::string_view remote) {
  const auto address = address_key(remote);
  const auto both = std::string(account) + '\n' + address;
  const std::lock_guard lock(mutex_);
  account_and_address_.give_back(both);
  address_.give_back(address);
  if (const auto found = known_.find(both); found != known_.end()) {
    known_order_.splice(known_order_.begin(), known_order_, found->second);
    return;
  }
  if (known_.size() >= kKeys) {
    known_.erase(known_order_.back());
    known_order_.pop_back();
  }
  known_order_.push_front(both);
  known_.emplace(both, known_order_.begin());
}

bool AttemptLimits::set_up(std::string_view remote) {
  const std::lock_guard lock(mutex_);
  return set_up_.take(address_key(remote), clock_.boot_us());
}

std::string address_key(std::string_view remote) {
  std::string host(remote);
  if (!host.empty() && host.front() == '[') {
    host = host.substr(1, host.find(']') - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host.resize(host.find(':'));
  }
  std::array<std::uint8_t, 16> address{};
  if (::inet_pton(AF_INET6, host.c_str(), address.data()) != 1) return host.substr(0, 64);
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, address.data() + kMapped.size(), text.data(), text.size());
    return text.data();
  }
  return base::to_hex(base::as_chars(address).substr(0, 8));
}

}  // namespace hub
