// The folder of the readings store: which files are in it, what they are called, how they are listed and removed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"

namespace hub::sqlite {

/// Names files; opens none. Any thread.
class DataFolder {
 public:
  struct SegmentFile {
    CommitNumber first = 0;
    std::string path;
  };

  explicit DataFolder(std::string path, const char* vfs = nullptr,
                      std::function<std::uint64_t(const std::string&)> free_bytes = nullptr);

  /// Makes the folder where it is missing; false where that fails.
  bool make() const;
  std::string recent_path() const;
  std::string segment_path(CommitNumber first) const;
  /// Journal segments, oldest first.
  std::vector<SegmentFile> segments() const;
  /// Removes logs and indexes whose segment is gone: a crash in remove_database leaves them. The hub only.
  void remove_orphans() const;
  /// A database with its -wal and -shm, the database first: what is left over after a crash is then a log without a
  /// database, which nothing reads. Through SQLite's VFS, so that tests see it.
  void remove_database(const std::string& path) const;
  /// Of the file, its log and its index.
  static std::uint64_t database_bytes(const std::string& path);
  std::uint64_t free_bytes() const;
  std::uint64_t capacity_bytes() const;
  const char* vfs() const { return vfs_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const char* vfs_;
  std::function<std::uint64_t(const std::string&)> free_bytes_;
};

}  // namespace hub::sqlite
