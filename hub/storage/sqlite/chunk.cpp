#include "hub/storage/sqlite/chunk.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hub/storage/sqlite/column_codec.h"
#include "hub/storage/sqlite/packed_codec.h"

namespace hub::sqlite {
namespace {

constexpr char kBlockPayload = 1, kPackedPayload = 2;

/// Ranks either follow one another or are listed as steps.
enum Ranks : std::uint8_t { kConsecutive = 0, kListed = 1 };

template <class T>
void summarise_ordered(const std::vector<T>& values, ChunkHeader& header) {
  ExactSum sum;
  header.minimum = header.maximum = to_number(values.front());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = to_number(values[i]);
    header.minimum = std::min(header.minimum, value);
    header.maximum = std::max(header.maximum, value);
    sum.add(value);
    if (i > 0 && values[i] != values[i - 1]) ++header.changes;
  }
  header.sum = sum.value();
}

void summarise_locations(const std::vector<Location>& values, ChunkHeader& header) {
  header.low = header.high = values.front();
  for (const auto& l : values) {
    header.low = {std::min(header.low.latitude, l.latitude), std::min(header.low.longitude, l.longitude),
                  std::min(header.low.altitude, l.altitude)};
    header.high = {std::max(header.high.latitude, l.latitude), std::max(header.high.longitude, l.longitude),
                   std::max(header.high.altitude, l.altitude)};
  }
}

}  // namespace

std::int64_t bucket_of(std::int64_t time_us) {
  const std::int64_t quotient = time_us / kBucketUs;
  const std::int64_t bucket = time_us % kBucketUs < 0 ? quotient - 1 : quotient;
  return std::clamp(bucket, kMinBucket, kMaxBucket);
}

TimeSpan span_of_bucket(std::int64_t bucket) {
  return {bucket == kMinBucket ? std::numeric_limits<std::int64_t>::min() : bucket * kBucketUs,
          bucket == kMaxBucket ? std::numeric_limits<std::int64_t>::max() : (bucket + 1) * kBucketUs};
}

std::int64_t chunk_id(std::int64_t bucket, SeriesId series, std::uint32_t part) {
  return bucket * (std::int64_t{1} << 40) + (std::int64_t{raw(series)} << 8) + part;
}

void summarise(const ChunkReadings& readings, ChunkHeader& header) {
  header.type = type_of(readings.values);
  header.count = static_cast<std::uint32_t>(readings.times_us.size());
  header.first_us = readings.times_us.front();
  header.last_us = readings.times_us.back();
  header.first_rank = readings.rank(0);
  header.last_rank = readings.rank(readings.times_us.size() - 1);
  header.first = value_at(readings.values, 0);
  header.last = value_at(readings.values, readings.times_us.size() - 1);
  header.changes = 0;
  if (const auto* numbers = std::get_if<std::vector<double>>(&readings.values)) {
    summarise_ordered(*numbers, header);
    header.changes = 0;
  } else if (const auto* booleans = std::get_if<std::vector<std::uint8_t>>(&readings.values)) {
    summarise_ordered(*booleans, header);
  } else if (const auto* strings = std::get_if<std::vector<std::string>>(&readings.values)) {
    for (std::size_t i = 1; i < strings->size(); ++i) header.changes += (*strings)[i] != (*strings)[i - 1];
  } else {
    summarise_locations(std::get<std::vector<Location>>(readings.values), header);
  }
}

std::string encode_chunk(const ChunkReadings& readings) {
  std::string payload(1, kPackedPayload);
  pack_times(readings.times_us, payload);
  pack_values(readings.values, payload);
  const auto& ranks = readings.ranks;
  if (ranks.empty() || ranks.back() - ranks.front() + 1 == ranks.size()) {
    payload.push_back(kConsecutive);
    return payload;
  }
  payload.push_back(kListed);
  std::vector<std::int64_t> steps(ranks.size() - 1);
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<std::int64_t>(ranks[i + 1] - ranks[i]);
  pack_integers(steps, payload);
  return payload;
}

namespace {

/// Version 1, of 2026: a Block of the wire, then steps of ranks unless they follow one another.
Result<ChunkReadings> decode_block(const ChunkHeader& header, std::string_view payload) {
  PackedReader reader(payload);
  const auto size = reader.varint();
  if (!size) return size.error();
  const auto body = reader.bytes(*size);
  if (!body) return body.error();
  telemetry::v1::Block block;
  if (!block.ParseFromArray(body->data(), static_cast<int>(body->size())) || block.columns_size() != 1)
    return errc::storage_damaged;
  auto times = decode_block_times(block);
  if (!times) return times.error();
  auto values = decode_values(block.columns(0), header.count);
  if (!values) return values.error();
  if ((*times)->size() != header.count || type_of(*values) != header.type) return errc::storage_damaged;
  ChunkReadings readings{**times, std::move(*values), {}, header.first_rank};
  if (reader.at_end()) return readings;
  readings.ranks.resize(header.count);
  readings.ranks[0] = header.first_rank;
  for (std::size_t i = 1; i < readings.ranks.size(); ++i) {
    const auto step = reader.varint();
    if (!step) return step.error();
    readings.ranks[i] = readings.ranks[i - 1] + *step;
  }
  return readings;
}

Result<ChunkReadings> decode_packed(const ChunkHeader& header, std::string_view payload) {
  PackedReader reader(payload);
  ChunkReadings readings;
  if (auto done = reader.times(header.count, readings.times_us); !done) return done.error();
  auto values = reader.values(header.type, header.count);
  if (!values) return values.error();
  readings.values = std::move(*values);
  const auto kind = reader.byte();
  if (!kind || *kind > kListed) return errc::storage_damaged;
  readings.first_rank = header.first_rank;
  if (*kind == kListed) {
    std::vector<std::int64_t> steps;
    if (auto done = reader.integers(header.count - 1, steps); !done) return done.error();
    readings.ranks.resize(header.count);
    std::uint64_t rank = readings.ranks[0] = header.first_rank;
    for (std::size_t i = 0; i < steps.size(); ++i) readings.ranks[i + 1] = rank += static_cast<std::uint64_t>(steps[i]);
  }
  if (!reader.at_end()) return errc::storage_damaged;
  return readings;
}

}  // namespace

Result<ChunkReadings> decode_chunk(const ChunkHeader& header, std::string_view payload) {
  if (payload.empty() || header.count == 0) return errc::storage_damaged;
  const char version = payload.front();
  payload.remove_prefix(1);
  if (version == kPackedPayload) return decode_packed(header, payload);
  if (version == kBlockPayload) return decode_block(header, payload);
  return version > kPackedPayload ? errc::unsupported_version : errc::storage_damaged;
}

double ExactSum::value() const {
  const double total = sum_ + rest_;
  return std::isnan(total) ? sum_ : total;
}

}  // namespace hub::sqlite
