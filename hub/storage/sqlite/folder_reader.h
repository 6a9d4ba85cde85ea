// A data folder's readings as a process other than its hub sees them, while that hub runs or while none does.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/partition_folder.h"
#include "hub/storage/sqlite/readings_query.h"
#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// One thread. Writes nothing and takes no lock that a hub would wait for; SQLite may leave the index of a log (-shm)
/// beside a file that no hub has open. What is not sealed is loaded from the journal when it opens, which takes as much
/// memory as the hub's tail (256 MB unless configured); what is committed later is not seen.
class FolderReader {
 public:
  /// Problem: which file, what is wrong, what to do.
  static Outcome<std::unique_ptr<FolderReader>> open(const std::string& folder, const OpenOptions& options = {});

  /// The newest commit that it sees.
  Position head() const { return {epoch_, head_}; }
  Result<RawPage> query_raw(const RawQuery& query);
  Result<Buckets> query_buckets(const BucketQuery& query);
  Result<std::vector<Gap>> query_gaps(const GapQuery& query);

  const DataFolder& folder() const { return folder_; }
  const PartitionFolder& partitions() const { return partitions_; }
  RecentReader& recent() { return *recent_; }

 private:
  FolderReader(const std::string& folder, const OpenOptions& options);
  /// errc::gone: a seal of the running hub came in between, and removed what was to be read.
  std::optional<Problem> load();
  /// The running hub took a file away while it was asked for: what replaced it has the answer.
  template <class Query>
  auto answer(Query query);

  const DataFolder folder_;
  const PartitionFolder partitions_;
  const OpenOptions options_;
  base::Id128 epoch_{};
  std::unique_ptr<RecentReader> recent_;
  std::unique_ptr<Tail> tail_;
  CommitNumber head_ = 0;
};

/// Commits after `after` in the folder's journal, in order, each given to `use`; answers the last one's number. Reads
/// only. errc::gone (in Problem): some of them are in no file any more, or not in a readable one.
Outcome<CommitNumber> read_journal(const DataFolder& folder, const base::Id128& epoch, CommitNumber after,
                                   const OpenOptions& options, const std::function<void(const CommitPtr&)>& use);

}  // namespace hub::sqlite
