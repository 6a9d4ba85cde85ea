// The files of a data folder as of one moment, taken while its hub goes on: what a backup is made of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"
#include "hub/storage/sqlite/partition_table.h"
#include "hub/storage/sqlite/recent_reader.h"

namespace hub::sqlite {

/// One thread. Partitions and summaries are held open, so that a hub which expires or replaces them takes nothing away;
/// recent.db, the journal and hub.db are copied into `scratch`, in that order reversed for what refers to what: a
/// commit names series that hub.db knows, so hub.db is copied last.
/// While recent.db is copied, its hub cannot reuse the log of that file, which grows by what is sealed meanwhile.
class FolderCopy {
 public:
  struct File {
    std::string name;  // relative to the data folder
    int fd = -1;
    std::uint64_t size = 0;
  };

  /// `progress(done, total)` in bytes. Problem: which file, what is wrong. The scratch folder must exist; what is put
  /// there is removed with the copy.
  static Outcome<std::unique_ptr<FolderCopy>> take(const std::string& folder, const std::string& scratch,
                                                   const std::function<void(std::uint64_t, std::uint64_t)>& progress);
  ~FolderCopy();
  FolderCopy(const FolderCopy&) = delete;
  FolderCopy& operator=(const FolderCopy&) = delete;

  const std::vector<File>& files() const { return files_; }
  const Position& head() const { return head_; }
  /// Files that the catalogue names and that are missing: their readings are not in the copy.
  const std::vector<std::string>& missing() const { return missing_; }

 private:
  FolderCopy(const std::string& folder, const std::string& scratch);
  std::optional<Problem> open_partitions(RecentReader& recent, bool is_last_try);
  std::optional<Problem> copy_journal(CommitNumber sealed_through);
  std::optional<Problem> copy_database(Database& source, const std::string& name,
                                       const std::function<void(std::uint64_t, std::uint64_t)>& progress);
  std::optional<Problem> add(const std::string& name, const std::string& path);
  void forget_files();

  const DataFolder folder_;
  const PartitionFolder partitions_;
  const std::string scratch_;
  std::vector<File> files_;
  std::vector<std::string> missing_, scratch_files_;
  Position head_;
};

}  // namespace hub::sqlite
