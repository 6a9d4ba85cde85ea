// How a partition is called, and the days and months that partitions and summaries are cut by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hub/storage/sqlite/chunk.h"

namespace hub::sqlite {

inline constexpr const char* kDefaultClass = "default";
inline constexpr std::int64_t kDayUs = 144 * kBucketUs;
inline constexpr int kHoursPerDay = 24;

/// Days since the epoch (UTC). A reading belongs to the day of its bucket, so times before 1810 or after 2129 belong to
/// the first or last day.
std::int64_t day_of_bucket(std::int64_t bucket);
std::int64_t day_of_time(std::int64_t time_us);
struct BucketSpan {
  std::int64_t first = 0, last = 0;  // inclusive
};
BucketSpan buckets_of_day(std::int64_t day);
/// 0 … 23.
int hour_of_bucket(std::int64_t bucket);
TimeSpan span_of_day(std::int64_t day);
/// Months since January of year 0.
std::int64_t month_of_day(std::int64_t day);
/// [first, last], inclusive.
struct DaySpan {
  std::int64_t first = 0, last = 0;
};
DaySpan days_of_month(std::int64_t month);

/// A chunk's key in a partition: series, hour of the day, part, in that order, so that a series' day lies together.
std::int64_t hour_chunk_id(SeriesId series, int hour, std::uint32_t part);
inline SeriesId series_of_hour_chunk(std::int64_t id) {
  return SeriesId{static_cast<std::uint32_t>(id >> 13)};
}
inline int hour_of_hour_chunk(std::int64_t id) {
  return static_cast<int>(id >> 8 & 0x1f);
}

struct PartitionName {
  std::int64_t day = 0;
  std::string retention_class = kDefaultClass;
  std::uint32_t generation = 1;

  std::string to_text() const;  // "2026-11-23-default-g1.db"
  static std::optional<PartitionName> from_text(std::string_view text);
  bool operator==(const PartitionName&) const = default;
};
/// "2026-11-default.db"
std::string summary_file_name(std::int64_t month, std::string_view retention_class);

}  // namespace hub::sqlite
