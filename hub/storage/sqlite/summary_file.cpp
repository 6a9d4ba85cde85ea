#include "hub/storage/sqlite/summary_file.h"

#include <limits>

#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {
namespace {

constexpr const char* kSummarySchema =
    "CREATE TABLE hour(series INTEGER NOT NULL, day INTEGER NOT NULL, generation INTEGER NOT NULL, "
    "id INTEGER NOT NULL, " HUB_CHUNK_COLUMN_TYPES
    ", PRIMARY KEY(series, day, generation, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE written(day INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY(day, generation)) "
    "STRICT, WITHOUT ROWID;";

}  // namespace

Result<std::unique_ptr<SummaryWriter>> SummaryWriter::open(const std::string& path, const OpenOptions& options,
                                                           const base::Id128& epoch) {
  auto db = Database::open(path, options);
  if (!db) return db.error();
  std::unique_ptr<SummaryWriter> writer(new SummaryWriter);
  writer->db_ = std::move(*db);
  // Payloads are dropped because of what is in here: a dead process may have left it in the page cache only.
  if (auto done = writer->db_.sync_log(); !done) return done.error();
  auto version = read_version(writer->db_);
  if (!version) return version.error();
  if (*version && (*version)->format > kReadingsFormat) return errc::unsupported_version;
  if (!*version) {
    auto transaction = Transaction::begin(writer->db_);
    if (!transaction) return transaction.error();
    if (auto done = write_version(writer->db_, epoch); !done) return done.error();
    if (auto done = writer->db_.execute(kSummarySchema); !done) return done.error();
    if (auto done = transaction->commit(); !done) return done.error();
  }
  auto insert =
      writer->db_.prepare("INSERT INTO hour(" HUB_CHUNK_COLUMNS
                          ", series, day, generation) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) return insert.error();
  writer->insert_ = std::move(*insert);
  return writer;
}

Result<void> SummaryWriter::write_day(PartitionReader& partition, std::uint32_t kept) {
  const PartitionName& name = partition.name();
  auto transaction = Transaction::begin(db_);
  if (!transaction) return transaction.error();
  auto found = db_.prepare("SELECT count(*) FROM written WHERE day = ? AND generation > ?");
  if (!found) return found.error();
  found->bind_all(name.day, kept);
  auto row = found->step();
  if (!row) return row.error();
  const bool interrupted = found->integer(0) > 0;
  found->reset();
  if (interrupted) {  // the days of a series lie together, so this looks at the whole month
    for (const char* sql : {"DELETE FROM hour WHERE day = ? AND generation > ?",
                            "DELETE FROM written WHERE day = ? AND generation > ?"}) {
      auto erase = db_.prepare(sql);
      if (!erase) return erase.error();
      erase->bind_all(name.day, kept);
      if (auto done = erase->run(); !done) return done;
    }
  }
  if (auto done = copy_headers(partition); !done) return done;
  auto written = db_.prepare("INSERT INTO written(day, generation) VALUES (?, ?)");
  if (!written) return written.error();
  written->bind_all(name.day, name.generation);
  if (auto done = written->run(); !done) return done;
  return transaction->commit();
}

Result<void> SummaryWriter::copy_headers(PartitionReader& partition) {
  const auto ids = partition.chunks().ids(0, std::numeric_limits<std::int64_t>::max());
  if (!ids) return ids.error();
  for (std::size_t i = 0; i < ids->size();) {
    const SeriesId series = series_of_hour_chunk((*ids)[i]);
    const auto headers = partition.headers(series, 0, kHoursPerDay - 1);
    if (!headers) return headers.error();
    if (headers->empty()) return errc::storage_damaged;
    for (const auto& header : *headers) {
      insert_.reset();
      bind_header(insert_, header);
      insert_.bind(kChunkColumns + 1, raw(series));
      insert_.bind(kChunkColumns + 2, partition.name().day);
      insert_.bind(kChunkColumns + 3, partition.name().generation);
      if (auto done = insert_.run(); !done) return done;
    }
    i += headers->size();
  }
  return {};
}

Result<std::unique_ptr<SummaryReader>> SummaryReader::open(const std::string& path, OpenOptions options) {
  options.read_only = true;
  sqlite3_vfs* vfs = sqlite3_vfs_find(options.vfs);
  int exists = 0;
  if (vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK) return errc::storage_failed;
  if (exists == 0) return errc::not_found;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  std::unique_ptr<SummaryReader> reader(new SummaryReader);
  reader->db_ = std::move(*db);
  auto select =
      reader->db_.prepare("SELECT " HUB_CHUNK_COLUMNS
                          " FROM hour WHERE series = ? AND day = ? AND generation <= ? ORDER BY generation, id");
  if (!select) return select.error();
  reader->select_ = std::move(*select);
  return reader;
}

Result<std::vector<ChunkHeader>> SummaryReader::headers(SeriesId series, std::int64_t day, std::uint32_t generation) {
  std::vector<ChunkHeader> found;
  select_.bind_all(raw(series), day, generation);
  for (;;) {
    auto row = select_.step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back(read_header(select_));
  }
  select_.reset();
  return found;
}

}  // namespace hub::sqlite
