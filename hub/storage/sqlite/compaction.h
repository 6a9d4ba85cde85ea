// The making of one partition: a day's readings, from recent.db and from the partition before, written as a file.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "hub/storage/sqlite/recent_database.h"
#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/retention.h"

namespace hub::sqlite {

/// A partition on the disk that the catalogue does not know yet.
struct BuiltPartition {
  PartitionRecord record;
  std::uint32_t base_generation = 0;  // of the partition that it replaces; 0: there was none
  std::uint64_t recent_chunks = 0;    // how many chunks of recent.db are in it
  struct Ids {
    std::int64_t first = 0, last = 0;  // inclusive
  };
  std::vector<Ids> recent_ids;  // where they are: in between lies nothing that had been sealed and is not in it
};

/// Runs on one thread with a reader of its own; holds the readings of one series and hour, and at most 24 bytes a chunk
/// of the day. Works from one snapshot, which keeps recent.db's log from being reused meanwhile.
class Compaction {
 public:
  /// `abandoned` is asked now and then; once it says yes, `build` answers errc::cancelled.
  Compaction(RecentReader& reader, const PartitionFolder& folder, OpenOptions options, const base::Id128& epoch,
             const ClassOfSeries& class_of, std::function<bool()> abandoned)
      : reader_(reader),
        folder_(folder),
        options_(options),
        epoch_(epoch),
        class_of_(class_of),
        abandoned_(std::move(abandoned)) {}

  /// Writes `name` under its temporary name, flushes it, gives it its name. Until take_up() everything in it is in
  /// recent.db and the partition before as well. errc::storage_damaged where one of these cannot be read, errc::gone
  /// where recent.db has nothing for the day and class.
  Result<BuiltPartition> build(const PartitionName& name, std::int64_t made_at_us);

 private:
  /// The day's chunks of recent.db that go into the partition, ascending.
  Result<std::vector<std::int64_t>> choose(const PartitionName& name, BuiltPartition& built);
  Result<void> write_units(std::vector<std::int64_t> recent_ids, const std::vector<std::int64_t>& base_ids,
                           PartitionReader* base, PartitionWriter& writer, CommitNumber seal);
  Result<void> write_unit(std::span<const std::int64_t> recent_ids, std::span<const std::int64_t> base_ids,
                          PartitionReader* base, PartitionWriter& writer, CommitNumber seal);

  RecentReader& reader_;
  const PartitionFolder& folder_;
  const OpenOptions options_;
  const base::Id128 epoch_;
  const ClassOfSeries& class_of_;
  const std::function<bool()> abandoned_;
};

enum class TakenUp { yes, changed };

/// On the seal thread: one transaction that makes the catalogue know the partition, gives up the one before, and
/// removes from recent.db what is in it. `changed`: what it was made from is not what there is now; nothing is done,
/// and the file is still listed for removal.
Result<TakenUp> take_up(RecentDatabase& recent, const BuiltPartition& built);

}  // namespace hub::sqlite
