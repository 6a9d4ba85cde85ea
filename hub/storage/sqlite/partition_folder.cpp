#include "hub/storage/sqlite/partition_folder.h"

#include <sqlite3.h>

#include <filesystem>
#include <string_view>

namespace hub::sqlite {
namespace {

constexpr std::string_view kMaking = ".making", kAside = ".quarantined";

/// A log or an index belongs to its database.
std::string database_of(const std::string& file) {
  const bool is_side = file.ends_with("-wal") || file.ends_with("-shm");
  return is_side ? file.substr(0, file.size() - 4) : file;
}

}  // namespace

PartitionFolder::PartitionFolder(const DataFolder& folder, FileNames& names)
    : folder_(folder), names_(names), path_(folder.path() + "/partitions") {}

bool PartitionFolder::make() const {
  std::error_code error;
  if (std::filesystem::is_directory(path_, error)) return true;
  return std::filesystem::create_directory(path_, error) && names_.sync_folder(folder_.path());
}

bool PartitionFolder::exists(const std::string& file) const {
  std::error_code error;
  return std::filesystem::exists(path_of(file), error);
}

void PartitionFolder::note_damaged(const std::string& file) const {
  const std::lock_guard lock(mutex_);
  if (damaged_.insert(file).second) ++findings_;
}

void PartitionFolder::note_readable(const std::string& file) const {
  const std::lock_guard lock(mutex_);
  if (damaged_.erase(file) > 0) ++findings_;
}

bool PartitionFolder::is_unreadable(const std::string& file) const {
  if (!exists(file)) return true;
  const std::lock_guard lock(mutex_);
  return damaged_.contains(file);
}

bool PartitionFolder::publish(const std::string& file) const {
  return names_.rename(making_path_of(file), path_of(file)) && names_.sync_folder(path_);
}

bool PartitionFolder::remove(const std::string& file) const {
  folder_.remove_database(path_of(file));
  note_readable(file);
  return !exists(file) && names_.sync_folder(path_);
}

std::vector<std::string> PartitionFolder::set_aside_unknown(const std::set<std::string>& known) const {
  std::vector<std::string> making, unknown, aside;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(kMaking)) {
      making.push_back(file);
    } else if (!known.contains(database_of(file)) && file.find(kAside) == std::string::npos) {
      unknown.push_back(file);
    }
  }
  for (const auto& file : making) folder_.remove_database(path_of(file));
  for (const auto& file : unknown) {
    const std::string database = database_of(file);
    std::string name = database + std::string(kAside);
    for (int n = 2; exists(name + file.substr(database.size())); ++n)
      name = database + std::string(kAside) + "-" + std::to_string(n);
    name += file.substr(database.size());
    if (names_.rename(path_of(file), path_of(name))) aside.push_back(name);
  }
  if (!aside.empty()) (void)names_.sync_folder(path_);
  return aside;
}

}  // namespace hub::sqlite
