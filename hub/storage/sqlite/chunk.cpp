#include "hub/storage/sqlite/chunk.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hub/storage/sqlite/column_codec.h"
#include "wire/frame_codec.h"

namespace hub::sqlite {
namespace {

constexpr char kPayloadVersion = 1;

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Takes a varint off the front; false where there is none.
bool take_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

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
  header.first_rank = readings.ranks.front();
  header.last_rank = readings.ranks.back();
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

std::string encode_chunk(SeriesId series, const ChunkReadings& readings) {
  telemetry::v1::Block block;
  wire::encode_times(readings.times_us, 0, block);
  auto* column = block.add_columns();
  column->set_series(raw(series));
  encode_values(readings.values, *column);
  const std::string body = block.SerializeAsString();
  std::string payload(1, kPayloadVersion);
  put_varint(payload, body.size());
  payload += body;
  const auto& ranks = readings.ranks;
  if (ranks.back() - ranks.front() + 1 == ranks.size()) return payload;
  for (std::size_t i = 1; i < ranks.size(); ++i) put_varint(payload, ranks[i] - ranks[i - 1]);
  return payload;
}

Result<ChunkReadings> decode_chunk(const ChunkHeader& header, std::string_view payload) {
  if (payload.empty()) return errc::storage_damaged;
  if (payload.front() > kPayloadVersion) return errc::unsupported_version;
  payload.remove_prefix(1);
  std::uint64_t size = 0;
  if (!take_varint(payload, size) || size > payload.size()) return errc::storage_damaged;
  telemetry::v1::Block block;
  if (!block.ParseFromArray(payload.data(), static_cast<int>(size)) || block.columns_size() != 1)
    return errc::storage_damaged;
  payload.remove_prefix(size);
  auto times = decode_block_times(block);
  if (!times) return times.error();
  auto values = decode_values(block.columns(0), header.count);
  if (!values) return values.error();
  if ((*times)->size() != header.count || type_of(*values) != header.type) return errc::storage_damaged;
  ChunkReadings readings{**times, std::move(*values), {}};
  readings.ranks.resize(header.count);
  std::uint64_t rank = header.first_rank;
  const bool listed = !payload.empty();
  for (std::size_t i = 0; i < readings.ranks.size(); ++i) {
    std::uint64_t step = i == 0 ? 0 : 1;
    if (listed && i > 0 && !take_varint(payload, step)) return errc::storage_damaged;
    readings.ranks[i] = rank += step;
  }
  return readings;
}

void ExactSum::add(double value) {
  const double total = sum_ + value;
  rest_ += std::abs(sum_) >= std::abs(value) ? (sum_ - total) + value : (value - total) + sum_;
  sum_ = total;
}

double ExactSum::value() const {
  const double total = sum_ + rest_;
  return std::isnan(total) ? sum_ : total;
}

}  // namespace hub::sqlite
