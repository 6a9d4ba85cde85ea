// A chunk: readings of one series within ten minutes, sealed. Header (what queries can answer from) and payload.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"

namespace hub::sqlite {

inline constexpr std::int64_t kBucketUs = 600 * 1'000'000LL;
inline constexpr std::int64_t kMinBucket = -(std::int64_t{1} << 23), kMaxBucket = (std::int64_t{1} << 23) - 1;
inline constexpr std::uint32_t kMaxParts = 256;

/// Ten minutes since the epoch, rounded down; times before 1810 or after 2129 fall into the first or last bucket.
std::int64_t bucket_of(std::int64_t time_us);
struct TimeSpan {
  std::int64_t from_us = 0, to_us = 0;  // [from, to)
};
TimeSpan span_of_bucket(std::int64_t bucket);
/// The chunk's key: bucket, series, part, in that order, so that a seal writes beside itself (time-major).
std::int64_t chunk_id(std::int64_t bucket, SeriesId series, std::uint32_t part);
inline std::uint32_t part_of(std::int64_t id) {
  return static_cast<std::uint32_t>(id & 0xff);
}

inline SeriesId series_of_chunk(std::int64_t id) {
  return SeriesId{static_cast<std::uint32_t>(id >> 8)};
}

/// Ranks: the readings of a series and bucket that one seal wrote, over all its parts, are numbered by (time, commit,
/// index); a reading's place among others of equal time is (seal, rank).
struct ChunkHeader {
  std::int64_t id = 0;
  ValueType type{};
  std::uint32_t count = 0;
  std::int64_t first_us = 0, last_us = 0;
  CommitNumber first_commit = 0, last_commit = 0;
  std::int64_t first_received_us = 0, last_received_us = 0;
  std::uint32_t flags = 0;
  CommitNumber seal = 0;  // sealed_through of the seal that wrote it
  std::uint64_t first_rank = 0, last_rank = 0;
  double minimum = 0, maximum = 0, sum = 0;  // numbers; booleans as 0 and 1
  std::uint32_t changes = 0;                 // booleans, strings: how often a value differs from the one before
  Location low, high;                        // locations: bounding box
  Value first, last;
};

struct ChunkReadings {
  std::vector<std::int64_t> times_us;  // ascending
  ValueColumn values;
  std::vector<std::uint64_t> ranks;  // empty: they follow one another, as they mostly do
  std::uint64_t first_rank = 0;      // where `ranks` is empty

  std::uint64_t rank(std::size_t i) const { return ranks.empty() ? first_rank + i : ranks[i]; }
};

/// Fills count, times, type and statistics.
void summarise(const ChunkReadings& readings, ChunkHeader& header);

/// Version byte, times, values, and the ranks unless they follow one another.
std::string encode_chunk(const ChunkReadings& readings);
/// Of this and of every earlier version. errc::storage_damaged, errc::unsupported_version.
Result<ChunkReadings> decode_chunk(const ChunkHeader& header, std::string_view payload);

/// How a value counts in minimum, maximum and sum.
inline double to_number(double value) {
  return value;
}
inline double to_number(std::uint8_t value) {
  return value != 0 ? 1 : 0;
}

/// A sum that loses nothing to the order of its terms short of overflow: what each addition rounds away (Knuth's
/// TwoSum) is added up beside it.
class ExactSum {
 public:
  void add(double value) {
    const double total = sum_ + value;
    const double added = total - sum_;
    rest_ += (sum_ - (total - added)) + (value - added);
    sum_ = total;
  }
  void add(const ExactSum& other) {
    add(other.sum_);
    rest_ += other.rest_;
  }
  double value() const;

 private:
  double sum_ = 0, rest_ = 0;
};

}  // namespace hub::sqlite
