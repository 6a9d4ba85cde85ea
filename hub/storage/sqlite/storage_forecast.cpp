#include "hub/storage/sqlite/storage_forecast.h"

#include <algorithm>
#include <limits>
#include <map>

namespace hub::sqlite {
namespace {

constexpr std::int64_t kDaysLookedAt = 8;  // a week, and one that may not be compacted yet

/// How long it takes to come to what the policy keeps at most.
double days_of_growth(const Growth& growth) {
  double most = std::numeric_limits<double>::infinity();
  // The day that is not over yet, and the one that is about to go.
  if (growth.policy.age_us > 0)
    most = growth.bytes_per_day * (static_cast<double>(growth.policy.age_us) / static_cast<double>(kDayUs) + 2);
  if (growth.policy.bytes > 0) most = std::min(most, static_cast<double>(growth.policy.bytes) + growth.bytes_per_day);
  return std::max(0.0, (most - static_cast<double>(growth.held_bytes)) / growth.bytes_per_day);
}

}  // namespace

std::optional<double> bytes_per_day(const std::vector<PartitionRecord>& partitions, std::int64_t now_us) {
  const std::int64_t today = day_of_time(now_us);
  std::int64_t first = today, last = today - kDaysLookedAt - 1;
  double bytes = 0;
  for (const auto& partition : partitions) {
    const std::int64_t day = partition.name.day;
    if (day < today - kDaysLookedAt || day >= today) continue;
    first = std::min(first, day);
    last = std::max(last, day);
    bytes += static_cast<double>(partition.bytes);
  }
  if (last < first) return std::nullopt;
  return bytes / static_cast<double>(last - first + 1);
}

std::vector<Growth> growths(const std::vector<PartitionRecord>& partitions, const Retention& retention,
                            std::int64_t now_us) {
  std::map<const RetentionPolicy*, std::vector<PartitionRecord>> by_policy;
  for (const auto& partition : partitions)
    by_policy[&retention.of(partition.name.retention_class)].push_back(partition);
  std::vector<Growth> found;
  for (const auto& [policy, held] : by_policy) {
    const auto daily = bytes_per_day(held, now_us);
    if (!daily) continue;
    Growth growth{*daily, 0, *policy};
    for (const auto& partition : held) growth.held_bytes += partition.bytes;
    found.push_back(growth);
  }
  return found;
}

StorageForecast forecast(std::vector<Growth> growths, const DiskRoom& room) {
  StorageForecast forecast;
  for (const auto& growth : growths) forecast.bytes_per_day += growth.bytes_per_day;
  double left =
      room.free_bytes > room.low_water_bytes ? static_cast<double>(room.free_bytes - room.low_water_bytes) : 0;
  std::sort(growths.begin(), growths.end(),
            [](const Growth& a, const Growth& b) { return days_of_growth(a) < days_of_growth(b); });
  // One after another reaches what it keeps at most; until then all that have not grow.
  double days = 0, rate = forecast.bytes_per_day;
  for (const auto& growth : growths) {
    const double until = days_of_growth(growth);
    if (rate * (until - days) > left) {
      forecast.days_left = days + left / rate;
      break;
    }
    left -= rate * (until - days);
    days = until;
    rate -= growth.bytes_per_day;
  }
  return forecast;
}

}  // namespace hub::sqlite
