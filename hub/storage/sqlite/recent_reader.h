// recent.db as a reader sees it, and the pool of such connections.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/stream_cursors.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// One read-only connection; one thread at a time.
class RecentReader {
 public:
  static Result<std::unique_ptr<RecentReader>> open(const std::string& path, OpenOptions options);

  /// One consistent state of the file for as long as the object lives.
  class Snapshot {
   public:
    Transaction transaction;
    CommitNumber sealed_through = 0;
  };
  Result<Snapshot> snapshot();

  ChunkTable& chunks() { return chunks_; }
  /// Device-wide gaps and those of `series` (all where empty) that touch [from, to), at most `limit`.
  Result<std::vector<PlacedGap>> gaps(const DeviceId& device, std::int64_t from_us, std::int64_t to_us,
                                      std::size_t limit);
  /// A zero cursor where there is none. Needs no snapshot.
  Result<StreamCursor> cursor(const StreamKey& stream);

 private:
  RecentReader() = default;
  Database db_;
  ChunkTable chunks_;
  Statement sealed_, gaps_, cursor_;
};

/// Connections are opened as they are needed (as many as threads borrow at once) and kept. Any thread.
class RecentReaders {
 public:
  RecentReaders(std::string path, const OpenOptions& options) : path_(std::move(path)), options_(options) {}

  /// Goes back to the pool at its end.
  class Lease {
   public:
    Lease(RecentReaders& owner, std::unique_ptr<RecentReader> reader) : owner_(&owner), reader_(std::move(reader)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    RecentReader& operator*() { return *reader_; }
    RecentReader* operator->() { return reader_.get(); }

   private:
    RecentReaders* owner_;
    std::unique_ptr<RecentReader> reader_;
  };
  Result<Lease> borrow();

 private:
  const std::string path_;
  const OpenOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<RecentReader>> idle_;
};

}  // namespace hub::sqlite
