// Table chunk (and bucket) of recent.db: the statements over it, for the sealer that writes and the readers.
#pragma once

#include <vector>

#include "hub/storage/sqlite/chunk.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

/// Prepared statements on one connection; used by its thread, inside its transaction. The statements that write are
/// prepared on first use, since a reader's connection could not.
class ChunkTable {
 public:
  static const char* schema();
  static Result<ChunkTable> prepare(Database& db);

  /// Buckets that hold chunks of any series, ascending, in [first, last].
  Result<std::vector<std::int64_t>> buckets(std::int64_t first, std::int64_t last);
  /// Headers of the series' parts in the bucket, in order of parts.
  Result<std::vector<ChunkHeader>> headers(std::int64_t bucket, SeriesId series);
  /// Decoded, its checksum verified.
  Result<ChunkReadings> readings(const ChunkHeader& header);

  Result<void> insert(const ChunkHeader& header, std::string_view payload);
  Result<void> erase(std::int64_t id);
  Result<void> add_bucket(std::int64_t bucket);
  /// Deletes the bucket's chunks whose last reading is before `before_us`; answers how many readings that were.
  Result<std::uint64_t> expire(std::int64_t bucket, std::int64_t before_us);

 private:
  Result<Statement*> writing(Statement& statement, const char* sql);

  Database* db_ = nullptr;
  Statement buckets_, headers_, payload_, insert_, erase_, add_bucket_, count_expired_, expire_, drop_bucket_;
};

/// A value as one SQLite value (column type ANY), bit for bit: a location is a blob of three doubles.
void bind_value(Statement& statement, int index, const Value& value);
Value read_value(const Statement& statement, int column, ValueType type);

}  // namespace hub::sqlite
