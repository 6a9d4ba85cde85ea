// Readings of one series from chunks and tail, put in their one order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hub/storage/sqlite/chunk.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// The order of readings of a series: by time, then by when they were stored. For sealed readings that is (seal, rank),
/// for others (commit, index); a commit in the tail is greater than every seal.
struct ReadingOrder {
  std::int64_t time_us = 0;
  std::uint64_t stored = 0, index = 0;
  auto operator<=>(const ReadingOrder&) const = default;
};

/// Keeps the chunks it was given and keeps the tail's commits alive.
class MergedReadings {
 public:
  struct Source {
    const ValueColumn* values = nullptr;
    CommitNumber first_commit = 0, last_commit = 0;
    std::int64_t first_received_us = 0, last_received_us = 0;
    std::uint32_t flags = 0;
  };
  struct Reading {
    ReadingOrder order;
    std::uint32_t source = 0, offset = 0;
  };

  /// For as many; without it they find room as they come.
  void reserve(std::size_t readings);
  /// Those of its readings that lie in [from, to).
  void add_run(const TailRun& run, std::int64_t from_us, std::int64_t to_us);
  void add_chunk(const ChunkHeader& header, std::shared_ptr<const ChunkReadings> readings, std::int64_t from_us,
                 std::int64_t to_us);
  /// Some of the readings of another, which must outlive this.
  void add(const MergedReadings& other, std::span<const Reading> readings);
  void sort();
  std::span<const Reading> readings() const { return readings_; }
  const Source& source(const Reading& reading) const { return sources_[reading.source]; }

 private:
  std::vector<Source> sources_;
  std::vector<Reading> readings_;
  std::vector<std::shared_ptr<const ChunkReadings>> chunks_;
  std::vector<CommitPtr> commits_;
};

}  // namespace hub::sqlite
