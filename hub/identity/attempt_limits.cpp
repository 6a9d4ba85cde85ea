#include "hub/identity/attempt_limits.h"

namespace hub {

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

}  // namespace hub
