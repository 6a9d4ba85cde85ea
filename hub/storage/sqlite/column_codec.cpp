#include "hub/storage/sqlite/column_codec.h"

#include <span>

#include "wire/frame_codec.h"

namespace hub::sqlite {
namespace {

// What is stored was admitted once; these only keep a damaged count from taking all memory.
constexpr wire::FrameLimits kStoredLimits{.readings = std::size_t{1} << 26, .string_bytes = std::size_t{1} << 24};

}  // namespace

void encode_values(const ValueColumn& values, telemetry::v1::Column& column) {
  switch (type_of(values)) {
    case ValueType::number:
      return wire::encode_numbers(std::get<0>(values), column);
    case ValueType::boolean:
      return wire::encode_booleans(std::get<1>(values), column);
    case ValueType::string:
      return wire::encode_strings(std::get<2>(values), column);
    case ValueType::location: {
      const auto& locations = std::get<3>(values);
      std::vector<double> triples;
      triples.reserve(locations.size() * 3);
      for (const auto& l : locations) triples.insert(triples.end(), {l.latitude, l.longitude, l.altitude});
      return wire::encode_coordinates(triples, column);
    }
  }
}

Result<ValueColumn> decode_values(const telemetry::v1::Column& column, std::size_t count) {
  if (column.indices_size() > 0) {
    std::vector<std::string> strings;
    if (!wire::decode_strings(column, count, kStoredLimits, strings)) return errc::storage_damaged;
    return ValueColumn(std::move(strings));
  }
  if (column.coordinates_size() > 0) {
    std::vector<double> triples;
    if (!wire::decode_coordinates(column, count, triples)) return errc::storage_damaged;
    std::vector<Location> locations(count);
    for (std::size_t i = 0; i < count; ++i) locations[i] = {triples[3 * i], triples[3 * i + 1], triples[3 * i + 2]};
    return ValueColumn(std::move(locations));
  }
  if (!column.bits().empty()) {
    std::vector<std::uint8_t> booleans;
    if (!wire::decode_booleans(column, count, booleans)) return errc::storage_damaged;
    return ValueColumn(std::move(booleans));
  }
  std::vector<double> numbers;
  if (!wire::decode_numbers(column, count, numbers)) return errc::storage_damaged;
  return ValueColumn(std::move(numbers));
}

Result<TimeColumn> decode_block_times(const telemetry::v1::Block& block) {
  auto times = std::make_shared<std::vector<std::int64_t>>();
  if (!wire::decode_times(block, 0, kStoredLimits, *times)) return errc::storage_damaged;
  return TimeColumn(std::move(times));
}

ValueColumn make_column(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return std::vector<std::uint8_t>();
    case ValueType::string:
      return std::vector<std::string>();
    case ValueType::location:
      return std::vector<Location>();
    case ValueType::number:
      break;
  }
  return std::vector<double>();
}

void append_value(ValueColumn& to, const ValueColumn& from, std::size_t i) {
  std::visit([&](auto& column) { column.push_back(std::get<std::remove_reference_t<decltype(column)>>(from)[i]); }, to);
}

}  // namespace hub::sqlite
