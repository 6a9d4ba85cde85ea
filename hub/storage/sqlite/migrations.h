// Numbered changes of hub.db's shape, and how they are applied.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

struct Migration {
  int version;  // 1, 2, 3 … without holes
  std::string_view name;
  std::string_view sql;
};

/// migrations/NNNN_name.sql, in order; written into the program by CMake.
std::span<const Migration> embedded_migrations();

/// The file's version: 0 for a file without tables. errc::storage_damaged where there are tables but no version.
Result<int> schema_version(Database& db);

/// Applies what the file lacks, each in its own transaction together with its row in schema_version. A file that holds
/// anything is first copied to `path`.before-NNNN (NNNN: the first migration to come). errc::unsupported_version where
/// the file is newer than the newest of `migrations`; nothing is touched then.
Result<void> migrate(Database& db, const std::string& path, std::span<const Migration> migrations);

}  // namespace hub::sqlite
