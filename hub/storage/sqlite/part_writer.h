// Writes ordered readings of one series as the parts of one bucket or hour.
#pragma once

#include <span>

#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/merged_readings.h"

namespace hub::sqlite {

/// Used inside its caller's transaction, on its thread. Readings of different flags go into different parts, and so do
/// more than fit well into one; they are ranked by their place in what is given.
class PartWriter {
 public:
  /// `seal`: the commit through which this writing reaches.
  PartWriter(ChunkTable& chunks, CommitNumber seal) : chunks_(&chunks), seal_(seal) {}

  /// Parts get ids from `first_id` on; part_of(first_id) may be at most kMaxParts / 2.
  Result<void> write(std::int64_t first_id, const MergedReadings& merged,
                     std::span<const MergedReadings::Reading> readings);

 private:
  Result<void> write_part(std::int64_t id, const MergedReadings& merged,
                          std::span<const MergedReadings::Reading> readings, std::span<const std::uint32_t> chosen);

  ChunkTable* chunks_;
  CommitNumber seal_;
};

}  // namespace hub::sqlite
