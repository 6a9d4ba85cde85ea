#include "hub/storage/sqlite/folder_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "hub/storage/sqlite/file_version.h"
#include "hub/storage/sqlite/journal_segment.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kJournalPageBytes = 8 * 1024 * 1024;  // decoded at a time
constexpr int kLoadsTried = 8;                              // each fails only if a seal ends just then

OpenOptions for_reading(OpenOptions options) {
  options.read_only = true;
  return options;
}

/// Nothing: it was being made, and holds nothing yet.
Outcome<std::optional<JournalSegment>> open_for_reading(const std::string& path, const base::Id128& epoch,
                                                        const OpenOptions& options) {
  auto segment = JournalSegment::open(path, options);
  if (!segment) return file_problem(path, segment.error(), "cannot be opened");
  const auto version = read_version(segment->database());
  if (!version) return file_problem(path, version.error(), "cannot be read");
  if (!*version) return std::optional<JournalSegment>();
  if ((*version)->format > kReadingsFormat) return newer_format_problem(path, (*version)->format);
  if ((*version)->epoch != epoch)
    return Problem{errc::storage_damaged, path + ": belongs to another journal than recent.db in this folder.", ""};
  return std::optional(std::move(*segment));
}

}  // namespace

Outcome<CommitNumber> read_journal(const DataFolder& folder, const base::Id128& epoch, CommitNumber after,
                                   const OpenOptions& options, const std::function<void(const CommitPtr&)>& use) {
  const auto files = folder.segments();
  CommitNumber head = after;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [first, path] = files[i];
    // A commit that failed half-way can come back with a crash; the next file says where this one truly ended.
    const CommitNumber end = i + 1 < files.size() ? files[i + 1].first : std::numeric_limits<std::int64_t>::max();
    if (end - 1 <= after) continue;
    auto segment = open_for_reading(path, epoch, for_reading(options));
    if (!segment) {
      if (!std::filesystem::exists(path)) return Problem{errc::gone, path + ": is gone.", ""};
      return segment.error();
    }
    if (!*segment) continue;
    for (;;) {
      CommitNumber failed_at = 0;
      auto commits = (*segment)->read(head, end, kJournalPageBytes, &failed_at);
      if (!commits) {
        return file_problem(path, commits.error(), "commit " + std::to_string(failed_at) + " cannot be read");
      }
      if (commits->empty()) break;
      for (const auto& commit : *commits) {
        if (commit->number != head + 1) {
          return Problem{errc::gone,
                         path + ": commits " + std::to_string(head + 1) + " to " + std::to_string(commit->number - 1) +
                             " should come before this and are in no file. A journal file was removed or lost its end.",
                         ""};
        }
        head = commit->number;
        use(commit);
      }
    }
    if (i + 1 < files.size() && head + 1 < end) {
      return Problem{errc::gone,
                     path + ": commits " + std::to_string(head + 1) + " to " + std::to_string(end - 1) +
                         " should be in it and are not.",
                     ""};
    }
  }
  return head;
}

FolderReader::FolderReader(const std::string& folder, const OpenOptions& options)
    : folder_(folder, options.vfs), partitions_(folder_, system_file_names()), options_(for_reading(options)) {}

Outcome<std::unique_ptr<FolderReader>> FolderReader::open(const std::string& folder, const OpenOptions& options) {
  std::unique_ptr<FolderReader> reader(new FolderReader(folder, options));
  const std::string recent = reader->folder_.recent_path();
  if (!std::filesystem::exists(recent)) {
    return Problem{errc::not_found,
                   folder + ": is no hub's data folder, there is no recent.db in it. Check the path (--data-dir).", ""};
  }
  for (int tried = 1;; ++tried) {
    const auto problem = reader->load();
    if (!problem) return reader;
    if (problem->code != errc::gone || tried == kLoadsTried) return *problem;
  }
}

template <class Query>
auto FolderReader::answer(Query query) {
  (void)recent_->take_absent();
  for (int tried = 1;; ++tried) {
    auto result = query();
    const auto absent = recent_->take_absent();
    if (!result || absent.empty() || tried == kLoadsTried) return result;
    const auto held = recent_->catalogue().files();
    const bool is_replaced = held && std::any_of(absent.begin(), absent.end(),
                                                 [&](const std::string& file) { return !held->contains(file); });
    if (!is_replaced) return result;
  }
}

Result<RawPage> FolderReader::query_raw(const RawQuery& query) {
  return answer([&] { return sqlite::query_raw(*recent_, *tail_, query, QueryLimit()); });
}

Result<Buckets> FolderReader::query_buckets(const BucketQuery& query) {
  return answer([&] { return sqlite::query_buckets(*recent_, *tail_, query, QueryLimit()); });
}

Result<std::vector<Gap>> FolderReader::query_gaps(const GapQuery& query) {
  return answer([&] { return sqlite::query_gaps(*recent_, *tail_, query, QueryLimit()); });
}

std::optional<Problem> FolderReader::load() {
  const std::string path = folder_.recent_path();
  auto recent = RecentReader::open(path, options_, &partitions_);
  if (!recent) return file_problem(path, recent.error(), "cannot be opened");
  auto version = (*recent)->version();
  if (!version) return file_problem(path, version.error(), "cannot be read");
  if (!*version) return file_problem(path, errc::storage_damaged, "has no version");
  if ((*version)->format > kRecentFormat) return newer_format_problem(path, (*version)->format, kRecentFormat);
  CommitNumber sealed_through = 0;
  {
    const auto snapshot = (*recent)->snapshot();
    if (!snapshot) return file_problem(path, snapshot.error(), "cannot be read");
    sealed_through = snapshot->sealed_through;
  }
  auto tail = std::make_unique<Tail>(sealed_through);
  const auto head = read_journal(folder_, (*version)->epoch, sealed_through, options_,
                                 [&](const CommitPtr& commit) { tail->append(commit); });
  if (!head) return head.error();
  epoch_ = (*version)->epoch;
  recent_ = std::move(*recent);
  tail_ = std::move(tail);
  head_ = *head;
  return std::nullopt;
}

}  // namespace hub::sqlite
