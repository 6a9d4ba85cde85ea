// One series over a range, as of one commit: chunks of partitions and recent.db, and the tail's runs after them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hub/storage/sqlite/merged_readings.h"
#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

struct SealedChunk {
  ChunkHeader header;
  ChunkTable* table = nullptr;  // where its payload is
};

/// On a reader's thread. The tail is copied first, so that a seal in between moves readings from one to the other and
/// loses none; recent.db's snapshot says which partitions belong to it.
class SeriesView {
 public:
  static Result<SeriesView> open(RecentReader& reader, const Tail& tail, SeriesId series, std::int64_t from_us,
                                 std::int64_t to_us);
  /// Of each series, all as of one commit; used one after another.
  static Result<std::vector<SeriesView>> open(RecentReader& reader, const Tail& tail, std::span<const SeriesId> series,
                                              std::int64_t from_us, std::int64_t to_us);

  CommitNumber as_of() const { return as_of_; }
  const std::vector<TailRun>& runs() const { return runs_; }
  /// Days that may hold something, ascending: sealed, or sealed and unsealed.
  Result<std::vector<std::int64_t>> sealed_days();
  Result<std::vector<std::int64_t>> days();
  /// The day's chunks that touch the range, by their first time; valid until the next day is asked for. A partition
  /// that is missing or damaged holds none here: query_gaps tells of it.
  Result<std::vector<SealedChunk>> chunks(std::int64_t day);
  /// Days in the range of which hours are all that is left, ascending.
  Result<std::vector<ExpiredDay>> summarised_days();
  /// The hours of such a day that touch the range.
  Result<std::vector<ChunkHeader>> hours(const ExpiredDay& day);

 private:
  SeriesView(RecentReader& reader, std::shared_ptr<const RecentReader::Snapshot> snapshot)
      : reader_(&reader), snapshot_(std::move(snapshot)) {}
  Result<void> add_partitions(std::int64_t day, std::vector<SealedChunk>& found);

  RecentReader* reader_;
  std::shared_ptr<const RecentReader::Snapshot> snapshot_;
  std::vector<TailRun> runs_;
  std::vector<std::shared_ptr<PartitionReader>> day_;  // that of the day asked for last
  SeriesId series_{};
  std::int64_t from_us_ = 0, to_us_ = 0;
  CommitNumber as_of_ = 0;
};

/// Decoded chunks of one series, each kept as long as later times may still need it.
class DecodedChunks {
 public:
  /// Those of `chunks` (ordered by first time, at most one list in the life of this) that reach into [from, to), added
  /// to `merged`; calls come in order of time.
  Result<void> add_to(MergedReadings& merged, const std::vector<SealedChunk>& chunks, std::int64_t from_us,
                      std::int64_t to_us);

 private:
  std::size_t passed_ = 0;  // chunks before this one end before what is asked
  std::vector<std::shared_ptr<const ChunkReadings>> decoded_;
};

}  // namespace hub::sqlite
