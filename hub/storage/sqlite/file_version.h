// The version row that every file of the store has: which format, which journal.
#pragma once

#include <optional>
#include <string>

#include "hub/core/errc.h"
#include "hub/core/ids.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

inline constexpr std::int64_t kReadingsFormat = 1;  // journal, partitions, summaries
inline constexpr std::int64_t kRecentFormat = 2;    // recent.db; 2: several partitions a day

struct FileVersion {
  std::int64_t format = 0;
  base::Id128 epoch{};
};

/// Creates table meta and writes the version into it; inside the caller's transaction.
Result<void> write_version(Database& db, const base::Id128& epoch, std::int64_t format = kReadingsFormat);
/// Nothing where the file has no meta table: new, or its making was interrupted.
Result<std::optional<FileVersion>> read_version(Database& db);

/// The sentence a person needs about a file that could not be opened or read.
Problem file_problem(const std::string& path, const error_code& error, const std::string& what);
Problem newer_format_problem(const std::string& path, std::int64_t format, std::int64_t known = kReadingsFormat);

}  // namespace hub::sqlite
