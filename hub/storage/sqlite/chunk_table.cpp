#include "hub/storage/sqlite/chunk_table.h"

#include "base/bytes.h"

namespace hub::sqlite {
namespace {

std::int64_t first_id_of(std::int64_t bucket) {
  return chunk_id(bucket, SeriesId{0}, 0);
}
std::int64_t last_id_of(std::int64_t bucket) {
  return chunk_id(bucket, SeriesId{0xffffffff}, kMaxParts - 1);
}

}  // namespace

const char* ChunkTable::schema() {
  return "CREATE TABLE chunk(id INTEGER PRIMARY KEY, " HUB_CHUNK_COLUMN_TYPES
         ", crc32 INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;";
}

const char* ChunkTable::bucket_schema() {
  return "CREATE TABLE bucket(bucket INTEGER PRIMARY KEY) STRICT;";
}

Result<Statement*> ChunkTable::ready(Statement& statement, const char* sql) {
  if (!statement.is_prepared()) {
    auto prepared = db_->prepare(sql);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
  }
  statement.reset();
  return &statement;
}

Result<std::vector<std::int64_t>> ChunkTable::buckets(std::int64_t first, std::int64_t last) {
  auto select = ready(buckets_, "SELECT bucket FROM bucket WHERE bucket BETWEEN ? AND ? ORDER BY bucket");
  if (!select) return select.error();
  std::vector<std::int64_t> found;
  (*select)->bind_all(first, last);
  for (;;) {
    auto row = (*select)->step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back((*select)->integer(0));
  }
  (*select)->reset();
  return found;
}

Result<std::vector<ChunkHeader>> ChunkTable::headers(std::int64_t first_id, std::int64_t last_id) {
  auto select = ready(headers_, "SELECT " HUB_CHUNK_COLUMNS " FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id");
  if (!select) return select.error();
  std::vector<ChunkHeader> found;
  (*select)->bind_all(first_id, last_id);
  for (;;) {
    auto row = (*select)->step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back(read_header(**select));
  }
  (*select)->reset();
  return found;
}

Result<std::vector<ChunkHeader>> ChunkTable::bucket_headers(std::int64_t bucket, SeriesId series) {
  return headers(chunk_id(bucket, series, 0), chunk_id(bucket, series, kMaxParts - 1));
}

Result<std::vector<std::int64_t>> ChunkTable::ids(std::int64_t first_id, std::int64_t last_id) {
  auto select = ready(ids_, "SELECT id FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id");
  if (!select) return select.error();
  std::vector<std::int64_t> found;
  (*select)->bind_all(first_id, last_id);
  for (;;) {
    auto row = (*select)->step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back((*select)->integer(0));
  }
  (*select)->reset();
  return found;
}

/// Leaves payload_ on the row, to be reset.
Result<void> ChunkTable::find_payload(const ChunkHeader& header) {
  auto select = ready(payload_, "SELECT crc32, payload FROM chunk WHERE id = ?");
  if (!select) return select.error();
  payload_.bind_all(header.id);
  auto row = payload_.step();
  if (!row) return row.error();
  if (*row && base::crc32(payload_.blob(1)) == static_cast<std::uint32_t>(payload_.integer(0))) return {};
  payload_.reset();
  return errc::storage_damaged;
}

Result<ChunkReadings> ChunkTable::readings(const ChunkHeader& header) {
  if (auto found = find_payload(header); !found) return found.error();
  auto decoded = decode_chunk(header, payload_.blob(1));
  payload_.reset();
  return decoded;
}

Result<std::string> ChunkTable::payload(const ChunkHeader& header) {
  if (auto found = find_payload(header); !found) return found.error();
  std::string payload(payload_.blob(1));
  payload_.reset();
  return payload;
}

Result<void> ChunkTable::insert(const ChunkHeader& header, std::string_view payload) {
  auto insert = ready(insert_, "INSERT INTO chunk(" HUB_CHUNK_COLUMNS
                               ", crc32, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) return insert.error();
  bind_header(**insert, header);
  (*insert)->bind(kChunkColumns + 1, base::crc32(payload));
  (*insert)->bind_blob(kChunkColumns + 2, payload);
  return (*insert)->run();
}

Result<void> ChunkTable::erase(std::int64_t id) {
  auto erase = ready(erase_, "DELETE FROM chunk WHERE id = ?");
  if (!erase) return erase.error();
  (*erase)->bind(1, id);
  return (*erase)->run();
}

Result<void> ChunkTable::add_bucket(std::int64_t bucket) {
  auto add = ready(add_bucket_, "INSERT OR IGNORE INTO bucket(bucket) VALUES (?)");
  if (!add) return add.error();
  (*add)->bind(1, bucket);
  return (*add)->run();
}

Result<void> ChunkTable::drop_if_empty(std::int64_t bucket) {
  auto drop =
      ready(drop_bucket_,
            "DELETE FROM bucket WHERE bucket = ? AND NOT EXISTS (SELECT 1 FROM chunk WHERE id BETWEEN ? AND ?)");
  if (!drop) return drop.error();
  (*drop)->bind_all(bucket, first_id_of(bucket), last_id_of(bucket));
  return (*drop)->run();
}

Result<std::uint64_t> ChunkTable::expire(std::int64_t bucket, std::int64_t before_us) {
  auto count =
      ready(count_expired_, "SELECT coalesce(sum(count), 0) FROM chunk WHERE id BETWEEN ? AND ? AND last_time < ?");
  if (!count) return count.error();
  (*count)->bind_all(first_id_of(bucket), last_id_of(bucket), before_us);
  auto row = (*count)->step();
  if (!row) return row.error();
  const auto readings = static_cast<std::uint64_t>((*count)->integer(0));
  (*count)->reset();
  auto erase = ready(expire_, "DELETE FROM chunk WHERE id BETWEEN ? AND ? AND last_time < ?");
  if (!erase) return erase.error();
  (*erase)->bind_all(first_id_of(bucket), last_id_of(bucket), before_us);
  if (auto done = (*erase)->run(); !done) return done.error();
  if (auto done = drop_if_empty(bucket); !done) return done.error();
  return readings;
}

Result<std::uint64_t> ChunkTable::erase_sealed(std::int64_t first_id, std::int64_t last_id, CommitNumber seal) {
  auto erase = ready(erase_sealed_, "DELETE FROM chunk WHERE id BETWEEN ? AND ? AND seal <= ?");
  if (!erase) return erase.error();
  (*erase)->bind_all(first_id, last_id, seal);
  if (auto done = (*erase)->run(); !done) return done.error();
  return static_cast<std::uint64_t>(db_->changes());
}

Result<void> ChunkTable::drop_empty_buckets(std::int64_t first, std::int64_t last) {
  auto held = buckets(first, last);
  if (!held) return held.error();
  for (const std::int64_t bucket : *held) {
    if (auto done = drop_if_empty(bucket); !done) return done;
  }
  return {};
}

}  // namespace hub::sqlite
