#include "hub/storage/sqlite/chunk_table.h"

#include <array>
#include <bit>
#include <cstring>

namespace hub::sqlite {
namespace {

#define HUB_CHUNK_COLUMNS                                                                                           \
  "id, type, count, first_time, last_time, first_commit, last_commit, first_received, last_received, flags, seal, " \
  "first_rank, last_rank, minimum, maximum, sum, changes, low, high, first, last"

static_assert(std::endian::native == std::endian::little, "blobs of doubles are little endian");

std::string to_blob(const Location& l) {
  const std::array<double, 3> parts{l.latitude, l.longitude, l.altitude};
  return std::string(reinterpret_cast<const char*>(parts.data()), sizeof parts);
}

Location from_blob(std::string_view bytes) {
  std::array<double, 3> parts{};
  if (bytes.size() == sizeof parts) std::memcpy(parts.data(), bytes.data(), sizeof parts);
  return {parts[0], parts[1], parts[2]};
}

ChunkHeader read_header(const Statement& row) {
  ChunkHeader h;
  h.id = row.integer(0);
  h.type = static_cast<ValueType>(row.integer(1));
  h.count = static_cast<std::uint32_t>(row.integer(2));
  h.first_us = row.integer(3);
  h.last_us = row.integer(4);
  h.first_commit = static_cast<CommitNumber>(row.integer(5));
  h.last_commit = static_cast<CommitNumber>(row.integer(6));
  h.first_received_us = row.integer(7);
  h.last_received_us = row.integer(8);
  h.flags = static_cast<std::uint32_t>(row.integer(9));
  h.seal = static_cast<CommitNumber>(row.integer(10));
  h.first_rank = static_cast<std::uint64_t>(row.integer(11));
  h.last_rank = static_cast<std::uint64_t>(row.integer(12));
  h.minimum = row.real(13);
  h.maximum = row.real(14);
  h.sum = row.real(15);
  h.changes = static_cast<std::uint32_t>(row.integer(16));
  h.low = from_blob(row.blob(17));
  h.high = from_blob(row.blob(18));
  h.first = read_value(row, 19, h.type);
  h.last = read_value(row, 20, h.type);
  return h;
}

}  // namespace

const char* ChunkTable::schema() {
  return "CREATE TABLE bucket(bucket INTEGER PRIMARY KEY) STRICT;"
         "CREATE TABLE chunk(id INTEGER PRIMARY KEY, type INTEGER NOT NULL, count INTEGER NOT NULL, "
         "first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, "
         "first_commit INTEGER NOT NULL, last_commit INTEGER NOT NULL, "
         "first_received INTEGER NOT NULL, last_received INTEGER NOT NULL, "
         "flags INTEGER NOT NULL, seal INTEGER NOT NULL, first_rank INTEGER NOT NULL, last_rank INTEGER NOT NULL, "
         "minimum REAL, maximum REAL, sum REAL, changes INTEGER, low BLOB, high BLOB, "
         "first ANY NOT NULL, last ANY NOT NULL, crc32 INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;";
}

Result<ChunkTable> ChunkTable::prepare(Database& db) {
  ChunkTable table;
  table.db_ = &db;
  const std::pair<Statement*, const char*> wanted[] = {
      {&table.buckets_, "SELECT bucket FROM bucket WHERE bucket BETWEEN ? AND ? ORDER BY bucket"},
      {&table.headers_, "SELECT " HUB_CHUNK_COLUMNS " FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id"},
      {&table.payload_, "SELECT crc32, payload FROM chunk WHERE id = ?"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return table;
}

Result<Statement*> ChunkTable::writing(Statement& statement, const char* sql) {
  if (!statement.is_prepared()) {
    auto prepared = db_->prepare(sql);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
  }
  statement.reset();
  return &statement;
}

Result<std::vector<std::int64_t>> ChunkTable::buckets(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> found;
  buckets_.bind_all(first, last);
  for (;;) {
    auto row = buckets_.step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back(buckets_.integer(0));
  }
  buckets_.reset();
  return found;
}

Result<std::vector<ChunkHeader>> ChunkTable::headers(std::int64_t bucket, SeriesId series) {
  std::vector<ChunkHeader> found;
  headers_.bind_all(chunk_id(bucket, series, 0), chunk_id(bucket, series, kMaxParts - 1));
  for (;;) {
    auto row = headers_.step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back(read_header(headers_));
  }
  headers_.reset();
  return found;
}

Result<ChunkReadings> ChunkTable::readings(const ChunkHeader& header) {
  payload_.bind_all(header.id);
  auto row = payload_.step();
  if (!row) return row.error();
  if (!*row) return errc::storage_damaged;
  const auto payload = payload_.blob(1);
  const bool intact = base::crc32(payload) == static_cast<std::uint32_t>(payload_.integer(0));
  auto decoded = intact ? decode_chunk(header, payload) : Result<ChunkReadings>(errc::storage_damaged);
  payload_.reset();
  return decoded;
}

Result<void> ChunkTable::insert(const ChunkHeader& h, std::string_view payload) {
  auto prepared = writing(insert_, "INSERT INTO chunk(" HUB_CHUNK_COLUMNS
                                   ", crc32, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!prepared) return prepared.error();
  Statement& s = **prepared;
  s.bind_all(h.id, static_cast<int>(h.type), h.count, h.first_us, h.last_us, h.first_commit, h.last_commit,
             h.first_received_us, h.last_received_us, h.flags, h.seal, h.first_rank, h.last_rank);
  for (int i = 14; i <= 19; ++i) s.bind_null(i);
  if (h.type == ValueType::number || h.type == ValueType::boolean) {
    s.bind(14, h.minimum);
    s.bind(15, h.maximum);
    s.bind(16, h.sum);
  }
  if (h.type == ValueType::boolean || h.type == ValueType::string) s.bind(17, h.changes);
  if (h.type == ValueType::location) {
    s.bind_blob(18, to_blob(h.low));
    s.bind_blob(19, to_blob(h.high));
  }
  bind_value(s, 20, h.first);
  bind_value(s, 21, h.last);
  s.bind(22, base::crc32(payload));
  s.bind_blob(23, payload);
  return s.run();
}

Result<void> ChunkTable::erase(std::int64_t id) {
  auto prepared = writing(erase_, "DELETE FROM chunk WHERE id = ?");
  if (!prepared) return prepared.error();
  (*prepared)->bind(1, id);
  return (*prepared)->run();
}

Result<void> ChunkTable::add_bucket(std::int64_t bucket) {
  auto prepared = writing(add_bucket_, "INSERT OR IGNORE INTO bucket(bucket) VALUES (?)");
  if (!prepared) return prepared.error();
  (*prepared)->bind(1, bucket);
  return (*prepared)->run();
}

Result<std::uint64_t> ChunkTable::expire(std::int64_t bucket, std::int64_t before_us) {
  const std::int64_t first = chunk_id(bucket, SeriesId{0}, 0);
  const std::int64_t last = chunk_id(bucket, SeriesId{0xffffffff}, kMaxParts - 1);
  auto count =
      writing(count_expired_, "SELECT coalesce(sum(count), 0) FROM chunk WHERE id BETWEEN ? AND ? AND last_time < ?");
  if (!count) return count.error();
  (*count)->bind_all(first, last, before_us);
  auto row = (*count)->step();
  if (!row) return row.error();
  const auto readings = static_cast<std::uint64_t>((*count)->integer(0));
  (*count)->reset();
  auto erase = writing(expire_, "DELETE FROM chunk WHERE id BETWEEN ? AND ? AND last_time < ?");
  if (!erase) return erase.error();
  (*erase)->bind_all(first, last, before_us);
  if (auto done = (*erase)->run(); !done) return done.error();
  auto drop =
      writing(drop_bucket_,
              "DELETE FROM bucket WHERE bucket = ? AND NOT EXISTS (SELECT 1 FROM chunk WHERE id BETWEEN ? AND ?)");
  if (!drop) return drop.error();
  (*drop)->bind_all(bucket, first, last);
  if (auto done = (*drop)->run(); !done) return done.error();
  return readings;
}

void bind_value(Statement& statement, int index, const Value& value) {
  switch (value.index()) {
    case 0:
      return statement.bind(index, std::get<double>(value));
    case 1:
      return statement.bind(index, std::int64_t{std::get<bool>(value)});
    case 2:
      return statement.bind(index, std::string_view(std::get<std::string>(value)));
    default:
      return statement.bind_blob(index, to_blob(std::get<Location>(value)));
  }
}

Value read_value(const Statement& statement, int column, ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return statement.integer(column) != 0;
    case ValueType::string:
      return std::string(statement.text(column));
    case ValueType::location:
      return from_blob(statement.blob(column));
    case ValueType::number:
      break;
  }
  return statement.real(column);
}

}  // namespace hub::sqlite
