// Turns days that are over into partitions, expires them, and removes the files that the catalogue has given up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "hub/storage/sqlite/compaction.h"
#include "hub/storage/sqlite/partition_expiry.h"

namespace hub::sqlite {

struct PartitionPolicy {
  Retention retention;
  ClassOfSeries class_of;               // empty: all are of kDefaultClass
  std::int64_t grace_us = 0;            // a day is compacted so long after its end
  std::int64_t late_us = 0;             // late readings wait so long for the next generation
  std::uint64_t free_bytes_wanted = 0;  // with less room on the disk nothing is compacted
  std::uint64_t low_water_bytes = 0;    // with less nothing is stored
};

/// Owns the thread that compacts: it reads recent.db with a connection from the pool, writes new files, and lets the
/// sealer do each change of the catalogue. It looks every second and after each seal, works on one day at a time and
/// holds no queue: what is due is read from recent.db and the catalogue, so that nothing is forgotten over a restart.
/// A crash anywhere leaves either the readings in recent.db and a file listed for removal, or the partition.
/// Trouble (a full disk, an unreadable file) is told in `report` and tried again every ten seconds; nothing is lost by
/// that, since readings stay where they are. `stop` abandons what is being made.
class PartitionKeeper {
 public:
  PartitionKeeper(PartitionPolicy policy, const base::Clock& clock, const DataFolder& data,
                  const PartitionFolder& folder, OpenOptions options, const base::Id128& epoch, RecentReaders& readers,
                  Sealer& sealer);
  ~PartitionKeeper();

  void start();
  /// Something may be due. Any thread.
  void nudge();
  /// The catalogue has given files up.
  void remove_soon();
  void stop();
  void report(StoreStatus& status) const;

 private:
  void loop();
  void look();
  Result<std::optional<PartitionName>> next_due(CommitNumber& seen);
  /// The next generation of the day and class, where it is time for that.
  Result<std::optional<PartitionName>> generation_due(RecentReader& reader, std::int64_t day,
                                                      const std::string& retention_class,
                                                      std::optional<std::int64_t> expiry_now);
  /// Classes of what waits in recent.db for the day, by what was sealed and where devices belonged at `seal`.
  Result<std::set<std::string>> classes_of(RecentReader& reader, std::int64_t day, CommitNumber seal);
  bool is_waiting(std::int64_t day);
  bool is_over(std::int64_t day, std::optional<std::int64_t> expiry_now) const;
  void compact_days(CommitNumber& seen, bool& changed);
  Result<TakenUp> compact(const PartitionName& name);
  Result<void> remove_files();
  Result<std::vector<std::string>> removable();
  Result<void> refresh_report();
  void tell_trouble(const std::string& what, const error_code& error);

  const PartitionPolicy policy_;
  const base::Clock& clock_;
  const DataFolder data_;
  const PartitionFolder& folder_;
  const OpenOptions options_;
  const base::Id128 epoch_;
  RecentReaders& readers_;
  Sealer& sealer_;

  // The keeper's thread only.
  PartitionExpiry expiry_;
  std::map<std::int64_t, std::chrono::steady_clock::time_point> not_before_;  // days that failed lately
  std::map<std::int64_t, std::set<std::string>> classes_;                     // of days, as of classes_seal_
  CommitNumber classes_seal_ = 0;
  std::vector<std::string> retired_;  // given up, perhaps still being read
  std::uint64_t retired_era_ = 0;
  unsigned looks_ = 0;
  std::uint64_t findings_reported_ = 0;

  std::atomic<bool> ending_{false}, removals_changed_{true};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool nudged_ = false;
  std::uint64_t partitions_ = 0, partition_bytes_ = 0, compactions_ = 0;
  CommitNumber compacted_through_ = 0;
  std::optional<StorageForecast> forecast_;
  std::string trouble_, unreadable_;
  std::thread thread_;
};

}  // namespace hub::sqlite
