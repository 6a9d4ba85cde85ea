// recent.db as its owner sees it: what is sealed, with cursors, latest values, the catalogue of
// partitions and how far sealing has come.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/latest_table.h"
#include "hub/storage/sqlite/partition_table.h"
#include "hub/storage/sqlite/stream_cursors.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// Owns the one writing connection of recent.db; lives on the seal thread, which also does its checkpoints.
/// The writing functions are called inside a Transaction on connection().
class RecentDatabase {
 public:
  /// Makes the file, with a new journal epoch, where there is none; `journal_exists` says that this would be wrong.
  /// What it answers is durable, also after a process that died between write and fsync.
  static Outcome<std::unique_ptr<RecentDatabase>> open(const DataFolder& folder, const OpenOptions& options,
                                                       bool journal_exists, base::Random& random);

  const base::Id128& epoch() const { return epoch_; }
  CommitNumber sealed_through() const { return sealed_through_; }
  const RestorePoint& restore_point() const { return restore_point_; }
  Result<void> load_latest(LatestTable& latest);

  Database& connection() { return db_; }
  ChunkTable& chunks() { return chunks_; }
  PartitionTable& partitions() { return partitions_; }
  Result<void> put_gap(const PlacedGap& gap);
  Result<void> put_cursor(const StreamKey& stream, const StreamCursor& cursor);
  /// Replaces what is stored unless that is of a later time.
  Result<void> put_latest(SeriesId series, std::int64_t time_us, const Value& value);
  Result<void> put_sealed_through(CommitNumber commit);
  /// After the transaction that put it has committed.
  void set_sealed_through(CommitNumber commit) { sealed_through_ = commit; }
  Result<void> expire_gaps(std::int64_t before_us);

 private:
  RecentDatabase() = default;
  Result<void> make_tables(base::Random& random);
  Result<void> prepare();
  Result<std::optional<std::int64_t>> read_meta(const char* key);

  Database db_;
  ChunkTable chunks_{db_};
  PartitionTable partitions_{db_};
  Statement put_gap_, put_cursor_, put_latest_, put_sealed_, expire_gaps_;
  base::Id128 epoch_{};
  CommitNumber sealed_through_ = 0;
  RestorePoint restore_point_;
};

}  // namespace hub::sqlite
