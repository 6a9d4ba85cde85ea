// One partition: an immutable database with a day's hourly chunks, series by series.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/partition_name.h"

namespace hub::sqlite {

struct PartitionTotals {
  std::uint64_t readings = 0, chunks = 0;
  std::int64_t first_us = 0, last_us = 0;
};

/// Makes a file, on one thread. Nothing of it is worth anything before `finish` has answered; without it the file is
/// rubbish, which the caller removes.
class PartitionWriter {
 public:
  static Result<std::unique_ptr<PartitionWriter>> create(const std::string& path, OpenOptions options);

  ChunkTable& chunks() { return chunks_; }
  /// What is in it by now. Reads all headers.
  Result<PartitionTotals> totals();
  /// Durable when it answers, but for the file's name. The connection is closed.
  Result<void> finish(const PartitionName& name, const base::Id128& epoch, CommitNumber seal);

 private:
  PartitionWriter() = default;
  Database db_;
  ChunkTable chunks_{db_};
};

/// Read-only, one thread at a time. The file may be unlinked meanwhile.
class PartitionReader {
 public:
  /// errc::not_found where there is no such file, errc::storage_damaged where it is not what its name says.
  static Result<std::unique_ptr<PartitionReader>> open(const std::string& path, const PartitionName& name,
                                                       OpenOptions options);

  /// Headers of the series' chunks of these hours of the day, inclusive.
  Result<std::vector<ChunkHeader>> headers(SeriesId series, int first_hour, int last_hour);
  Database& connection() { return db_; }
  ChunkTable& chunks() { return chunks_; }
  const PartitionName& name() const { return name_; }

 private:
  PartitionReader() = default;
  Database db_;
  ChunkTable chunks_{db_};
  PartitionName name_;
};

}  // namespace hub::sqlite
