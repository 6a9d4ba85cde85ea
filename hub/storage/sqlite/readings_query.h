// What readers ask of recent.db and the tail together, each answered from one consistent view.
#pragma once

#include <vector>

#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/merged_readings.h"
#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// The readings of one series as of one commit: chunks of the snapshot, and the tail's runs after it. The tail is
/// copied first, so that a seal in between moves readings from one to the other and loses none.
class SeriesView {
 public:
  static Result<SeriesView> open(RecentReader& reader, const Tail& tail, SeriesId series, std::int64_t from_us,
                                 std::int64_t to_us);

  CommitNumber as_of() const { return as_of_; }
  const std::vector<TailRun>& runs() const { return runs_; }
  /// Ten-minute buckets that hold chunks, ascending; and those that hold chunks or unsealed readings.
  Result<std::vector<std::int64_t>> sealed_buckets();
  Result<std::vector<std::int64_t>> buckets();
  /// Headers of the chunks that touch the range.
  Result<std::vector<ChunkHeader>> headers(std::int64_t bucket);
  Result<ChunkReadings> readings(const ChunkHeader& header) { return reader_->chunks().readings(header); }

 private:
  SeriesView(RecentReader& reader, RecentReader::Snapshot snapshot)
      : reader_(&reader), snapshot_(std::move(snapshot)) {}

  RecentReader* reader_;
  RecentReader::Snapshot snapshot_;
  std::vector<TailRun> runs_;
  SeriesId series_{};
  std::int64_t from_us_ = 0, to_us_ = 0;
  CommitNumber as_of_ = 0;
};

/// Works bucket by bucket; holds one bucket's readings and the page.
Result<RawPage> query_raw(RecentReader& reader, const Tail& tail, const RawQuery& query);
/// Holds one chunk's readings, the tail's, and the buckets. Chunks that lie in one bucket are answered by their header.
Result<Buckets> query_buckets(RecentReader& reader, const Tail& tail, const BucketQuery& query);
/// errc::too_large past 100,000 gaps: ask for a narrower range.
Result<std::vector<Gap>> query_gaps(RecentReader& reader, const Tail& tail, const GapQuery& query);

}  // namespace hub::sqlite
