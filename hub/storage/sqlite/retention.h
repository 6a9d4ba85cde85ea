// When readings and their summaries are old enough, or too many, to go; and whether the clock may say so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hub/storage/sqlite/partition_table.h"

namespace hub::sqlite {

struct RetentionPolicy {
  std::int64_t age_us = 0;          // readings; 0: however old
  std::uint64_t bytes = 0;          // of partitions; past it the oldest days go; 0: however many
  std::int64_t summary_age_us = 0;  // hours of readings that are gone; 0: however old

  bool expires_anything() const { return age_us != 0 || bytes != 0 || summary_age_us != 0; }
};

/// Policies of groups of devices, by the name of the group's class, and the one of all others. Each bounds the bytes of
/// its own partitions.
struct Retention {
  RetentionPolicy common;
  std::map<std::string, RetentionPolicy> classes;  // kDefaultClass is none of them

  /// A class that has no policy any more follows the common one.
  const RetentionPolicy& of(const std::string& retention_class) const;
  /// Of the groups that a device is in, the one whose readings are kept longest, by age and then by bytes;
  /// kDefaultClass where none has a policy.
  std::string class_among(const std::vector<std::string>& groups) const;
  bool expires_anything() const;
};

/// Which class a series' readings go to, when their day becomes a partition: kDefaultClass, or one of
/// Retention::classes.
using ClassOfSeries = std::function<std::string(SeriesId)>;

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
/// Gaps before the answer are of no class' readings any more. Nothing: all may be.
std::optional<std::int64_t> gap_cut(const Retention& retention, std::int64_t now_us);
/// The partitions (ordered by day) that are to go, oldest first.
std::vector<PartitionRecord> expired_partitions(const std::vector<PartitionRecord>& partitions,
                                                const Retention& retention, std::int64_t now_us);
std::vector<SummaryRecord> expired_summaries(const std::vector<SummaryRecord>& summaries, const Retention& retention,
                                             std::int64_t now_us);

}  // namespace hub::sqlite
