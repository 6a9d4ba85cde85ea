// The folder where a hub keeps everything, and the lock that keeps a second process out.
#pragma once

#include <string>
#include <utility>

#include "hub/core/errc.h"

namespace hub {

/// hub.db, journal-*.db, recent.db, tls/, admin.sock, setup-url, lock. Names files, opens none but the lock, which it
/// holds until it is destroyed; the kernel lets go of it when the process dies in whatever way.
class DataFolder {
 public:
  /// Makes the folder (0700) where it is missing. conflict: another process uses it (the detail names its id);
  /// invalid_argument: it cannot be made or written, with path and cause.
  static Outcome<DataFolder> open(const std::string& path);
  DataFolder(DataFolder&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  const std::string& path() const { return path_; }

  static std::string hub_db(const std::string& folder) { return folder + "/hub.db"; }
  static std::string tls(const std::string& folder) { return folder + "/tls"; }
  static std::string ca_pem(const std::string& folder) { return folder + "/tls/ca.pem"; }
  static std::string setup_url(const std::string& folder) { return folder + "/setup-url"; }
  static constexpr char kAdminSocket[] = "admin.sock";  // inside the folder

 private:
  DataFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
};

}  // namespace hub
