#include "tests/bench/storage/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "tests/bench/storage/engine.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

std::int64_t pragma(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
  if (raw == nullptr || sqlite3_step(raw) != SQLITE_ROW) throw Failure(std::string(sql) + " failed");
  return sqlite3_column_int64(raw, 0);
}

sigset_t ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

WorkFolder::WorkFolder(const std::string& parent, bool keep) : keep_(keep) {
  std::string pattern = parent + "/storage-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw Failure("no folder can be made in " + parent);
  path_ = pattern;
  const sigset_t signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ender_ = std::jthread([this](const std::stop_token& stop) { end_on_signal(stop); });
}

WorkFolder::~WorkFolder() {
  ender_.request_stop();
  ender_.join();
  remove();
}

void WorkFolder::remove() const {
  std::error_code ignored;
  if (!keep_) fs::remove_all(path_, ignored);
}

void WorkFolder::end_on_signal(const std::stop_token& stop) const {
  const sigset_t signals = ending_signals();
  const timespec look_every{.tv_sec = 0, .tv_nsec = 100'000'000};
  while (!stop.stop_requested()) {
    const int signal = ::sigtimedwait(&signals, nullptr, &look_every);
    if (signal < 0) continue;
    // The engine's threads may still be making files: what they add meanwhile goes in the next round.
    for (int i = 0; i < 10 && !keep_ && fs::exists(path_); ++i) remove();
    ::_exit(128 + signal);
  }
}

std::uint64_t file_bytes(const std::string& folder, const std::string& prefix) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    // A file may go between being listed and being looked at.
    std::error_code gone;
    if (!entry.is_regular_file(gone) || !entry.path().filename().string().starts_with(prefix)) continue;
    if (const auto size = entry.file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

std::uint64_t free_page_bytes(const std::string& database) {
  if (!fs::exists(database)) return 0;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(database.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(raw, sqlite3_close);
  if (code != SQLITE_OK) throw Failure(database + " cannot be opened");
  return static_cast<std::uint64_t>(pragma(raw, "PRAGMA freelist_count") * pragma(raw, "PRAGMA page_size"));
}

void drop_from_cache(const std::string& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw Failure(entry.path().string() + " cannot be opened");
    const bool done = ::fsync(file) == 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0;
    ::close(file);
    if (!done) throw Failure(entry.path().string() + " cannot be dropped from the cache");
  }
}

}  // namespace bench
