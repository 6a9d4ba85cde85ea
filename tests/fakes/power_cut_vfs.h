// A disk that forgets: a SQLite VFS over real files that knows which bytes were synced, and can lose the others.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "hub/storage/sqlite/file_names.h"

namespace fakes {

/// Registers itself with SQLite under `name` (give it to OpenOptions::vfs) and passes everything on to the system's
/// VFS, except that syncs only happen in the model: a sync makes a file's writes durable; a file's name becomes durable
/// when its folder is synced, which SQLite does with the first sync of a new log or journal.
///
/// Faults: `stop_after` ends all I/O after so many changes, as if the process died there. Then close everything and
/// `revive_after_kill` (the page cache survives) or `revive_after_power_cut` (of what was not synced, nothing, all, a
/// beginning, or any sectors survive). `fail_call` makes one call, or one and all later, answer an I/O error;
/// `fail_sync` one flush.
/// `limit_bytes` is a small disk. Thread-safe; outlives every connection that uses it.
class PowerCutVfs {
 public:
  explicit PowerCutVfs(std::string name);
  ~PowerCutVfs();
  PowerCutVfs(const PowerCutVfs&) = delete;
  PowerCutVfs& operator=(const PowerCutVfs&) = delete;
  const char* name() const { return name_.c_str(); }
  /// Renaming and flushing folders on the same disk, which SQLite's interface does not have.
  hub::sqlite::FileNames& file_names() { return *names_seam_; }

  void stop_after(std::uint64_t changes);
  void stop_now();
  bool stopped() const;
  void revive_after_kill();
  void revive_after_power_cut(base::Random& random);

  void fail_call(std::uint64_t n, bool and_all_after = false);
  /// The n-th flush of a file or a folder fails: what was written before it is there, and may be lost in a power cut.
  void fail_sync(std::uint64_t n);
  bool fault_happened() const;
  void clear_faults();
  void limit_bytes(std::uint64_t total);  // 0: no limit

  std::uint64_t calls() const;
  std::uint64_t changes() const;
  std::uint64_t syncs() const;

 private:
  struct Change {
    bool is_truncate = false;
    std::size_t offset = 0;  // truncate: the new size
    std::string bytes;
  };
  /// A file's contents, whatever its name.
  struct Node {
    std::string durable;
    std::vector<Change> pending;
    std::size_t size = 0;  // with what is pending
  };
  using NodePtr = std::shared_ptr<Node>;
  struct File;
  struct Calls;
  friend struct Calls;
  class Names;

  /// The gate of every call; not SQLITE_OK: answer that.
  int count_call(bool is_change, int error);
  int count_sync();
  void sync(Node& node);
  void sync_folder(const std::string& folder);
  static void apply(const Change& change, std::string& content);
  static std::string after_cut(const Node& node, base::Random& random);

  const std::string name_;
  sqlite3_vfs* const system_;
  sqlite3_vfs vfs_{};
  mutable std::mutex mutex_;
  std::map<std::string, NodePtr> names_, durable_names_;
  std::unique_ptr<hub::sqlite::FileNames> names_seam_;
  bool stopped_ = false, fault_happened_ = false, fail_all_after_ = false;
  std::uint64_t calls_ = 0, changes_ = 0, syncs_ = 0, stop_at_ = 0, fail_at_ = 0, fail_sync_at_ = 0, limit_ = 0;
};

}  // namespace fakes
