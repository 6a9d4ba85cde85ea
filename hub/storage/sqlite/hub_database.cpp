#include "hub/storage/sqlite/hub_database.h"

#include <fcntl.h>
#include <unistd.h>

#include "hub/storage/sqlite/migrations.h"

namespace hub::sqlite {

Result<std::unique_ptr<HubDatabase>> HubDatabase::open(const std::string& path, const OpenOptions& options) {
  if (options.vfs == nullptr && !options.read_only && path != ":memory:") {
    // Password hashes live here: the file is its owner's only. SQLite gives its -wal and -shm the same mode.
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
  }
  auto db = Database::open(path, options);
  if (!db) return db.error();
  if (options.read_only) {
    const auto version = schema_version(*db);
    if (!version) return version.error();
    if (*version != embedded_migrations().back().version) return errc::unsupported_version;
  } else if (auto done = migrate(*db, path, embedded_migrations()); !done) {
    return done.error();
  }
  auto hub = std::unique_ptr<HubDatabase>(new HubDatabase);
  hub->db_ = std::move(*db);
  return hub;
}

Result<std::optional<std::string>> HubDatabase::fact(const std::string& key) {
  auto statement = db_.prepare("SELECT value FROM facts WHERE key = ?1");
  if (!statement) return statement.error();
  statement->bind(1, key);
  auto row = statement->step();
  if (!row) return row.error();
  std::optional<std::string> value;
  if (*row) value.emplace(statement->text(0));
  return value;
}

Result<void> HubDatabase::set_fact(const std::string& key, const std::string& value) {
  auto statement = db_.prepare("INSERT INTO facts VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
  if (!statement) return statement.error();
  return statement->bind_all(key, value).run();
}

}  // namespace hub::sqlite
