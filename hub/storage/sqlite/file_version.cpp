#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {

Result<void> write_version(Database& db, const base::Id128& epoch, std::int64_t format) {
  if (auto done = db.execute("CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID");
      !done)
    return done;
  auto insert = db.prepare("INSERT INTO meta(key, value) VALUES ('format', ?), ('epoch', ?)");
  if (!insert) return insert.error();
  insert->bind(1, format);
  insert->bind_blob(2, base::as_chars(epoch));
  return insert->run();
}

Result<std::optional<FileVersion>> read_version(Database& db) {
  auto exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type='table' AND name='meta'");
  if (!exists) return exists.error();
  auto row = exists->step();
  if (!row) return row.error();
  if (!*row) return std::optional<FileVersion>();
  auto select = db.prepare("SELECT key, value FROM meta WHERE key IN ('format', 'epoch')");
  if (!select) return select.error();
  FileVersion version;
  for (;;) {
    row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    if (select->text(0) == "format") {
      version.format = select->integer(1);
    } else if (const auto epoch = base::to_id128(select->blob(1))) {
      version.epoch = *epoch;
    }
  }
  return std::optional(version);
}

Problem file_problem(const std::string& path, const error_code& error, const std::string& what) {
  const errc code = to_errc(error);
  std::string detail = path + ": " + what + " (" + std::string(describe(code).title) + "). ";
  if (code == errc::storage_damaged) {
    detail +=
        "The file is damaged. Stop the hub, copy the whole data folder, then restore this file from a backup, or move "
        "it away and accept the loss of what only it holds.";
  } else if (code == errc::unavailable) {
    detail += "The disk is full: free some space and start again.";
  } else {
    detail += "Check that the disk is healthy and that the hub may read and write the folder.";
  }
  return {code == errc::internal ? errc::storage_failed : code, detail, ""};
}

Problem newer_format_problem(const std::string& path, std::int64_t format, std::int64_t known) {
  return {errc::unsupported_version,
          path + ": format " + std::to_string(format) + " is newer than this program's format " +
              std::to_string(known) +
              ". Start the version of telemetry-hub that wrote it, or a newer one; nothing was changed.",
          ""};
}

}  // namespace hub::sqlite
