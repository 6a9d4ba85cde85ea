// The folder partitions/ of a data folder: where files lie, how they come into being and go.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/file_names.h"

namespace hub::sqlite {

/// Names and moves files, opens none; remembers which were damaged. Any thread. Partitions and summaries lie side
/// by side.
class PartitionFolder {
 public:
  PartitionFolder(const DataFolder& folder, FileNames& names);

  /// Makes the folder where it is missing.
  bool make() const;
  std::string path_of(const std::string& file) const { return path_ + "/" + file; }
  /// Where a file is written before it has its name.
  std::string making_path_of(const std::string& file) const { return path_of(file) + ".making"; }
  bool exists(const std::string& file) const;
  /// What readers found: the file is damaged (or a newer program's), or can be read (again).
  void note_damaged(const std::string& file) const;
  void note_readable(const std::string& file) const;
  /// Missing now, or damaged when it was last opened.
  bool is_unreadable(const std::string& file) const;
  /// Grows with each file that turns out to be damaged, or readable again.
  std::uint64_t findings() const { return findings_; }

  /// The finished file takes its name, durably.
  bool publish(const std::string& file) const;
  /// Removes the file (with log and index), durably; true also where it was not there.
  bool remove(const std::string& file) const;
  /// At a start: deletes what was being written, renames aside what is in neither set (a restored catalogue may be
  /// older than the files, so they are never deleted). Answers the new names.
  std::vector<std::string> set_aside_unknown(const std::set<std::string>& known) const;

 private:
  const DataFolder folder_;
  FileNames& names_;
  const std::string path_;
  mutable std::mutex mutex_;
  mutable std::atomic<std::uint64_t> findings_{0};
  mutable std::set<std::string> damaged_;  // at most one name a catalogued file
};

}  // namespace hub::sqlite
