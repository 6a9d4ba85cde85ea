// A month's hours: headers of hourly chunks whose payloads may be gone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/storage/sqlite/partition_file.h"

namespace hub::sqlite {

/// The one writing connection of a summary, on the keeper's thread, for as long as it takes.
class SummaryWriter {
 public:
  /// Makes the file where there is none.
  static Result<std::unique_ptr<SummaryWriter>> open(const std::string& path, const OpenOptions& options,
                                                     const base::Id128& epoch);

  /// Copies the headers of a partition, in one transaction, durable when it answers. What generations after `kept`
  /// wrote for the day before is replaced: so this may be repeated.
  Result<void> write_day(PartitionReader& partition, std::uint32_t kept);

 private:
  SummaryWriter() = default;
  Result<void> copy_headers(PartitionReader& partition);

  Database db_;
  Statement insert_;
};

/// Read-only, one thread at a time.
class SummaryReader {
 public:
  /// errc::not_found where there is no such file.
  static Result<std::unique_ptr<SummaryReader>> open(const std::string& path, OpenOptions options);

  /// The series' hours of the day, of generations up to `generation`. They add.
  Result<std::vector<ChunkHeader>> headers(SeriesId series, std::int64_t day, std::uint32_t generation);

 private:
  SummaryReader() = default;
  Database db_;
  Statement select_;
};

}  // namespace hub::sqlite
