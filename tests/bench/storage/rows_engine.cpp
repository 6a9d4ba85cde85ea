#include "tests/bench/storage/rows_engine.h"

#include "tests/bench/storage/files.h"

namespace bench {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS reading(series INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL NOT NULL, "
    "PRIMARY KEY(series, time_us)) WITHOUT ROWID, STRICT";

template <class T>
T value_of(hub::Result<T> result) {
  if (!result) throw Failure("sqlite: " + result.error().message());
  return std::move(*result);
}
void done(const hub::Result<void>& result) {
  if (!result) throw Failure("sqlite: " + result.error().message());
}

}  // namespace

RowsEngine::RowsEngine(EngineOptions options) : options_(std::move(options)) {
  open();
}

void RowsEngine::execute(const char* sql) {
  done(connection_->db.execute(sql));
}

hub::sqlite::Statement RowsEngine::statement(const char* sql) {
  return value_of(connection_->db.prepare(sql));
}

void RowsEngine::open() {
  commits_ = 0;
  connection_.emplace();
  hub::sqlite::OpenOptions options;
  // A log as large as the cache: with the default of 4 MB a page that many readings share would be copied more often.
  options.wal_autocheckpoint_pages = 16'384;
  connection_->db = value_of(hub::sqlite::Database::open(options_.folder + "/rows.db", options));
  execute("PRAGMA cache_size=-65536");
  execute(kSchema);
  connection_->insert = statement("INSERT INTO reading(series, time_us, value) VALUES (?, ?, ?)");
  connection_->latest = statement("SELECT time_us, value FROM reading WHERE series = ? ORDER BY time_us DESC LIMIT 1");
  connection_->raw = statement(
      "SELECT time_us, value FROM reading WHERE series = ? AND time_us >= ? AND time_us < ? ORDER BY time_us");
  connection_->buckets = statement(
      "SELECT (time_us - ?2) * ?4 / (?3 - ?2) AS bucket, count(*), min(value), max(value), sum(value) FROM reading "
      "WHERE series = ?1 AND time_us >= ?2 AND time_us < ?3 GROUP BY bucket");
  connection_->expire = statement("DELETE FROM reading WHERE series = ? AND time_us < ?");
}

void RowsEngine::close() {
  connection_.reset();
}

void RowsEngine::forget_cached() {
  close();
  drop_from_cache(options_.folder);
}

void RowsEngine::prepare(std::vector<Frame> frames) {
  for (auto& frame : frames) {
    series_.insert(frame.series.begin(), frame.series.end());
    prepared_.push_back(std::move(frame));
  }
}

void RowsEngine::store() {
  auto& insert = connection_->insert;
  std::size_t uncommitted = 0;
  const auto commit = [&] {
    execute("COMMIT");
    ++commits_;
    uncommitted = 0;
  };
  for (const auto& frame : prepared_) {
    for (std::size_t column = 0; column < frame.series.size(); ++column) {
      for (std::size_t i = 0; i < frame.times_us.size(); ++i) {
        if (uncommitted++ == 0) execute("BEGIN IMMEDIATE");
        insert.bind(1, frame.series[column]);
        insert.bind(2, frame.times_us[i]);
        insert.bind(3, frame.values[column][i]);
        done(insert.run());
      }
    }
    if (uncommitted >= options_.batch) commit();
  }
  if (uncommitted > 0) commit();
  prepared_.clear();
}

Engine::Sizes RowsEngine::sizes() {
  Sizes sizes;
  sizes.spare = free_page_bytes(options_.folder + "/rows.db");
  sizes.disk = file_bytes(options_.folder) - sizes.spare;
  return sizes;
}

std::size_t RowsEngine::latest(std::span<const std::uint32_t> series) {
  auto& latest = connection_->latest;
  std::vector<Reading> found;
  found.reserve(series.size());
  execute("BEGIN");  // one view and one lock instead of thousands
  for (const auto each : series) {
    latest.bind_all(each);
    if (value_of(latest.step())) found.push_back({latest.integer(0), latest.real(1)});
    latest.reset();
  }
  execute("COMMIT");
  return found.size();
}

std::vector<Reading> RowsEngine::raw(std::uint32_t series, std::int64_t from_us, std::int64_t to_us) {
  auto& raw = connection_->raw;
  std::vector<Reading> found;
  raw.bind_all(series, from_us, to_us);
  while (value_of(raw.step())) found.push_back({raw.integer(0), raw.real(1)});
  raw.reset();
  return found;
}

std::vector<Bucket> RowsEngine::buckets(std::uint32_t series, std::int64_t from_us, std::int64_t to_us,
                                        std::uint32_t width) {
  auto& buckets = connection_->buckets;
  std::vector<Bucket> found;
  buckets.bind_all(series, from_us, to_us, width);
  while (value_of(buckets.step())) {
    found.push_back({static_cast<std::uint32_t>(buckets.integer(0)), static_cast<std::uint64_t>(buckets.integer(1)),
                     buckets.real(2), buckets.real(3), buckets.real(4)});
  }
  buckets.reset();
  return found;
}

std::uint64_t RowsEngine::expire(std::int64_t before_us) {
  std::uint64_t readings = 0;
  execute("BEGIN IMMEDIATE");
  for (const auto each : series_) {
    connection_->expire.bind_all(each, before_us);
    done(connection_->expire.run());
    readings += static_cast<std::uint64_t>(connection_->db.changes());
  }
  execute("COMMIT");
  return readings;
}

}  // namespace bench
