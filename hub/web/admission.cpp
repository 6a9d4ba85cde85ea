#include "hub/web/admission.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hub::web {

std::int64_t Admission::accept_wait_us(std::int64_t boot_us) {
  const double per_us = limits_.accepts_per_s / 1e6;
  const auto passed_us = static_cast<double>(boot_us - std::exchange(accepts_counted_us_, boot_us));
  accepts_left_ = std::min(kAcceptsAtOnce, accepts_left_ + passed_us * per_us);
  if (accepts_left_ < 1) return static_cast<std::int64_t>((1 - accepts_left_) / per_us) + 1;
  accepts_left_ -= 1;
  return 0;
}

Admission::Verdict Admission::arrive(const std::string& address, std::int64_t boot_us) {
  if (connections_ >= limits_.connections) return Verdict::full;
  if (!arrivals_.take(address, boot_us)) return Verdict::address_too_often;
  auto& held = by_address_[address];
  if (held >= limits_.connections_per_address) return Verdict::address_full;
  ++held;
  ++connections_;
  return Verdict::go;
}

void Admission::leave(const std::string& address) {
  --connections_;
  const auto held = by_address_.find(address);
  if (--held->second == 0) by_address_.erase(held);
}

std::optional<std::uint64_t> Admission::begin_handshake(std::uint64_t number, const std::string& address) {
  std::optional<std::uint64_t> shed;
  if (handshakes_.size() >= limits_.handshakes) {
    struct Held {
      std::size_t count = 0;
      std::uint64_t oldest = 0;
    };
    std::map<std::string_view, Held> by_address;
    for (const auto& [other, from] : handshakes_) {
      Held& held = by_address[from];
      if (held.count++ == 0 || other < held.oldest) held.oldest = other;
    }
    const Held* most = nullptr;
    for (const auto& [from, held] : by_address) {
      if (most == nullptr || std::pair(held.count, most->oldest) > std::pair(most->count, held.oldest)) most = &held;
    }
    shed = most->oldest;
    handshakes_.erase(*shed);
  }
  handshakes_.emplace(number, address);
  return shed;
}

void Admission::end_handshake(std::uint64_t number) {
  handshakes_.erase(number);
}

}  // namespace hub::web
