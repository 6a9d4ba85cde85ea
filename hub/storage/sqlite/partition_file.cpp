#include "hub/storage/sqlite/partition_file.h"

#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {

Result<std::unique_ptr<PartitionWriter>> PartitionWriter::create(const std::string& path, OpenOptions options) {
  options.write_once = true;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  std::unique_ptr<PartitionWriter> writer(new PartitionWriter);
  writer->db_ = std::move(*db);
  if (auto done = writer->db_.execute(std::string("BEGIN;") + ChunkTable::schema()); !done) return done.error();
  return writer;
}

Result<PartitionTotals> PartitionWriter::totals() {
  auto select = db_.prepare("SELECT coalesce(sum(count), 0), count(*), min(first_time), max(last_time) FROM chunk");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  return PartitionTotals{static_cast<std::uint64_t>(select->integer(0)), static_cast<std::uint64_t>(select->integer(1)),
                         select->integer(2), select->integer(3)};
}

Result<void> PartitionWriter::finish(const PartitionName& name, const base::Id128& epoch, CommitNumber seal) {
  if (auto done = write_version(db_, epoch); !done) return done;
  {
    auto insert = db_.prepare(
        "INSERT INTO meta(key, value) VALUES ('day', ?), ('class', ?), ('generation', ?), ('sealed_through', ?)");
    if (!insert) return insert.error();
    insert->bind_all(name.day, name.retention_class, name.generation, seal);
    if (auto done = insert->run(); !done) return done;
  }
  if (auto done = db_.execute("COMMIT"); !done) return done;
  auto synced = db_.sync_file();
  chunks_ = ChunkTable();
  db_ = Database();
  return synced;
}

Result<std::unique_ptr<PartitionReader>> PartitionReader::open(const std::string& path, const PartitionName& name,
                                                               OpenOptions options) {
  options.read_only = true;
  sqlite3_vfs* vfs = sqlite3_vfs_find(options.vfs);
  int exists = 0;
  if (vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK) return errc::storage_failed;
  if (exists == 0) return errc::not_found;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  std::unique_ptr<PartitionReader> reader(new PartitionReader);
  reader->db_ = std::move(*db);
  reader->name_ = name;
  // Nobody writes the file: one lock for good spares a lock a query, and what is cached stays right.
  if (auto done = reader->db_.execute("PRAGMA locking_mode=EXCLUSIVE;PRAGMA cache_size=-256"); !done)
    return done.error();
  auto version = read_version(reader->db_);
  if (!version) return version.error();
  if (!*version) return errc::storage_damaged;
  if ((*version)->format > kReadingsFormat) return errc::unsupported_version;
  auto select = reader->db_.prepare(
      "SELECT 1 FROM meta d, meta c, meta g WHERE d.key='day' AND d.value=? AND c.key='class' AND c.value=? AND "
      "g.key='generation' AND g.value=?");
  if (!select) return select.error();
  select->bind_all(name.day, name.retention_class, name.generation);
  auto row = select->step();
  if (!row) return row.error();
  if (!*row) return errc::storage_damaged;
  return reader;
}

Result<std::vector<ChunkHeader>> PartitionReader::headers(SeriesId series, int first_hour, int last_hour) {
  return chunks_.headers(hour_chunk_id(series, first_hour, 0), hour_chunk_id(series, last_hour, kMaxParts - 1));
}

}  // namespace hub::sqlite
