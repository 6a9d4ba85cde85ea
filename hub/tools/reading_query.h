// Readings printed for people, or for a pipe.
#pragma once

#include <cstdio>
#include <optional>

#include "hub/tools/record_writer.h"

namespace hub::tools {

enum class QueryFormat { table, csv, ndjson };

struct QueryWish {
  std::string folder;
  ReadingSelection selection;
  QueryFormat format = QueryFormat::table;
  std::int64_t from_us = 0, to_us = 0;  // [from, to)
  std::uint32_t width = 0;              // 0: readings; else so many buckets, as a table
  std::uint32_t limit = 1'000;          // readings a series
};

/// The gaps and the first `limit` readings of each series, and whether there are more. Nothing: done.
std::optional<Problem> print_readings(const QueryWish& wish, std::FILE* out);

}  // namespace hub::tools
