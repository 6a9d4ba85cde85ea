#include "hub/storage/sqlite/partition_name.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace hub::sqlite {
namespace {

constexpr std::int64_t kBucketsPerDay = kDayUs / kBucketUs, kBucketsPerHour = 6;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::chrono::year_month_day date_of(std::int64_t day) {
  return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day)));
}

/// Takes exactly `digits` digits off the front.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::int64_t day_of_bucket(std::int64_t bucket) {
  return floor_div(bucket, kBucketsPerDay);
}

std::int64_t day_of_time(std::int64_t time_us) {
  return day_of_bucket(bucket_of(time_us));
}

BucketSpan buckets_of_day(std::int64_t day) {
  return {std::max(day * kBucketsPerDay, kMinBucket), std::min((day + 1) * kBucketsPerDay - 1, kMaxBucket)};
}

int hour_of_bucket(std::int64_t bucket) {
  return static_cast<int>((bucket - day_of_bucket(bucket) * kBucketsPerDay) / kBucketsPerHour);
}

TimeSpan span_of_day(std::int64_t day) {
  const BucketSpan buckets = buckets_of_day(day);
  return {span_of_bucket(buckets.first).from_us, span_of_bucket(buckets.last).to_us};
}

std::int64_t month_of_day(std::int64_t day) {
  const auto date = date_of(day);
  return std::int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
}

DaySpan days_of_month(std::int64_t month) {
  const auto first_of = [](std::int64_t m) {
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(m / 12)),
                                           std::chrono::month(static_cast<unsigned>(m % 12 + 1)), std::chrono::day(1));
    return std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()};
  };
  return {first_of(month), first_of(month + 1) - 1};
}

std::int64_t hour_chunk_id(SeriesId series, int hour, std::uint32_t part) {
  return (std::int64_t{raw(series)} << 13) + (std::int64_t{hour} << 8) + part;
}

std::string PartitionName::to_text() const {
  const auto date = date_of(day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u-", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text + retention_class + "-g" + std::to_string(generation) + ".db";
}

std::optional<PartitionName> PartitionName::from_text(std::string_view text) {
  const std::string_view whole = text;
  const auto year = take_number(text, 4);
  if (!year || !take_dash(text)) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take_dash(text)) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take_dash(text)) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day));
  const auto mark = text.rfind("-g");
  if (!date.ok() || mark == std::string_view::npos || mark == 0) return std::nullopt;
  PartitionName name;
  name.day = std::chrono::sys_days(date).time_since_epoch().count();
  name.retention_class = std::string(text.substr(0, mark));
  (void)std::from_chars(text.data() + mark + 2, text.data() + text.size(), name.generation);
  if (name.to_text() != whole) return std::nullopt;
  return name;
}

std::string summary_file_name(std::int64_t month, std::string_view retention_class) {
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02d-", static_cast<int>(month / 12), static_cast<int>(month % 12 + 1));
  return text + std::string(retention_class) + ".db";
}

}  // namespace hub::sqlite
