// The catalogue, in recent.db: which partitions there are, which days' payloads have expired, which files may go.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/partition_name.h"

namespace hub::sqlite {

struct PartitionRecord {
  PartitionName name;
  CommitNumber seal = 0;  // readings sealed up to here are in it; later ones of its day are in recent.db
  std::uint64_t readings = 0, chunks = 0, bytes = 0;
  std::int64_t first_us = 0, last_us = 0;
  std::int64_t made_at_us = 0;
};

/// A day of which payloads were dropped. Hours of generations up to `summarised` are answered from the summary.
struct ExpiredDay {
  std::int64_t day = 0;
  std::string retention_class = kDefaultClass;
  std::uint32_t generation = 0;  // the last one used: names never come back
  std::uint32_t summarised = 0;
};

/// A summary file that was made, or is being made.
struct SummaryRecord {
  std::int64_t month = 0;
  std::string retention_class = kDefaultClass;
};

/// A partition is known by its day and class. On one connection to recent.db, used by its thread; writing inside a
/// Transaction of the seal thread's.
class PartitionTable {
 public:
  /// Makes the tables, or those of format 1, which had one class a day, into today's.
  static Result<void> prepare(Database& db);
  explicit PartitionTable(Database& db);

  /// In order of days, then classes.
  Result<std::vector<PartitionRecord>> list(std::int64_t first_day, std::int64_t last_day);
  Result<std::optional<PartitionRecord>> find(std::int64_t day, const std::string& retention_class);
  /// Replaces the record of its day and class.
  Result<void> put(const PartitionRecord& record);
  Result<void> erase(std::int64_t day, const std::string& retention_class);

  Result<std::vector<ExpiredDay>> expired(std::int64_t first_day, std::int64_t last_day);
  Result<std::optional<ExpiredDay>> find_expired(std::int64_t day, const std::string& retention_class);
  Result<void> put_expired(const ExpiredDay& day);

  Result<std::vector<SummaryRecord>> summaries();
  /// Summaries from which days are answered.
  Result<std::vector<std::string>> used_summaries();
  /// Every file that the catalogue knows and has not given up.
  Result<std::set<std::string>> files();
  Result<void> put_summary(const SummaryRecord& record);
  Result<void> erase_summary(const SummaryRecord& record);

  /// Files that the catalogue has given up, or not taken up yet: at a start they may be deleted.
  Result<std::vector<std::string>> removals();
  Result<void> add_removal(const std::string& file);
  Result<void> drop_removal(const std::string& file);

 private:
  CachedStatement list_, put_, erase_, expired_, put_expired_, summaries_, put_summary_, erase_summary_, removals_,
      add_removal_, drop_removal_;
};

}  // namespace hub::sqlite
