// Carries retention out: hours into the month's summary, the partition out of the catalogue, old summaries away.
#pragma once

#include <atomic>
#include <functional>

#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/retention.h"
#include "hub/storage/sqlite/sealer.h"
#include "hub/storage/sqlite/summary_file.h"

namespace hub::sqlite {

/// Lives on the keeper's thread and is asked at each of its looks. A day's summary is durable before the catalogue says
/// that its payloads are gone, in one transaction; a crash in between leaves a summary that nobody reads yet and that
/// the next try replaces. Files are listed for removal only.
class PartitionExpiry {
 public:
  PartitionExpiry(Retention retention, const base::Clock& clock, const PartitionFolder& folder,
                  const OpenOptions& options, const base::Id128& epoch, RecentReaders& readers, Sealer& sealer);

  /// Looks at the clock. The time that it is to be expired by; nothing: nothing expires, or nobody knows the time.
  std::optional<std::int64_t> now();
  /// Expires what is due until `is_ending`; answers how many files were given up.
  Result<std::size_t> run(const std::function<bool()>& is_ending);
  /// Something is to be expired by the clock, and it cannot be trusted. Any thread.
  bool is_halted() const { return halted_; }

 private:
  Result<std::uint32_t> summarise(const PartitionRecord& partition);
  Result<void> expire_summary(const SummaryRecord& summary);

  const Retention retention_;
  const base::Clock& clock_;
  const PartitionFolder& folder_;
  const OpenOptions options_;
  const base::Id128 epoch_;
  RecentReaders& readers_;
  Sealer& sealer_;
  ClockTrust trust_;
  std::optional<std::int64_t> gaps_cut_;  // gaps are dropped once an hour
  std::atomic<bool> halted_{false};
};

}  // namespace hub::sqlite
