#include "hub/storage/sqlite/partition_table.h"

#include <limits>

#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {
namespace {

constexpr std::int64_t kEarliest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();

constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS partition(day INTEGER NOT NULL, class TEXT NOT NULL, generation INTEGER NOT NULL, "
    "seal INTEGER NOT NULL, readings INTEGER NOT NULL, chunks INTEGER NOT NULL, bytes INTEGER NOT NULL, "
    "first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY(day, class)) "
    "STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS expired_day(day INTEGER NOT NULL, class TEXT NOT NULL, generation INTEGER NOT NULL, "
    "summarised INTEGER NOT NULL, PRIMARY KEY(day, class)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS summary_file(month INTEGER NOT NULL, class TEXT NOT NULL, PRIMARY KEY(month, class)) "
    "STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS removal(file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;";

// One class a day. A file of before there were partitions has none of them: they are made empty, and taken over.
constexpr const char* kTablesOfFormat1 =
    "CREATE TABLE IF NOT EXISTS partition(day INTEGER PRIMARY KEY, class TEXT NOT NULL, generation INTEGER NOT NULL, "
    "seal INTEGER NOT NULL, readings INTEGER NOT NULL, chunks INTEGER NOT NULL, bytes INTEGER NOT NULL, "
    "first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, made_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS expired_day(day INTEGER PRIMARY KEY, class TEXT NOT NULL, generation INTEGER NOT NULL, "
    "summarised INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS summary_file(month INTEGER PRIMARY KEY, class TEXT NOT NULL) STRICT;";
constexpr const char* kSetAsideFormat1 =
    "ALTER TABLE partition RENAME TO partition_1; ALTER TABLE expired_day RENAME TO expired_day_1;"
    "ALTER TABLE summary_file RENAME TO summary_file_1;";
constexpr const char* kTakeOverFormat1 =
    "INSERT INTO partition SELECT * FROM partition_1; DROP TABLE partition_1;"
    "INSERT INTO expired_day SELECT * FROM expired_day_1; DROP TABLE expired_day_1;"
    "INSERT INTO summary_file SELECT * FROM summary_file_1; DROP TABLE summary_file_1;"
    "UPDATE meta SET value = 2 WHERE key = 'format';";

}  // namespace

// Folders made before there were partitions get the tables at their next opening.
Result<void> PartitionTable::prepare(Database& db) {
  auto transaction = Transaction::begin(db);
  if (!transaction) return transaction.error();
  const auto version = read_version(db);
  if (!version) return version.error();
  if (*version && (*version)->format < kRecentFormat) {
    for (const char* step : {kTablesOfFormat1, kSetAsideFormat1, kTables, kTakeOverFormat1}) {
      if (auto done = db.execute(step); !done) return done;
    }
  } else if (auto done = db.execute(kTables); !done) {
    return done;
  }
  return transaction->commit();
}

PartitionTable::PartitionTable(Database& db)
    : list_(db,
            "SELECT day, class, generation, seal, readings, chunks, bytes, first_time, last_time, made_at "
            "FROM partition WHERE day BETWEEN ? AND ? ORDER BY day, class"),
      put_(db,
           "INSERT OR REPLACE INTO partition(day, class, generation, seal, readings, chunks, bytes, first_time, "
           "last_time, made_at) VALUES (?,?,?,?,?,?,?,?,?,?)"),
      erase_(db, "DELETE FROM partition WHERE day = ? AND class = ?"),
      expired_(db,
               "SELECT day, class, generation, summarised FROM expired_day WHERE day BETWEEN ? AND ? "
               "ORDER BY day, class"),
      put_expired_(db, "INSERT OR REPLACE INTO expired_day(day, class, generation, summarised) VALUES (?,?,?,?)"),
      summaries_(db, "SELECT month, class FROM summary_file ORDER BY month, class"),
      put_summary_(db, "INSERT OR IGNORE INTO summary_file(month, class) VALUES (?,?)"),
      erase_summary_(db, "DELETE FROM summary_file WHERE month = ? AND class = ?"),
      removals_(db, "SELECT file FROM removal ORDER BY file"),
      add_removal_(db, "INSERT OR IGNORE INTO removal(file) VALUES (?)"),
      drop_removal_(db, "DELETE FROM removal WHERE file = ?") {}

Result<std::vector<PartitionRecord>> PartitionTable::list(std::int64_t first_day, std::int64_t last_day) {
  std::vector<PartitionRecord> found;
  auto done = list_.each(
      [&](const Statement& row) {
        PartitionRecord r;
        r.name = {row.integer(0), std::string(row.text(1)), static_cast<std::uint32_t>(row.integer(2))};
        r.seal = static_cast<CommitNumber>(row.integer(3));
        r.readings = static_cast<std::uint64_t>(row.integer(4));
        r.chunks = static_cast<std::uint64_t>(row.integer(5));
        r.bytes = static_cast<std::uint64_t>(row.integer(6));
        r.first_us = row.integer(7);
        r.last_us = row.integer(8);
        r.made_at_us = row.integer(9);
        found.push_back(std::move(r));
      },
      first_day, last_day);
  if (!done) return done.error();
  return found;
}

Result<std::optional<PartitionRecord>> PartitionTable::find(std::int64_t day, const std::string& retention_class) {
  auto found = list(day, day);
  if (!found) return found.error();
  for (auto& record : *found) {
    if (record.name.retention_class == retention_class) return std::optional(std::move(record));
  }
  return std::optional<PartitionRecord>();
}

Result<void> PartitionTable::put(const PartitionRecord& r) {
  return put_.run(r.name.day, r.name.retention_class, r.name.generation, r.seal, r.readings, r.chunks, r.bytes,
                  r.first_us, r.last_us, r.made_at_us);
}

Result<void> PartitionTable::erase(std::int64_t day, const std::string& retention_class) {
  return erase_.run(day, retention_class);
}

Result<std::vector<ExpiredDay>> PartitionTable::expired(std::int64_t first_day, std::int64_t last_day) {
  std::vector<ExpiredDay> found;
  auto done = expired_.each(
      [&](const Statement& row) {
        found.push_back({row.integer(0), std::string(row.text(1)), static_cast<std::uint32_t>(row.integer(2)),
                         static_cast<std::uint32_t>(row.integer(3))});
      },
      first_day, last_day);
  if (!done) return done.error();
  return found;
}

Result<std::optional<ExpiredDay>> PartitionTable::find_expired(std::int64_t day, const std::string& retention_class) {
  auto found = expired(day, day);
  if (!found) return found.error();
  for (auto& one : *found) {
    if (one.retention_class == retention_class) return std::optional(std::move(one));
  }
  return std::optional<ExpiredDay>();
}

Result<void> PartitionTable::put_expired(const ExpiredDay& d) {
  return put_expired_.run(d.day, d.retention_class, d.generation, d.summarised);
}

Result<std::vector<SummaryRecord>> PartitionTable::summaries() {
  std::vector<SummaryRecord> found;
  auto done = summaries_.each([&](const Statement& row) {
    found.push_back({row.integer(0), std::string(row.text(1))});
  });
  if (!done) return done.error();
  return found;
}

Result<std::vector<std::string>> PartitionTable::used_summaries() {
  const auto days = expired(kEarliest, kLatest);
  if (!days) return days.error();
  std::set<std::string> files;
  for (const auto& day : *days) {
    if (day.summarised > 0) files.insert(summary_file_name(month_of_day(day.day), day.retention_class));
  }
  return std::vector<std::string>(files.begin(), files.end());
}

Result<std::set<std::string>> PartitionTable::files() {
  const auto partitions = list(kEarliest, kLatest);
  if (!partitions) return partitions.error();
  const auto months = summaries();
  if (!months) return months.error();
  std::set<std::string> files;
  for (const auto& partition : *partitions) files.insert(partition.name.to_text());
  for (const auto& month : *months) files.insert(summary_file_name(month.month, month.retention_class));
  return files;
}

Result<void> PartitionTable::put_summary(const SummaryRecord& r) {
  return put_summary_.run(r.month, r.retention_class);
}

Result<void> PartitionTable::erase_summary(const SummaryRecord& r) {
  return erase_summary_.run(r.month, r.retention_class);
}

Result<std::vector<std::string>> PartitionTable::removals() {
  std::vector<std::string> found;
  auto done = removals_.each([&](const Statement& row) { found.emplace_back(row.text(0)); });
  if (!done) return done.error();
  return found;
}

Result<void> PartitionTable::add_removal(const std::string& file) {
  return add_removal_.run(file);
}

Result<void> PartitionTable::drop_removal(const std::string& file) {
  return drop_removal_.run(file);
}

}  // namespace hub::sqlite
