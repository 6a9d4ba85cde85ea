#include "hub/storage/sqlite/migrations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace hub::sqlite {
namespace {

Result<std::int64_t> count(Database& db, std::string_view sql) {
  auto statement = db.prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : 0;
}

bool sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  return done;
}

// Complete under its final name or not there at all, also after a power cut.
Result<void> back_up(Database& db, const std::string& path, int next_version) {
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".before-%04d", next_version);
  const std::string target = path + suffix;
  const std::string partial = target + ".partial";
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);

  auto copy = db.prepare("VACUUM INTO ?1");
  if (!copy) return copy.error();
  copy->bind(1, partial);
  if (auto done = copy->run(); !done) return done.error();

  auto folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const bool kept = ::chmod(partial.c_str(), 0600) == 0 && sync(partial, O_RDONLY) &&
                    std::rename(partial.c_str(), target.c_str()) == 0 && sync(folder, O_RDONLY | O_DIRECTORY);
  if (!kept) return errc::storage_failed;
  return {};
}

Result<void> apply(Database& db, const Migration& migration) {
  auto transaction = Transaction::begin(db);
  if (!transaction) return transaction.error();
  const auto done =
      db.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT");
  if (!done) return done.error();
  if (auto changed = db.execute(std::string(migration.sql)); !changed) return changed.error();
  auto note = db.prepare("INSERT INTO schema_version (version, name) VALUES (?1, ?2)");
  if (!note) return note.error();
  if (auto noted = note->bind_all(migration.version, migration.name).run(); !noted) return noted.error();
  return transaction->commit();
}

}  // namespace

Result<int> schema_version(Database& db) {
  const auto has_version =
      count(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'");
  if (!has_version) return has_version.error();
  if (*has_version == 0) {
    const auto others = count(db, "SELECT count(*) FROM sqlite_schema");
    if (!others) return others.error();
    if (*others != 0) return errc::storage_damaged;
    return 0;
  }
  const auto version = count(db, "SELECT coalesce(max(version), 0) FROM schema_version");
  if (!version) return version.error();
  return static_cast<int>(*version);
}

Result<void> migrate(Database& db, const std::string& path, std::span<const Migration> migrations) {
  const auto version = schema_version(db);
  if (!version) return version.error();
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  if (*version > newest) return errc::unsupported_version;
  if (*version == newest) return {};
  if (*version > 0 && path != ":memory:") {
    if (auto kept = back_up(db, path, *version + 1); !kept) return kept.error();
  }
  for (const auto& migration : migrations) {
    if (migration.version <= *version) continue;
    if (auto done = apply(db, migration); !done) return done.error();
  }
  return {};
}

}  // namespace hub::sqlite
