#include "tests/fakes/power_cut_vfs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <set>

namespace fakes {
namespace {

constexpr std::size_t kSector = 512;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

bool is_index(const std::string& path) {
  return path.ends_with("-shm");
}

}  // namespace

/// What SQLite allocates for an open file; the system VFS's own file lies behind it.
struct PowerCutVfs::File {
  sqlite3_file base;
  PowerCutVfs* owner;
  NodePtr node;
  std::string folder;
  bool syncs_folder;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

/// The functions of sqlite3_vfs and sqlite3_io_methods.
struct PowerCutVfs::Calls {
  static File& file(sqlite3_file* f) { return *reinterpret_cast<File*>(f); }
  static PowerCutVfs& owner(sqlite3_vfs* v) { return *static_cast<PowerCutVfs*>(v->pAppData); }

  static int open(sqlite3_vfs* v, const char* name, sqlite3_file* f, int flags, int* out_flags) {
    PowerCutVfs& self = owner(v);
    auto* opened = new (f) File{};
    opened->owner = &self;
    const std::lock_guard lock(self.mutex_);
    const bool exists = name != nullptr && std::filesystem::exists(name);
    const bool creates = name != nullptr && !exists && (flags & SQLITE_OPEN_CREATE) != 0;
    if (const int code = self.count_call(creates, SQLITE_CANTOPEN); code != SQLITE_OK) return code;
    const int code = self.system_->xOpen(self.system_, name, opened->real(), flags, out_flags);
    if (opened->real()->pMethods != nullptr) opened->base.pMethods = methods();
    if (code != SQLITE_OK || name == nullptr) return code;
    auto& node = self.names_[name];
    if (!node || !exists) {
      node = std::make_shared<Node>();
      if (exists) {
        // Made before this disk was watched: durable.
        node->durable = read_file(name);
        node->size = node->durable.size();
        self.durable_names_[name] = node;
      }
    }
    opened->node = node;
    opened->folder = folder_of(name);
    const bool is_log = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    opened->syncs_folder = is_log && (flags & SQLITE_OPEN_CREATE) != 0;
    return code;
  }

  static int remove(sqlite3_vfs* v, const char* name, int sync_folder) {
    PowerCutVfs& self = owner(v);
    const std::lock_guard lock(self.mutex_);
    if (const int code = self.count_call(true, SQLITE_IOERR_DELETE); code != SQLITE_OK) return code;
    const int code = self.system_->xDelete(self.system_, name, 0);
    if (code == SQLITE_OK) self.names_.erase(name);
    if (sync_folder != 0) self.sync_folder(folder_of(name));
    return code;
  }

  static int access(sqlite3_vfs* v, const char* name, int flags, int* out) {
    PowerCutVfs& self = owner(v);
    return self.system_->xAccess(self.system_, name, flags, out);
  }

  static int full_path(sqlite3_vfs* v, const char* name, int size, char* out) {
    PowerCutVfs& self = owner(v);
    return self.system_->xFullPathname(self.system_, name, size, out);
  }

  static int close(sqlite3_file* f) {
    File& self = file(f);
    const int code = self.real()->pMethods != nullptr ? self.real()->pMethods->xClose(self.real()) : SQLITE_OK;
    self.~File();
    return code;
  }

  static int read(sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
    File& self = file(f);
    {
      const std::lock_guard lock(self.owner->mutex_);
      if (const int code = self.owner->count_call(false, SQLITE_IOERR_READ); code != SQLITE_OK) return code;
    }
    return self.real()->pMethods->xRead(self.real(), to, size, offset);
  }

  static int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 offset) {
    File& self = file(f);
    const std::lock_guard lock(self.owner->mutex_);
    if (const int code = self.owner->count_call(true, SQLITE_IOERR_WRITE); code != SQLITE_OK) return code;
    const auto end = static_cast<std::size_t>(offset) + static_cast<std::size_t>(size);
    if (self.node && self.owner->limit_ != 0 && end > self.node->size) {
      std::uint64_t total = end - self.node->size;
      for (const auto& [name, node] : self.owner->names_) total += node->size;
      if (total > self.owner->limit_) {
        self.owner->fault_happened_ = true;
        return SQLITE_FULL;
      }
    }
    const int code = self.real()->pMethods->xWrite(self.real(), from, size, offset);
    if (code == SQLITE_OK && self.node) {
      self.node->pending.push_back({false, static_cast<std::size_t>(offset),
                                    std::string(static_cast<const char*>(from), static_cast<std::size_t>(size))});
      self.node->size = std::max(self.node->size, end);
    }
    return code;
  }

  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    File& self = file(f);
    const std::lock_guard lock(self.owner->mutex_);
    if (const int code = self.owner->count_call(true, SQLITE_IOERR_TRUNCATE); code != SQLITE_OK) return code;
    const int code = self.real()->pMethods->xTruncate(self.real(), size);
    if (code == SQLITE_OK && self.node) {
      self.node->pending.push_back({true, static_cast<std::size_t>(size), {}});
      self.node->size = static_cast<std::size_t>(size);
    }
    return code;
  }

