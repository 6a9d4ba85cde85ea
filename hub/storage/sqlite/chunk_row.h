// A chunk's header as columns of a row: what the chunk tables of recent.db, of partitions and of summaries share.
#pragma once

#include "hub/storage/sqlite/chunk.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

#define HUB_CHUNK_COLUMNS                                                                                           \
  "id, type, count, first_time, last_time, first_commit, last_commit, first_received, last_received, flags, seal, " \
  "first_rank, last_rank, minimum, maximum, sum, changes, low, high, first, last"

#define HUB_CHUNK_COLUMN_TYPES                                                                               \
  "type INTEGER NOT NULL, count INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, " \
  "first_commit INTEGER NOT NULL, last_commit INTEGER NOT NULL, "                                            \
  "first_received INTEGER NOT NULL, last_received INTEGER NOT NULL, "                                        \
  "flags INTEGER NOT NULL, seal INTEGER NOT NULL, first_rank INTEGER NOT NULL, last_rank INTEGER NOT NULL, " \
  "minimum REAL, maximum REAL, sum REAL, changes INTEGER, low BLOB, high BLOB, "                             \
  "first ANY NOT NULL, last ANY NOT NULL"

inline constexpr int kChunkColumns = 21;

/// Parameters 1 … kChunkColumns, of a statement that is reset.
void bind_header(Statement& statement, const ChunkHeader& header);
/// Columns 0 … kChunkColumns - 1.
ChunkHeader read_header(const Statement& row);

/// A value as one SQLite value (column type ANY), bit for bit: a location is a blob of three doubles.
void bind_value(Statement& statement, int index, const Value& value);
Value read_value(const Statement& statement, int column, ValueType type);

}  // namespace hub::sqlite
