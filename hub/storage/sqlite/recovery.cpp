#include "hub/storage/sqlite/recovery.h"

#include "hub/storage/sqlite/file_version.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kReplayBytes = 8 * 1024 * 1024;  // decoded at a time

struct OpenedSegment {
  JournalSegment segment;
  JournalSegment::Extent extent;
  bool was_made = false;  // false: a crash interrupted its making, it holds nothing
};

Outcome<OpenedSegment> open_segment(const std::string& path, const base::Id128& epoch, const OpenOptions& options) {
  OpenedSegment opened;
  auto segment = JournalSegment::open(path, options);
  if (!segment) return file_problem(path, segment.error(), "cannot be opened");
  opened.segment = std::move(*segment);
  // A dead process may have left rows in the page cache only; devices will be told that these are stored.
  if (auto done = opened.segment.database().sync_log(); !done)
    return file_problem(path, done.error(), "cannot be flushed");
  const auto version = read_version(opened.segment.database());
  if (!version) return file_problem(path, version.error(), "cannot be read");
  if (!*version) return opened;
  if ((*version)->format > kReadingsFormat) return newer_format_problem(path, (*version)->format);
  if ((*version)->epoch != epoch) {
    return Problem{errc::storage_damaged,
                   path + ": belongs to another journal than recent.db in this folder (" +
                       base::to_hex((*version)->epoch) + ", not " + base::to_hex(epoch) +
                       "). Files of two hubs, or of a hub and its backup, were mixed: put back the folder as it was.",
                   ""};
  }
  const auto extent = opened.segment.extent();
  if (!extent) return file_problem(path, extent.error(), "cannot be read");
  opened.extent = *extent;
  opened.was_made = true;
  return opened;
}

Problem missing_commits(const std::string& path, CommitNumber first, CommitNumber last) {
  return {errc::storage_damaged,
          path + ": commits " + std::to_string(first) + " to " + std::to_string(last) +
              " should come before this and are in no file. A journal file was removed or lost its end: restore the "
              "folder from a backup, or move this and later journal files away and accept the loss of what is in them.",
          ""};
}

}  // namespace

Outcome<CommitNumber> recover_journal(const DataFolder& folder, const std::vector<DataFolder::SegmentFile>& files,
                                      const base::Id128& epoch, CommitNumber sealed_through, const OpenOptions& options,
                                      Journal& journal, const std::function<void(const CommitPtr&)>& replay) {
  CommitNumber head = sealed_through;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [first, path] = files[i];
    const bool is_last = i + 1 == files.size();
    const CommitNumber next_first = is_last ? 0 : files[i + 1].first;
    // Kept for consumers only. A crash may have come in the middle of its deletion, so nothing is expected of it.
    const bool sealed = !is_last && next_first - 1 <= sealed_through;
    auto opened = open_segment(path, epoch, options);
    if (!opened) {
      if (!sealed || opened.error().code == errc::unsupported_version) return opened.error();
      folder.remove_database(path);
      continue;
    }
    auto extent = opened->extent;
    // A commit that failed half-way can come back with a crash; the next file says where this one truly ended.
    if (!is_last && extent.last >= next_first) extent.last = next_first - 1;
    if (extent.last < first) {
      if (!is_last && !sealed) return missing_commits(files[i + 1].path, first, next_first - 1);
      opened->segment = JournalSegment();
      folder.remove_database(path);
      continue;
    }
    if (sealed || extent.last <= sealed_through) {
      if (sealed && extent.last != next_first - 1) {
        opened->segment = JournalSegment();
        folder.remove_database(path);
      } else {
        journal.adopt(first, extent, path, std::move(opened->segment));
      }
      continue;
    }
    if (first > head + 1) return missing_commits(path, head + 1, first - 1);
    while (head < extent.last) {
      CommitNumber failed_at = 0;
      auto commits = opened->segment.read(head, extent.last + 1, kReplayBytes, &failed_at);
      if (!commits)
        return file_problem(path, commits.error(), "commit " + std::to_string(failed_at) + " cannot be read");
      if (commits->empty()) return missing_commits(path, head + 1, extent.last);
      for (const auto& commit : *commits) {
        if (commit->number != head + 1) return missing_commits(path, head + 1, commit->number - 1);
        head = commit->number;
        replay(commit);
      }
    }
    journal.adopt(first, extent, path, std::move(opened->segment));
  }
  return head;
}

}  // namespace hub::sqlite
