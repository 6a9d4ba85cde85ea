// A folder that is there for a while.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace hub::tools {

/// Made, for the owner only, and gone with this.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string path);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  bool is_made() const { return is_made_; }
  std::string why() const { return error_ ? error_.message() : "it is there already"; }
  /// It has another name now.
  void let_go() { is_made_ = false; }

 private:
  const std::string path_;
  std::error_code error_;
  bool is_made_ = false;
};

/// "path: what (the system's reason)."
std::string cause(const std::string& path, const char* what);
bool sync_folder(const std::string& path);

}  // namespace hub::tools
