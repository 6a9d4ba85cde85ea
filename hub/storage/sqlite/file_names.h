// What SQLite's VFS cannot do to the names of files: renaming one, and making a folder's names durable.
#pragma once

#include <string>

namespace hub::sqlite {

/// The seam that a test's disk replaces. Any thread. False where the disk says no.
class FileNames {
 public:
  virtual ~FileNames() = default;
  /// Replaces `to` where it exists.
  virtual bool rename(const std::string& from, const std::string& to) = 0;
  virtual bool sync_folder(const std::string& folder) = 0;
};

FileNames& system_file_names();

}  // namespace hub::sqlite
