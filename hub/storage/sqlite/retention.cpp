#include "hub/storage/sqlite/retention.h"

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

std::optional<std::int64_t> expiry_cut(const RetentionPolicy& policy, std::int64_t now_us) {
  if (policy.age_us == 0) return std::nullopt;
  return now_us - policy.age_us;
}

std::vector<PartitionRecord> expired_partitions(const std::vector<PartitionRecord>& partitions,
                                                const RetentionPolicy& policy, std::int64_t now_us) {
  const auto cut = expiry_cut(policy, now_us);
  std::uint64_t held = 0;
  for (const auto& partition : partitions) held += partition.bytes;
  std::vector<PartitionRecord> expired;
  for (const auto& partition : partitions) {
    const bool is_old = cut && span_of_day(partition.name.day).to_us <= *cut;
    const bool is_too_much = policy.bytes != 0 && held > policy.bytes;
    if (!is_old && !is_too_much) break;
    expired.push_back(partition);
    held -= partition.bytes;
  }
  return expired;
}

std::vector<SummaryRecord> expired_summaries(const std::vector<SummaryRecord>& summaries, const RetentionPolicy& policy,
                                             std::int64_t now_us) {
  std::vector<SummaryRecord> expired;
  if (policy.summary_age_us == 0) return expired;
  for (const auto& summary : summaries) {
    if (span_of_day(days_of_month(summary.month).last).to_us <= now_us - policy.summary_age_us)
      expired.push_back(summary);
  }
  return expired;
}

}  // namespace hub::sqlite
