#include "hub/storage/sqlite/data_folder.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string_view>

namespace hub::sqlite {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "journal-", kSuffix = ".db";

/// "journal-00000000000000000042.db" → 42; 0 where the name is another's.
CommitNumber first_commit_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return 0;
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  CommitNumber first = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), first);
  return error == std::errc{} && end == name.data() + name.size() ? first : 0;
}

}  // namespace

DataFolder::DataFolder(std::string path, const char* vfs, std::function<std::uint64_t(const std::string&)> free_bytes)
    : path_(std::move(path)), vfs_(vfs), free_bytes_(std::move(free_bytes)) {}

bool DataFolder::make() const {
  std::error_code error;
  fs::create_directories(path_, error);
  return fs::is_directory(path_, error);
}

std::string DataFolder::recent_path() const {
  return path_ + "/recent.db";
}

std::string DataFolder::segment_path(CommitNumber first) const {
  char name[48];
  std::snprintf(name, sizeof name, "/journal-%020llu.db", static_cast<unsigned long long>(first));
  return path_ + name;
}

std::vector<DataFolder::SegmentFile> DataFolder::segments() const {
  std::vector<SegmentFile> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const CommitNumber first = first_commit_of(entry.path().filename().string());
    if (first != 0) found.push_back({first, entry.path().string()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return found;
}

void DataFolder::remove_orphans() const {
  std::vector<std::string> orphans;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with("-wal") && !name.ends_with("-shm")) continue;
    const std::string database = name.substr(0, name.size() - 4);
    if (first_commit_of(database) != 0 && !fs::exists(path_ + "/" + database, error))
      orphans.push_back(path_ + "/" + database);
  }
  for (const auto& path : orphans) remove_database(path);
}

void DataFolder::remove_database(const std::string& path) const {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string file = path + suffix;
    (void)vfs->xDelete(vfs, file.c_str(), 0);
  }
}

std::uint64_t DataFolder::database_bytes(const std::string& path) {
  std::uint64_t total = 0;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    const auto size = fs::file_size(path + suffix, error);
    if (!error) total += size;
  }
  return total;
}

std::uint64_t DataFolder::free_bytes() const {
  if (free_bytes_) return free_bytes_(path_);
  std::error_code error;
  const auto space = fs::space(path_, error);
  return error ? std::numeric_limits<std::uint64_t>::max() : space.available;
}

std::uint64_t DataFolder::capacity_bytes() const {
  std::error_code error;
  const auto space = fs::space(path_, error);
  return error ? 0 : space.capacity;
}

}  // namespace hub::sqlite
