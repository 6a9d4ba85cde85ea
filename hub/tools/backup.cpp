#include "hub/tools/backup.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "hub/storage/sqlite/folder_copy.h"
#include "hub/storage/sqlite/hub_database.h"
#include "hub/tools/archive.h"
#include "hub/tools/backup_file.h"
#include "hub/tools/scratch_folder.h"

namespace hub::tools {
namespace {

namespace fs = std::filesystem;

std::optional<Problem> add_file(ArchiveWriter& archive, const sqlite::FolderCopy::File& file, std::int64_t made_at_us,
                                Contents& contents, const std::function<void(std::size_t)>& tell) {
  if (auto problem = archive.begin(file.name, file.size, made_at_us)) return problem;
  Hash hash;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t read = 0;
  while (read < file.size) {
    const auto wish = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size - read));
    const ssize_t got = ::pread(file.fd, buffer.data(), wish, static_cast<off_t>(read));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return Problem{errc::storage_failed,
                     file.name + ": cannot be read (" +
                         (got == 0 ? std::string("it became shorter") : std::strerror(errno)) + ").",
                     ""};
    }
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
    hash.add(piece);
    if (auto problem = archive.write(piece)) return problem;
    read += piece.size();
    tell(piece.size());
  }
  contents[file.name] = {file.size, hash.hex()};
  return std::nullopt;
}

}  // namespace

Outcome<BackupReport> make_backup(const std::string& folder, const std::string& file, std::int64_t now_us,
                                  const BackupProgress& progress) {
  if (fs::exists(file))
    return Problem{errc::conflict, file + ": is there already; give another name, or remove it.", ""};
  for (const char* needed : {"/hub.db", "/recent.db"}) {
    if (!fs::exists(folder + needed)) {
      return Problem{errc::not_found,
                     folder + ": is no hub's data folder, there is no " + (needed + 1) + " in it. Check the path.", ""};
    }
  }
  const ScratchFolder scratch(file + ".scratch");
  if (!scratch.is_made()) {
    return Problem{errc::invalid_argument, scratch.path() + ": cannot be made (" + scratch.why() + ").", ""};
  }
  auto copy = sqlite::FolderCopy::take(folder, scratch.path(), [&](std::uint64_t done, std::uint64_t total) {
    progress(total > 0 ? 0.3 * static_cast<double>(done) / static_cast<double>(total) : 0, "copying");
  });
  if (!copy) return copy.error();
  BackupReport report;
  report.head = (*copy)->head();
  report.made_at_us = now_us;
  report.missing = (*copy)->missing();
  {
    sqlite::OpenOptions reading;
    reading.read_only = true;
    auto db = sqlite::HubDatabase::open(scratch.path() + "/hub.db", reading);
    if (!db) {
      return Problem{to_errc(db.error()),
                     folder +
                         "/hub.db: cannot be read, or is of another version than this program. Use the "
                         "telemetry-hub that serves it.",
                     ""};
    }
    const auto id = (*db)->fact("hub_id");
    if (id && *id) report.hub_id = **id;
  }
  auto archive = ArchiveWriter::create(file);
  if (!archive) return archive.error();
  std::uint64_t total = 0, done = 0;
  for (const auto& one : (*copy)->files()) total += one.size;
  Contents contents;
  for (const auto& one : (*copy)->files()) {
    auto problem = add_file(**archive, one, now_us, contents, [&](std::size_t bytes) {
      done += bytes;
      progress(0.3 + 0.5 * static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(total, 1)),
               one.name);
    });
    if (problem) return *problem;
  }
  const std::string manifest = manifest_text(report, contents);
  auto problem = (*archive)->begin(kManifest, manifest.size(), now_us);
  if (!problem) problem = (*archive)->write(manifest);
  if (!problem) problem = (*archive)->finish();
  if (problem) return *problem;
  // What was written may not be what the disk gives back.
  auto verified =
      verify_backup(file, [&](double share, const std::string&) { progress(0.8 + 0.2 * share, "verifying"); });
  if (!verified) {
    std::error_code ignored;
    fs::remove(file, ignored);
    return verified.error();
  }
  verified->head = report.head;
  return verified;
}

Outcome<BackupReport> verify_backup(const std::string& file, const BackupProgress& progress) {
  const auto read_only = [](const std::string&) -> Outcome<EntryUse> {
    return EntryUse([](std::string_view) { return std::optional<Problem>(); });
  };
  return read_backup(file, read_only, progress);
}

}  // namespace hub::tools
