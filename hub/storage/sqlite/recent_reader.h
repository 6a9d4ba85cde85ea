// recent.db as a reader sees it, and the pool of such connections.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/file_version.h"
#include "hub/storage/sqlite/partition_file.h"
#include "hub/storage/sqlite/partition_folder.h"
#include "hub/storage/sqlite/partition_table.h"
#include "hub/storage/sqlite/stream_cursors.h"
#include "hub/storage/sqlite/summary_file.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// One read-only connection, and those to the partitions it was asked for (at most 64, and 16 summaries, are kept
/// open); one thread at a time.
class RecentReader {
 public:
  /// `partitions` must outlive it; nullptr where only cursors are asked for.
  static Result<std::unique_ptr<RecentReader>> open(const std::string& path, OpenOptions options,
                                                    const PartitionFolder* partitions = nullptr);

  /// Nothing where the file's making was interrupted.
  Result<std::optional<FileVersion>> version() { return read_version(db_); }

  /// One consistent state of the file for as long as the object lives.
  class Snapshot {
   public:
    Transaction transaction;
    CommitNumber sealed_through = 0;
  };
  Result<Snapshot> snapshot();

  Database& connection() { return db_; }
  ChunkTable& chunks() { return chunks_; }
  PartitionTable& catalogue() { return catalogue_; }
  /// nullptr: the file is missing, damaged or a newer program's. Of this reader's thread, as the reader is.
  Result<std::shared_ptr<PartitionReader>> partition(const PartitionName& name);
  /// The month's summary, in the same way; stays open at least until the next call.
  Result<SummaryReader*> summary(std::int64_t month, const std::string& retention_class);
  /// Files that were asked for and not there, since the last call. Of a hub in another process they may have been
  /// replaced after the snapshot, which a new one then tells.
  std::set<std::string> take_absent() { return std::exchange(absent_, {}); }
  bool is_unreadable(const PartitionName& name);
  /// Device-wide gaps and those of `series` (all where empty) that touch [from, to), at most `limit`.
  Result<std::vector<PlacedGap>> gaps(const DeviceId& device, std::int64_t from_us, std::int64_t to_us,
                                      std::size_t limit);
  /// A zero cursor where there is none. Needs no snapshot.
  Result<StreamCursor> cursor(const StreamKey& stream);

 private:
  /// A file could not be opened: true where what it holds is to be answered as a gap.
  bool is_absent(const std::string& file, errc why);
  RecentReader() = default;
  Database db_;
  ChunkTable chunks_{db_};
  PartitionTable catalogue_{db_};
  Statement sealed_, gaps_, cursor_;
  OpenOptions options_;
  const PartitionFolder* folder_ = nullptr;
  std::set<std::string> absent_;
  std::list<std::shared_ptr<PartitionReader>> partitions_;                       // the last used first
  std::list<std::pair<std::string, std::unique_ptr<SummaryReader>>> summaries_;  // likewise, by file
};

/// Connections are opened as they are needed (as many as threads borrow at once) and kept until `retire`. Any thread.
class RecentReaders {
 public:
  /// `partitions` must outlive it; nullptr where only cursors are asked for.
  RecentReaders(std::string path, const OpenOptions& options, const PartitionFolder* partitions = nullptr)
      : path_(std::move(path)), options_(options), partitions_(partitions) {}

  /// Goes back to the pool at its end.
  class Lease {
   public:
    Lease(RecentReaders& owner, std::unique_ptr<RecentReader> reader, std::uint64_t era)
        : owner_(&owner), reader_(std::move(reader)), era_(era) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    RecentReader& operator*() { return *reader_; }
    RecentReader* operator->() { return reader_.get(); }

   private:
    RecentReaders* owner_;
    std::unique_ptr<RecentReader> reader_;
    std::uint64_t era_;
  };
  Result<Lease> borrow();

  /// The catalogue has given files up: begins a new era, whose readers cannot come to them, and closes the idle ones.
  /// The files may be deleted once `is_over(the answer)`: no reader of an older era is out any more.
  std::uint64_t retire();
  bool is_over(std::uint64_t era) const;

 private:
  const std::string path_;
  const OpenOptions options_;
  const PartitionFolder* const partitions_;
  mutable std::mutex mutex_;
  std::uint64_t era_ = 0;
  std::map<std::uint64_t, std::size_t> out_;  // leases of each era
  std::vector<std::unique_ptr<RecentReader>> idle_;
};

}  // namespace hub::sqlite
