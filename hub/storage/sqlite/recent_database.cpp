#include "hub/storage/sqlite/recent_database.h"

#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {
namespace {

/// A chunk of ten minutes at 1 Hz takes a kilobyte: of small pages a fifth would stay empty.
constexpr int kPageBytes = 16 * 1024;

constexpr const char* kRecentSchema =
    "CREATE TABLE gap(id INTEGER PRIMARY KEY, device TEXT NOT NULL, series INTEGER NOT NULL, "
    "placed_from INTEGER NOT NULL, placed_to INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, "
    "count INTEGER NOT NULL, at_most INTEGER NOT NULL, reason INTEGER NOT NULL, reported_by TEXT NOT NULL, "
    "commit_number INTEGER NOT NULL, received_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX gap_by_device ON gap(device, placed_from);"
    "CREATE TABLE cursor(device TEXT NOT NULL, epoch BLOB NOT NULL, lane INTEGER NOT NULL, sequence INTEGER NOT NULL, "
    "commit_number INTEGER NOT NULL, PRIMARY KEY(device, epoch, lane)) "
    "STRICT, WITHOUT ROWID;"
    "CREATE TABLE latest(series INTEGER PRIMARY KEY, time INTEGER NOT NULL, type INTEGER NOT NULL, value ANY NOT NULL) "
    "STRICT;"
    "INSERT INTO meta(key, value) VALUES ('sealed_through', 0);";

}  // namespace

Outcome<std::unique_ptr<RecentDatabase>> RecentDatabase::open(const DataFolder& folder, const OpenOptions& options,
                                                              bool journal_exists, base::Random& random) {
  const std::string path = folder.recent_path();
  OpenOptions sized = options;
  sized.page_bytes = kPageBytes;
  auto db = Database::open(path, sized);
  if (!db) return file_problem(path, db.error(), "cannot be opened");
  std::unique_ptr<RecentDatabase> recent(new RecentDatabase);
  recent->db_ = std::move(*db);
  auto version = read_version(recent->db_);
  if (!version) return file_problem(path, version.error(), "cannot be read");
  if (!*version) {
    if (journal_exists) {
      return Problem{errc::storage_damaged,
                     path +
                         ": is missing or empty, but the folder holds journal files that belong to it. Restore it "
                         "from a backup of the same hub, or move the journal-*.db files away to start anew.",
                     ""};
    }
    if (auto done = recent->make_tables(random); !done) return file_problem(path, done.error(), "cannot be made");
  } else if ((*version)->format > kRecentFormat) {
    return newer_format_problem(path, (*version)->format, kRecentFormat);
  } else {
    recent->epoch_ = (*version)->epoch;
  }
  // A dead process may have left a seal in the page cache only, and the segments it covers are deleted because of it.
  auto ready = recent->db_.sync_log();
  if (ready) ready = recent->prepare();
  if (!ready) return file_problem(path, ready.error(), "cannot be read");
  return recent;
}

Result<void> RecentDatabase::make_tables(base::Random& random) {
  epoch_ = random.next_id();
  auto transaction = Transaction::begin(db_);
  if (!transaction) return transaction.error();
  if (auto done = write_version(db_, epoch_, kRecentFormat); !done) return done;
  if (auto done = db_.execute(std::string(ChunkTable::bucket_schema()) + ChunkTable::schema() + kRecentSchema); !done)
    return done;
  return transaction->commit();
}

Result<void> RecentDatabase::prepare() {
  // A seal writes many pages in one transaction; without room they would go to the log twice.
  if (auto done = db_.execute("PRAGMA cache_size=-65536;PRAGMA journal_size_limit=67108864"); !done) return done;
  if (auto done = PartitionTable::prepare(db_); !done) return done;
  const std::pair<Statement*, const char*> wanted[] = {
      {&put_gap_,
       "INSERT INTO gap(device, series, placed_from, placed_to, from_time, to_time, count, at_most, reason, "
       "reported_by, commit_number, received_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"},
      {&put_cursor_,
       "INSERT INTO cursor(device, epoch, lane, sequence, commit_number) VALUES (?,?,?,?,?) ON CONFLICT "
       "DO UPDATE SET sequence=excluded.sequence, commit_number=excluded.commit_number "
       "WHERE excluded.sequence > cursor.sequence"},
      {&put_latest_,
       "INSERT INTO latest(series, time, type, value) VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET time=excluded.time, "
       "type=excluded.type, value=excluded.value WHERE excluded.time >= latest.time"},
      {&put_sealed_, "UPDATE meta SET value=? WHERE key='sealed_through'"},
      {&expire_gaps_, "DELETE FROM gap WHERE placed_to < ?"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db_.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  const auto sealed = read_meta("sealed_through");
  if (!sealed) return sealed.error();
  if (!*sealed) return errc::storage_damaged;
  sealed_through_ = static_cast<CommitNumber>(**sealed);
  const auto restored = read_meta("restored_through"), restored_at = read_meta("restored_at");
  if (!restored) return restored.error();
  if (!restored_at) return restored_at.error();
  restore_point_ = {static_cast<CommitNumber>(restored->value_or(0)), restored_at->value_or(0)};
  return {};
}

Result<std::optional<std::int64_t>> RecentDatabase::read_meta(const char* key) {
  auto select = db_.prepare("SELECT value FROM meta WHERE key=?");
  if (!select) return select.error();
  select->bind_all(std::string(key));
  auto row = select->step();
  if (!row) return row.error();
  return *row ? std::optional(select->integer(0)) : std::nullopt;
}

Result<void> RecentDatabase::load_latest(LatestTable& latest) {
  auto select = db_.prepare("SELECT series, time, type, value FROM latest");
  if (!select) return select.error();
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    latest.load(SeriesId{static_cast<std::uint32_t>(select->integer(0))}, select->integer(1),
                read_value(*select, 3, static_cast<ValueType>(select->integer(2))));
  }
}

Result<void> RecentDatabase::put_gap(const PlacedGap& placed) {
  const Gap& gap = placed.gap;
  put_gap_.bind_all(gap.device.str(), raw(gap.series), placed.from_us, placed.to_us, gap.from_us, gap.to_us, gap.count,
                    static_cast<int>(gap.at_most), static_cast<int>(gap.reason), gap.reported_by, placed.commit,
                    placed.received_at_us);
  return put_gap_.run();
}

Result<void> RecentDatabase::put_cursor(const StreamKey& stream, const StreamCursor& cursor) {
  put_cursor_.reset();
  put_cursor_.bind(1, stream.device.str());
  put_cursor_.bind_blob(2, base::as_chars(stream.epoch));
  put_cursor_.bind(3, std::uint32_t{stream.lane});
  put_cursor_.bind(4, cursor.sequence);
  put_cursor_.bind(5, cursor.commit);
  return put_cursor_.run();
}

Result<void> RecentDatabase::put_latest(SeriesId series, std::int64_t time_us, const Value& value) {
  put_latest_.bind_all(raw(series), time_us, static_cast<int>(value.index() + 1));
  bind_value(put_latest_, 4, value);
  return put_latest_.run();
}

Result<void> RecentDatabase::put_sealed_through(CommitNumber commit) {
  put_sealed_.bind_all(commit);
  return put_sealed_.run();
}

Result<void> RecentDatabase::expire_gaps(std::int64_t before_us) {
  expire_gaps_.bind_all(before_us);
  return expire_gaps_.run();
}

}  // namespace hub::sqlite