  static int sync(sqlite3_file* f, int) {
    File& self = file(f);
    const std::lock_guard lock(self.owner->mutex_);
    if (const int code = self.owner->count_sync(); code != SQLITE_OK) return code;
    if (self.node) self.owner->sync(*self.node);
    if (self.syncs_folder) self.owner->sync_folder(self.folder);
    self.syncs_folder = false;
    return SQLITE_OK;
  }

  static int size(sqlite3_file* f, sqlite3_int64* out) {
    return file(f).real()->pMethods->xFileSize(file(f).real(), out);
  }
  static int lock(sqlite3_file* f, int level) { return file(f).real()->pMethods->xLock(file(f).real(), level); }
  static int unlock(sqlite3_file* f, int level) { return file(f).real()->pMethods->xUnlock(file(f).real(), level); }
  static int check_lock(sqlite3_file* f, int* out) {
    return file(f).real()->pMethods->xCheckReservedLock(file(f).real(), out);
  }
  static int control(sqlite3_file* f, int op, void* arg) {
    return file(f).real()->pMethods->xFileControl(file(f).real(), op, arg);
  }
  static int sector_size(sqlite3_file* f) { return file(f).real()->pMethods->xSectorSize(file(f).real()); }
  static int characteristics(sqlite3_file* f) {
    return file(f).real()->pMethods->xDeviceCharacteristics(file(f).real());
  }
  static int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return file(f).real()->pMethods->xShmMap(file(f).real(), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
    return file(f).real()->pMethods->xShmLock(file(f).real(), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* f) { file(f).real()->pMethods->xShmBarrier(file(f).real()); }
  static int shm_unmap(sqlite3_file* f, int remove_it) {
    return file(f).real()->pMethods->xShmUnmap(file(f).real(), remove_it);
  }

  static const sqlite3_io_methods* methods() {
    // Version 2: no memory-mapped reads, which would pass us by.
    static const sqlite3_io_methods table{
        2,          &close,      &read,    &write,       &truncate,        &sync,    &size,     &lock,
        &unlock,    &check_lock, &control, &sector_size, &characteristics, &shm_map, &shm_lock, &shm_barrier,
        &shm_unmap, nullptr,     nullptr};
    return &table;
  }
};

/// A rename is a change like others; whether it survives a cut depends on the folder, and so does the old name.
class PowerCutVfs::Names final : public hub::sqlite::FileNames {
 public:
  explicit Names(PowerCutVfs& owner) : owner_(owner) {}

  bool rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.count_call(true, SQLITE_IOERR) != SQLITE_OK) return false;
    std::error_code error;
    std::filesystem::rename(from, to, error);
    if (error) return false;
    if (const auto moved = owner_.names_.find(from); moved != owner_.names_.end()) {
      owner_.names_[to] = moved->second;
      owner_.names_.erase(from);
    }
    return true;
  }

  bool sync_folder(const std::string& folder) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.count_sync() != SQLITE_OK) return false;
    owner_.sync_folder(folder);
    return true;
  }

 private:
  PowerCutVfs& owner_;
};

PowerCutVfs::PowerCutVfs(std::string name)
    : name_(std::move(name)), system_(sqlite3_vfs_find(nullptr)), names_seam_(std::make_unique<Names>(*this)) {
  vfs_ = *system_;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
  vfs_.xOpen = &Calls::open;
  vfs_.xDelete = &Calls::remove;
  vfs_.xAccess = &Calls::access;
  vfs_.xFullPathname = &Calls::full_path;
  sqlite3_vfs_register(&vfs_, 0);
}

PowerCutVfs::~PowerCutVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

int PowerCutVfs::count_call(bool is_change, int error) {
  if (stopped_) return error;
  ++calls_;
  if (is_change && ++changes_ == stop_at_) {
    stopped_ = true;
    return error;
  }
  if (fail_at_ != 0 && (calls_ == fail_at_ || (fail_all_after_ && calls_ > fail_at_))) {
    fault_happened_ = true;
    return error;
  }
  return SQLITE_OK;
}

