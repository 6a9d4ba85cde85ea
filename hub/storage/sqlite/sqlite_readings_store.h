// The SQLite engine of ReadingsStore: opens a data folder and gives the interface.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/file_names.h"
#include "hub/storage/sqlite/retention.h"

namespace hub::sqlite {

struct ReadingsOptions {
  std::string folder;                              // journal-*.db, recent.db, partitions/
  std::size_t tail_max_bytes = 256 * 1024 * 1024;  // sealing starts early past it
  std::int64_t seal_interval_us = 600 * 1'000'000LL;
  std::size_t pending_max_bytes = 64 * 1024 * 1024;  // unsubmitted commits; past it append answers busy
  std::size_t commit_max_bytes = 4 * 1024 * 1024;
  std::int64_t commit_window_us = 2'000;  // how long a group may wait for company
  std::size_t retained_journal_bytes = 256 * 1024 * 1024;
  std::int64_t retained_journal_us = 15 * 60 * 1'000'000LL;
  std::size_t low_water_bytes = 0;                          // 0: smaller of 512 MB and 5 % of the disk
  std::int64_t compact_grace_us = 2 * 3'600 * 1'000'000LL;  // after a day's end it becomes a partition
  std::int64_t compact_late_us = 24 * 3'600 * 1'000'000LL;  // late readings wait so long for the next generation of it
  Retention retention;                                      // nothing goes by itself where all is 0
  ClassOfSeries class_of;                                   // any thread; empty: all are of kDefaultClass
  unsigned readers = 2;
  std::int64_t query_limit_us = 30 * 1'000'000LL;  // of boot time, from submission; past it errc::timed_out
  /// How many bytes are free on the disk of a folder; empty: ask the system.
  std::function<std::uint64_t(const std::string& folder)> free_bytes;
  const char* vfs = nullptr;         // tests
  FileNames* file_names = nullptr;   // tests; nullptr: the system's
  const char* synchronous = "FULL";  // tests
};

/// Replays what is not sealed. Problem: which file, what is wrong, what to do.
Outcome<std::unique_ptr<ReadingsStore>> open_readings_store(ReadingsOptions options, const base::Clock& clock,
                                                            base::Random& random);

}  // namespace hub::sqlite
