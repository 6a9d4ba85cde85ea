#include "hub/live/subscription.h"

#include <cmath>

#include "hub/live/tiers.h"

namespace hub::live {
namespace {

constexpr double kLatestUs = 9'007'199'254'740'992.0;  // 2^53: past it a double is no exact time
constexpr std::uint32_t kMaxWidth = 20'000;

Problem invalid(std::string field, std::string detail) {
  return {errc::invalid_argument, std::move(detail), std::move(field)};
}
bool is_time(double us) {
  return std::isfinite(us) && us >= 0 && us <= kLatestUs;
}

}  // namespace

Outcome<SubscriptionWish> SubscriptionWish::from(const telemetry::v1::Subscribe& request) {
  if (request.id() == 0) return invalid("id", "0 stands for the session; choose another number.");
  if (!is_time(request.from_us())) return invalid("from_us", "Microseconds since 1970, 0 or more.");
  if (!is_time(request.to_us())) return invalid("to_us", "Microseconds since 1970, or 0 for live.");
  if (request.to_us() != 0 && request.from_us() == 0)
    return invalid("from_us", "A range that ends needs a beginning: 1 or more.");
  if (request.to_us() != 0 && request.to_us() <= request.from_us())
    return invalid("to_us", "The end must lie behind from_us.");
  if (request.width() > kMaxWidth) return invalid("width", "At most 20,000 buckets, or 0 for raw readings.");
  if (!std::isfinite(request.maximum_rate_hz()) || request.maximum_rate_hz() < 0)
    return invalid("maximum_rate_hz", "0 for every reading, or a positive rate.");
  auto selector = Selector::from(request.selector());
  if (!selector) return selector.error();
  SubscriptionWish wish;
  wish.selector = std::move(*selector);
  wish.from_us = static_cast<std::int64_t>(request.from_us());
  wish.to_us = static_cast<std::int64_t>(request.to_us());
  wish.width = request.width();
  wish.tier = tier_for(request.maximum_rate_hz());
  wish.paused = request.paused();
  return wish;
}

}  // namespace hub::live
