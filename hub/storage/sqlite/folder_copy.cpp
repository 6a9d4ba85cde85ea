#include "hub/storage/sqlite/folder_copy.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "hub/storage/sqlite/file_version.h"
#include "hub/storage/sqlite/folder_reader.h"
#include "hub/storage/sqlite/journal_segment.h"

namespace hub::sqlite {
namespace {

constexpr int kPagesAtOnce = 1'024;
constexpr int kTakesTried = 8;  // each fails only if a seal or a removal ends just then

using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

/// A day is a file: five years of them are more than a process may open by default.
void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

OpenOptions reading() {
  OpenOptions options;
  options.read_only = true;
  return options;
}

}  // namespace

FolderCopy::FolderCopy(const std::string& folder, const std::string& scratch)
    : folder_(folder), partitions_(folder_, system_file_names()), scratch_(scratch) {}

FolderCopy::~FolderCopy() {
  forget_files();
}

void FolderCopy::forget_files() {
  for (const auto& file : files_) ::close(file.fd);
  files_.clear();
  missing_.clear();
  for (const auto& path : scratch_files_) folder_.remove_database(path);
  scratch_files_.clear();
}

Outcome<std::unique_ptr<FolderCopy>> FolderCopy::take(const std::string& folder, const std::string& scratch,
                                                      const Progress& progress) {
  allow_many_files();
  std::unique_ptr<FolderCopy> copy(new FolderCopy(folder, scratch));
  const std::string recent_path = copy->folder_.recent_path();
  for (int tried = 1;; ++tried) {
    copy->forget_files();
    auto recent = RecentReader::open(recent_path, reading(), &copy->partitions_);
    if (!recent) return file_problem(recent_path, recent.error(), "cannot be opened");
    auto snapshot = (*recent)->snapshot();
    if (!snapshot) return file_problem(recent_path, snapshot.error(), "cannot be read");
    auto version = (*recent)->version();
    if (!version) return file_problem(recent_path, version.error(), "cannot be read");
    if (!*version) return file_problem(recent_path, errc::storage_damaged, "has no version");
    if ((*version)->format > kRecentFormat) return newer_format_problem(recent_path, (*version)->format, kRecentFormat);
    copy->head_ = {(*version)->epoch, snapshot->sealed_through};
    auto problem = copy->open_partitions(**recent, tried == kTakesTried);
    // Before recent.db, which takes long: segments that are sealed meanwhile are kept for minutes only.
    if (!problem) problem = copy->copy_journal(snapshot->sealed_through);
    if (problem && problem->code == errc::gone && tried < kTakesTried) continue;
    if (!problem) problem = copy->copy_database((*recent)->connection(), "recent.db", progress);
    if (problem) return *problem;
    break;
  }
  auto registry = Database::open(folder + "/hub.db", reading());
  if (!registry) return file_problem(folder + "/hub.db", registry.error(), "cannot be opened");
  if (auto problem = copy->copy_database(*registry, "hub.db", progress)) return *problem;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/tls", error)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    if (auto problem = copy->add("tls/" + name, entry.path().string())) return *problem;
  }
  return copy;
}

std::optional<Problem> FolderCopy::open_partitions(RecentReader& recent, bool is_last_try) {
  auto names = recent.catalogue().files();
  if (!names) return file_problem(folder_.recent_path(), names.error(), "the catalogue cannot be read");
  for (const auto& name : *names) {
    const std::string path = partitions_.path_of(name);
    auto problem = add("partitions/" + name, path);
    if (!problem) continue;
    if (problem->code != errc::gone) return problem;
    // Expired or replaced just now, or truly lost: the next look at the catalogue tells.
    if (!is_last_try) return problem;
    missing_.push_back("partitions/" + name);
  }
  return std::nullopt;
}

std::optional<Problem> FolderCopy::copy_journal(CommitNumber sealed_through) {
  const auto segments = folder_.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i + 1 < segments.size() && segments[i + 1].first - 1 <= sealed_through) continue;
    const std::string& path = segments[i].path;
    auto source = JournalSegment::open(path, reading());
    if (!source) {
      if (!std::filesystem::exists(path)) return Problem{errc::gone, path + ": is gone.", ""};
      return file_problem(path, source.error(), "cannot be opened");
    }
    const auto version = read_version(source->database());
    if (!version) return file_problem(path, version.error(), "cannot be read");
    if (!*version) continue;  // being made: it holds nothing yet
    const std::string name = std::filesystem::path(path).filename().string();
    if (auto problem = copy_database(source->database(), name, [](std::uint64_t, std::uint64_t) {})) return problem;
  }
  // As of what was copied, not of what has come since. A segment that was removed between its being listed and its log
  // being read looks empty, and a listing may lack a file younger than its begin: what lacks a commit is taken again.
  auto head =
      read_journal(DataFolder(scratch_), head_.journal_epoch, sealed_through, reading(), [](const CommitPtr&) {});
  if (!head) return head.error();
  head_.commit = *head;
  return std::nullopt;
}

std::optional<Problem> FolderCopy::copy_database(Database& source, const std::string& name, const Progress& progress) {
  const std::string path = scratch_ + "/" + name;
  scratch_files_.push_back(path);
  OpenOptions writing;
  writing.write_once = true;
  auto target = Database::open(path, writing);
  if (!target) return file_problem(path, target.error(), "cannot be made");
  sqlite3_backup* const backup = sqlite3_backup_init(target->native(), "main", source.native(), "main");
  if (backup == nullptr) return file_problem(path, to_error(sqlite3_errcode(target->native())), "cannot be written");
  const auto page_bytes = [&] {
    auto pragma = source.prepare("PRAGMA page_size");
    auto row = pragma ? pragma->step() : Result<bool>(false);
    return row && *row ? static_cast<std::uint64_t>(pragma->integer(0)) : 4'096;
  }();
  int code;
  do {
    code = sqlite3_backup_step(backup, kPagesAtOnce);
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
    progress((total - static_cast<std::uint64_t>(sqlite3_backup_remaining(backup))) * page_bytes, total * page_bytes);
  } while (code == SQLITE_OK);
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE || finished != SQLITE_OK) {
    return file_problem(path, to_error(code != SQLITE_DONE ? code : finished),
                        "cannot be copied from " + folder_.path() + "/" + name);
  }
  *target = Database();
  return add(name, path);
}

std::optional<Problem> FolderCopy::add(const std::string& name, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat found {};
  if (fd < 0 || ::fstat(fd, &found) != 0) {
    const int why = errno;
    if (fd >= 0) ::close(fd);
    if (why == ENOENT) return Problem{errc::gone, path + ": is missing.", ""};
    return Problem{errc::storage_failed, path + ": cannot be read (" + std::strerror(why) + ").", ""};
  }
  files_.push_back({name, fd, static_cast<std::uint64_t>(found.st_size)});
  return std::nullopt;
}

}  // namespace hub::sqlite
