// Table chunk, of recent.db (with table bucket) and of partitions: the statements over it.
#pragma once

#include <vector>

#include "hub/storage/sqlite/chunk_row.h"

namespace hub::sqlite {

/// Prepared statements on one connection, each on first use; used by its thread, inside its transaction.
class ChunkTable {
 public:
  static const char* schema();         // chunk
  static const char* bucket_schema();  // bucket: recent.db only
  ChunkTable() = default;
  explicit ChunkTable(Database& db) : db_(&db) {}

  /// Buckets that hold chunks of any series, ascending, in [first, last].
  Result<std::vector<std::int64_t>> buckets(std::int64_t first, std::int64_t last);
  /// Headers in order of ids, of [first_id, last_id].
  Result<std::vector<ChunkHeader>> headers(std::int64_t first_id, std::int64_t last_id);
  /// recent.db: headers of the series' parts in the bucket, in order of parts.
  Result<std::vector<ChunkHeader>> bucket_headers(std::int64_t bucket, SeriesId series);
  /// Decoded, its checksum verified.
  Result<ChunkReadings> readings(const ChunkHeader& header);
  /// As stored; its checksum is verified.
  Result<std::string> payload(const ChunkHeader& header);
  /// Ascending, of [first_id, last_id].
  Result<std::vector<std::int64_t>> ids(std::int64_t first_id, std::int64_t last_id);

  Result<void> insert(const ChunkHeader& header, std::string_view payload);
  Result<void> erase(std::int64_t id);
  Result<void> add_bucket(std::int64_t bucket);
  /// Deletes the bucket's chunks whose last reading is before `before_us`; answers how many readings that were.
  Result<std::uint64_t> expire(std::int64_t bucket, std::int64_t before_us);
  /// Deletes the chunks of [first_id, last_id] that seals up to `seal` wrote; answers how many that were.
  Result<std::uint64_t> erase_sealed(std::int64_t first_id, std::int64_t last_id, CommitNumber seal);
  Result<void> drop_empty_buckets(std::int64_t first, std::int64_t last);

 private:
  Result<Statement*> ready(Statement& statement, const char* sql);
  Result<void> find_payload(const ChunkHeader& header);
  Result<void> drop_if_empty(std::int64_t bucket);

  Database* db_ = nullptr;
  Statement buckets_, headers_, payload_, ids_, insert_, erase_, add_bucket_, count_expired_, expire_, drop_bucket_,
      erase_sealed_;
};

}  // namespace hub::sqlite
