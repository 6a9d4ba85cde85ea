// When readings and their summaries are old enough, or too many, to go; and whether the clock may say so.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "hub/storage/sqlite/partition_table.h"

namespace hub::sqlite {

struct RetentionPolicy {
  std::int64_t age_us = 0;          // readings; 0: however old
  std::uint64_t bytes = 0;          // of partitions; past it the oldest days go; 0: however many
  std::int64_t summary_age_us = 0;  // hours of readings that are gone; 0: however old
};

/// A clock that is wrong by years would drop what is young. It is trusted once it has been seen synchronised twice, and
/// not while it is unsynchronised or stands more than a day from where its first such time and the boot clock say; a
/// restart, or the clock's return, makes it trusted again. One thread.
class ClockTrust {
 public:
  bool is_trusted(const base::Clock& clock);

 private:
  std::optional<std::int64_t> wall_less_boot_us_;
};

/// Of days at or before which readings are to be dropped by age: their end. Nothing: none.
std::optional<std::int64_t> expiry_cut(const RetentionPolicy& policy, std::int64_t now_us);
/// The partitions (ordered by day) that are to go, oldest first.
std::vector<PartitionRecord> expired_partitions(const std::vector<PartitionRecord>& partitions,
                                                const RetentionPolicy& policy, std::int64_t now_us);
std::vector<SummaryRecord> expired_summaries(const std::vector<SummaryRecord>& summaries, const RetentionPolicy& policy,
                                             std::int64_t now_us);

}  // namespace hub::sqlite
