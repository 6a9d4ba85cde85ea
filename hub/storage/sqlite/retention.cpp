#include "hub/storage/sqlite/retention.h"

#include <algorithm>
#include <tuple>

namespace hub::sqlite {

bool ClockTrust::is_trusted(const base::Clock& clock) {
  if (!clock.synchronised()) return false;
  const std::int64_t difference = clock.now_us() - clock.boot_us();
  if (!wall_less_boot_us_) {
    wall_less_boot_us_ = difference;
    return false;
  }
  const std::int64_t jump = difference - *wall_less_boot_us_;
  return jump <= kDayUs && jump >= -kDayUs;
}

const RetentionPolicy& Retention::of(const std::string& retention_class) const {
  const auto own = classes.find(retention_class);
  return own == classes.end() ? common : own->second;
}

std::string Retention::class_among(const std::vector<std::string>& groups) const {
  // 0 means for ever.
  const auto rank = [](const RetentionPolicy& policy) {
    return std::tuple(static_cast<std::uint64_t>(policy.age_us) - 1, policy.bytes - 1);
  };
  const std::pair<const std::string, RetentionPolicy>* longest = nullptr;
  for (const auto& one : classes) {
    if (std::find(groups.begin(), groups.end(), one.first) == groups.end()) continue;
    if (longest == nullptr || rank(one.second) > rank(longest->second)) longest = &one;
  }
  return longest == nullptr ? kDefaultClass : longest->first;
}

bool Retention::expires_anything() const {
  return common.expires_anything() ||
         std::any_of(classes.begin(), classes.end(), [](const auto& one) { return one.second.expires_anything(); });
}

std::optional<std::int64_t> expiry_cut(const RetentionPolicy& policy, std::int64_t now_us) {
  if (policy.age_us == 0) return std::nullopt;
  return now_us - policy.age_us;
}

std::optional<std::int64_t> gap_cut(const Retention& retention, std::int64_t now_us) {
  auto cut = expiry_cut(retention.common, now_us);
  for (const auto& [name, policy] : retention.classes) {
    const auto own = expiry_cut(policy, now_us);
    cut = cut && own ? std::optional(std::min(*cut, *own)) : std::nullopt;
  }
  return cut;
}

std::vector<PartitionRecord> expired_partitions(const std::vector<PartitionRecord>& partitions,
                                                const Retention& retention, std::int64_t now_us) {
  struct Held {
    std::uint64_t bytes = 0;
    bool is_young = false;  // what follows stays: nothing is dropped from the middle
  };
  std::map<const RetentionPolicy*, Held> by_policy;
  for (const auto& partition : partitions)
    by_policy[&retention.of(partition.name.retention_class)].bytes += partition.bytes;
  std::vector<PartitionRecord> expired;
  for (const auto& partition : partitions) {
    const RetentionPolicy& policy = retention.of(partition.name.retention_class);
    Held& held = by_policy[&policy];
    const auto cut = expiry_cut(policy, now_us);
    const bool is_old = cut && span_of_day(partition.name.day).to_us <= *cut;
    const bool is_too_much = policy.bytes != 0 && held.bytes > policy.bytes;
    if (!is_old && !is_too_much) held.is_young = true;
    if (held.is_young) continue;
    expired.push_back(partition);
    held.bytes -= partition.bytes;
  }
  return expired;
}

std::vector<SummaryRecord> expired_summaries(const std::vector<SummaryRecord>& summaries, const Retention& retention,
                                             std::int64_t now_us) {
  std::vector<SummaryRecord> expired;
  for (const auto& summary : summaries) {
    const RetentionPolicy& policy = retention.of(summary.retention_class);
    if (policy.summary_age_us == 0) continue;
    if (span_of_day(days_of_month(summary.month).last).to_us <= now_us - policy.summary_age_us)
      expired.push_back(summary);
  }
  return expired;
}

}  // namespace hub::sqlite
