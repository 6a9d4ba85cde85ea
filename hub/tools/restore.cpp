#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "hub/storage/sqlite/folder_check.h"
#include "hub/storage/sqlite/folder_restore.h"
#include "hub/tools/backup.h"
#include "hub/tools/backup_file.h"
#include "hub/tools/scratch_folder.h"

namespace hub::tools {
namespace {

namespace fs = std::filesystem;

/// Puts an entry into a file of the folder that is being restored.
Outcome<EntryUse> restore_into(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  std::error_code error;
  if (const auto slash = name.find('/'); slash != std::string::npos)
    fs::create_directory(folder + "/" + name.substr(0, slash), error);
  if (name.starts_with("tls/")) fs::permissions(folder + "/tls", fs::perms::owner_all, error);
  const std::shared_ptr<int> fd(new int(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)),
                                [](const int* open) {
                                  if (*open >= 0) ::close(*open);
                                  delete open;
                                });
  if (*fd < 0) return Problem{errc::storage_failed, cause(path, "cannot be made"), ""};
  return EntryUse([fd, path](std::string_view piece) -> std::optional<Problem> {
    if (piece.empty() && ::fsync(*fd) != 0) return Problem{errc::storage_failed, cause(path, "cannot be flushed"), ""};
    while (!piece.empty()) {
      const ssize_t written = ::write(*fd, piece.data(), piece.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        return Problem{errno == ENOSPC ? errc::unavailable : errc::storage_failed, cause(path, "cannot be written"),
                       ""};
      }
      piece.remove_prefix(static_cast<std::size_t>(written));
    }
    return std::nullopt;
  });
}

}  // namespace

Outcome<BackupReport> restore_backup(const std::string& file, const std::string& folder, base::Random& random,
                                     const BackupProgress& progress) {
  std::error_code error;
  if (fs::exists(folder, error) && (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    return Problem{errc::conflict,
                   folder + ": is not empty. A backup is restored into a new folder: move this one away first.", ""};
  }
  const std::string target = fs::absolute(folder).lexically_normal().string();
  const std::string name = target.ends_with('/') ? target.substr(0, target.size() - 1) : target;
  fs::create_directories(fs::path(name).parent_path(), error);
  ScratchFolder scratch(name + ".restoring");
  if (!scratch.is_made()) {
    return Problem{
        errc::invalid_argument,
        scratch.path() + ": cannot be made (" + scratch.why() + "). Remove it where an earlier restore left it.", ""};
  }
  auto report = read_backup(
      file, [&](const std::string& entry) { return restore_into(scratch.path(), entry); }, progress);
  if (!report) return report.error();
  const auto epoch = random.next_id();
  if (auto problem = sqlite::begin_new_epoch(scratch.path(), epoch, report->head.commit, report->made_at_us))
    return *problem;
  const auto checked =
      sqlite::check_folder(scratch.path(), [&](double share, const std::string& at) { progress(share, at); });
  if (!checked) return checked.error();
  // What the folder lacked when it was backed up is no fault of the backup.
  for (const auto& fault : checked->faults) {
    const auto& missing = report->missing;
    if (std::find(missing.begin(), missing.end(), fault.file) != missing.end()) continue;
    const char* const end = fault.what.ends_with('.') ? " Nothing was restored." : ". Nothing was restored.";
    return Problem{errc::storage_damaged, file + ": " + fault.file + ": " + fault.what + end, ""};
  }
  for (const char* part : {"/partitions", "/tls", ""}) {
    if (fs::exists(scratch.path() + part, error) && !sync_folder(scratch.path() + part))
      return Problem{errc::storage_failed, cause(scratch.path() + part, "cannot be flushed"), ""};
  }
  fs::remove(name, error);  // an empty folder gives way
  fs::rename(scratch.path(), name, error);
  if (error) return Problem{errc::storage_failed, name + ": cannot be made (" + error.message() + ").", ""};
  scratch.let_go();
  if (!sync_folder(fs::path(name).parent_path().string()))
    return Problem{errc::storage_failed, cause(name, "its folder cannot be flushed"), ""};
  report->head.journal_epoch = epoch;
  return report;
}

}  // namespace hub::tools
