// What one seal writes: commits of the tail, as rows of recent.db.
#pragma once

#include <span>

#include "hub/storage/sqlite/merged_readings.h"
#include "hub/storage/sqlite/part_writer.h"
#include "hub/storage/sqlite/recent_database.h"

namespace hub::sqlite {

/// Used inside the seal's transaction, on the seal thread. Works series by series, so that it holds the sort keys of
/// one series at a time.
class SealWriter {
 public:
  /// `seal`: the commit through which this seal reaches.
  SealWriter(RecentDatabase& recent, CommitNumber seal) : recent_(recent), parts_(recent.chunks(), seal), seal_(seal) {}
  Result<void> write(std::span<const CommitPtr> commits);

 private:
  Result<void> write_series(SeriesId series, const MergedReadings& readings);
  Result<void> write_bucket(SeriesId series, std::int64_t bucket, const MergedReadings& merged,
                            std::span<const MergedReadings::Reading> readings);

  RecentDatabase& recent_;
  PartWriter parts_;
  const CommitNumber seal_;
};

}  // namespace hub::sqlite
