#include "hub/storage/sqlite/folder_restore.h"

#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {
namespace {

std::optional<Problem> write_epoch(const std::string& path, const base::Id128& epoch, std::int64_t known) {
  auto db = Database::open(path, OpenOptions());
  if (!db) return file_problem(path, db.error(), "cannot be opened");
  const auto version = read_version(*db);
  if (!version) return file_problem(path, version.error(), "cannot be read");
  if (!*version) return file_problem(path, errc::storage_damaged, "has no version");
  if ((*version)->format > known) return newer_format_problem(path, (*version)->format, known);
  auto update = db->prepare("UPDATE meta SET value = ? WHERE key = 'epoch'");
  if (!update) return file_problem(path, update.error(), "cannot be changed");
  update->bind_blob(1, base::as_chars(epoch));
  if (auto done = update->run(); !done) return file_problem(path, done.error(), "cannot be changed");
  return std::nullopt;
}

std::optional<Problem> note_restore(const std::string& path, CommitNumber head, std::int64_t made_at_us) {
  auto db = Database::open(path, OpenOptions());
  if (!db) return file_problem(path, db.error(), "cannot be opened");
  auto put = db->prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('restored_through', ?), ('restored_at', ?)");
  if (!put) return file_problem(path, put.error(), "cannot be changed");
  put->bind_all(static_cast<std::int64_t>(head), made_at_us);
  if (auto done = put->run(); !done) return file_problem(path, done.error(), "cannot be changed");
  return std::nullopt;
}

}  // namespace

std::optional<Problem> begin_new_epoch(const std::string& folder, const base::Id128& epoch, CommitNumber head,
                                       std::int64_t made_at_us) {
  const DataFolder files(folder);
  if (auto problem = note_restore(files.recent_path(), head, made_at_us)) return problem;
  for (const auto& segment : files.segments()) {
    if (auto problem = write_epoch(segment.path, epoch, kReadingsFormat)) return problem;
  }
  return write_epoch(files.recent_path(), epoch, kRecentFormat);
}

}  // namespace hub::sqlite