int PowerCutVfs::count_sync() {
  if (const int code = count_call(true, SQLITE_IOERR_FSYNC); code != SQLITE_OK) return code;
  if (++syncs_ != fail_sync_at_) return SQLITE_OK;
  fault_happened_ = true;
  return SQLITE_IOERR_FSYNC;
}

void PowerCutVfs::apply(const Change& change, std::string& content) {
  if (change.is_truncate) {
    content.resize(change.offset);
    return;
  }
  if (content.size() < change.offset + change.bytes.size()) content.resize(change.offset + change.bytes.size());
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

void PowerCutVfs::sync(Node& node) {
  for (const auto& change : node.pending) apply(change, node.durable);
  node.pending.clear();
}

void PowerCutVfs::sync_folder(const std::string& folder) {
  std::erase_if(durable_names_, [&](const auto& entry) { return folder_of(entry.first) == folder; });
  for (const auto& [name, node] : names_) {
    if (folder_of(name) == folder) durable_names_[name] = node;
  }
}

std::string PowerCutVfs::after_cut(const Node& node, base::Random& random) {
  std::string content = node.durable;
  const std::uint64_t way = random.next_u64() % 4;
  const std::size_t beginning = node.pending.empty() ? 0 : random.next_u64() % (node.pending.size() + 1);
  for (std::size_t i = 0; i < node.pending.size(); ++i) {
    const Change& change = node.pending[i];
    if (way == 0) break;                    // nothing survives
    if (way == 1 && i >= beginning) break;  // a beginning survives
    if (way != 3 || change.is_truncate) {
      if (way != 3 || random.next_u64() % 2 == 0) apply(change, content);  // way 2: all survive
      continue;
    }
    for (std::size_t at = 0; at < change.bytes.size(); at += kSector) {  // any sectors survive
      if (random.next_u64() % 2 == 0) apply({false, change.offset + at, change.bytes.substr(at, kSector)}, content);
    }
  }
  return content;
}

void PowerCutVfs::stop_after(std::uint64_t changes) {
  const std::lock_guard lock(mutex_);
  stop_at_ = changes_ + changes;
}

void PowerCutVfs::stop_now() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

bool PowerCutVfs::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void PowerCutVfs::revive_after_kill() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
  stop_at_ = 0;
}

void PowerCutVfs::revive_after_power_cut(base::Random& random) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> paths;
  for (const auto& [path, node] : names_) paths.insert(path);
  for (const auto& [path, node] : durable_names_) paths.insert(path);
  std::map<std::string, NodePtr> survivors;
  for (const auto& path : paths) {
    // A name that was made or removed without a sync of the folder is there or not, as it happens.
    const auto now = names_.find(path);
    const auto durable = durable_names_.find(path);
    NodePtr node;
    if (now != names_.end() && durable != durable_names_.end() && now->second == durable->second) {
      node = now->second;
    } else if (random.next_u64() % 2 == 0) {
      node = now != names_.end() ? now->second : nullptr;
    } else {
      node = durable != durable_names_.end() ? durable->second : nullptr;
    }
    std::error_code ignored;
    if (!node) {
      std::filesystem::remove(path, ignored);
      continue;
    }
    auto revived = std::make_shared<Node>();
    revived->durable = after_cut(*node, random);
    revived->size = revived->durable.size();
    write_file(path, revived->durable);
    survivors[path] = std::move(revived);
  }
  std::set<std::string> folders;
  for (const auto& path : paths) folders.insert(folder_of(path));
  for (const auto& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (is_index(entry.path().string())) std::filesystem::remove(entry.path(), ignored);
    }
  }
  names_ = durable_names_ = std::move(survivors);
  stopped_ = false;
  stop_at_ = 0;
}

void PowerCutVfs::fail_call(std::uint64_t n, bool and_all_after) {
  const std::lock_guard lock(mutex_);
  fail_at_ = calls_ + n;
  fail_all_after_ = and_all_after;
  fault_happened_ = false;
}

void PowerCutVfs::fail_sync(std::uint64_t n) {
  const std::lock_guard lock(mutex_);
  fail_sync_at_ = syncs_ + n;
  fault_happened_ = false;
}

bool PowerCutVfs::fault_happened() const {
  const std::lock_guard lock(mutex_);
  return fault_happened_;
}

void PowerCutVfs::clear_faults() {
  const std::lock_guard lock(mutex_);
  fail_at_ = fail_sync_at_ = limit_ = 0;
  fail_all_after_ = fault_happened_ = false;
}

void PowerCutVfs::limit_bytes(std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  limit_ = total;
}

std::uint64_t PowerCutVfs::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}
std::uint64_t PowerCutVfs::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}
std::uint64_t PowerCutVfs::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

}  // namespace fakes
