// The folder that an engine fills: how large it is, and how it leaves the page cache.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

namespace bench {

/// An empty folder within `parent`, gone with everything in it at the end, unless it is to be kept. The end may be
/// SIGINT or SIGTERM, which its own thread waits for: make it before all other threads, which then leave these to it.
class WorkFolder {
 public:
  WorkFolder(const std::string& parent, bool keep);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  void end_on_signal(const std::stop_token& stop) const;
  void remove() const;

  std::string path_;
  bool keep_;
  std::jthread ender_;
};

/// Sizes of all files below `folder` whose names begin with `prefix`.
std::uint64_t file_bytes(const std::string& folder, const std::string& prefix = "");
/// Of a database that nobody has open: its pages that hold nothing. 0 where there is no such file.
std::uint64_t free_page_bytes(const std::string& database);
/// Writes all files below `folder` to the disk and forgets what the page cache holds of them. Nobody may have one open.
void drop_from_cache(const std::string& folder);

}  // namespace bench
