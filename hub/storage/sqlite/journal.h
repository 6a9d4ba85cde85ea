// The journal: its segments in order, the one being appended to, and those kept for consumers that catch up.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/journal_segment.h"

namespace hub::sqlite {

/// Why a commit did not become durable.
struct AppendFailure {
  error_code error;
  bool fatal = false;  // an I/O error: what the disk holds is unknown, only a restart with replay tells
  std::string text;
};

/// `append` and `rotate` on the journal thread, `read` on reader threads, `drop_old` on the sealer. Segments stay open
/// until they are deleted, so that SQLite keeps their index and a reader opens them without a recovery. Segments that
/// are sealed are kept up to a number of bytes and an age; those that are not are never deleted.
class Journal {
 public:
  Journal(DataFolder folder, const base::Id128& epoch, OpenOptions options);

  /// Recovery: a segment found at the start, oldest first.
  void adopt(CommitNumber first, const JournalSegment::Extent& extent, std::string path, JournalSegment segment);

  /// One durable row; opens a new segment where the last was rotated away. Nothing: done.
  std::optional<AppendFailure> append(CommitNumber number, std::int64_t committed_at_us, std::string_view body);
  /// The next append opens a new segment.
  void rotate();

  /// As ReadingsStore::read_commits, of what is held in files. errc::gone where it is not.
  Result<std::vector<CommitPtr>> read(CommitNumber after, std::size_t max_bytes) const;
  /// Deletes segments that end at or before `sealed_through` and are too old, or too much.
  void drop_old(CommitNumber sealed_through, std::int64_t now_us, std::uint64_t max_bytes, std::int64_t max_age_us);
  std::uint64_t bytes() const;

 private:
  struct Held {
    CommitNumber first = 0, last = 0;  // last 0: no row yet
    std::int64_t last_committed_at_us = 0;
    std::string path;
    JournalSegment segment;
  };

  const DataFolder folder_;
  const base::Id128 epoch_;
  const OpenOptions options_;
  mutable std::mutex list_mutex_;          // guards held_ and each Held's extent; never held during I/O
  mutable std::shared_mutex files_mutex_;  // readers that have a file open, against its deletion
  std::vector<std::shared_ptr<Held>> held_;
  std::shared_ptr<Held> active_;  // journal thread only
};

}  // namespace hub::sqlite
