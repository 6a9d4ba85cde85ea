#include "hub/storage/sqlite/packed_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "wire/decimals.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kGroup = 128;
constexpr std::size_t kPadding = 16;
constexpr std::array<std::int64_t, 3> kUnits_us{1'000'000, 1'000, 1};

enum TimeMode : std::uint8_t { kGrid = 0, kSteps = 1 };
enum NumberMode : std::uint8_t { kConstant = 0, kLevels = 1, kChanges = 2, kFloats = 3, kDoubles = 4 };

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
/// Modulo 2^64, as the differences were taken.
std::int64_t add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::size_t bytes_of(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

struct GroupShape {
  std::int64_t least = 0;
  unsigned width = 0;
};
GroupShape shape_of(std::span<const std::int64_t> group) {
  // Not minmax_element, whose branches nobody can predict here.
  std::int64_t least = group.front(), most = least;
  for (const std::int64_t value : group) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  const auto range = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
  return {least, static_cast<unsigned>(std::bit_width(range))};
}

std::size_t packed_size(std::span<const std::int64_t> values) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < values.size(); i += kGroup) {
    const auto group = values.subspan(i, std::min(kGroup, values.size() - i));
    const auto shape = shape_of(group);
    const auto least_bits = static_cast<std::size_t>(std::bit_width(zigzag(shape.least) | 1));
    size += 1 + (least_bits + 6) / 7 + bytes_of(group.size(), shape.width);
  }
  return size;
}

std::uint64_t load(const char* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

void put_group(std::span<const std::int64_t> group, std::string& out) {
  const auto [least, width] = shape_of(group);
  put_varint(out, zigzag(least));
  out.push_back(static_cast<char>(width));
  const std::size_t begin = out.size(), bytes = bytes_of(group.size(), width);
  out.resize(begin + bytes + kPadding);
  char* const to = out.data() + begin;
  std::size_t bit = 0;
  for (const std::int64_t value : group) {
    const auto above = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(least);
    char* const word = to + bit / 8;
    const unsigned shift = bit % 8;
    const std::uint64_t low = load(word) | (above << shift);
    std::memcpy(word, &low, sizeof low);
    if (shift + width > 64) word[8] = static_cast<char>(above >> (64 - shift));
    bit += width;
  }
  out.resize(begin + bytes);
}

void take_group(const char* from, unsigned width, std::int64_t least, std::span<std::int64_t> group) {
  if (width == 0) return std::fill(group.begin(), group.end(), least);
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - width);
  std::size_t bit = 0;
  for (auto& value : group) {
    const char* const word = from + bit / 8;
    const unsigned shift = bit % 8;
    std::uint64_t above = load(word) >> shift;
    if (shift + width > 64) above |= std::uint64_t{static_cast<std::uint8_t>(word[8])} << (64 - shift);
    value = add(least, static_cast<std::int64_t>(above & mask));
    bit += width;
  }
}

/// times[i] − times[0] in whole units; false where they are not. The unit is a constant, so that nothing is divided.
template <std::int64_t kUnit_us>
bool to_units(std::span<const std::int64_t> times_us, std::vector<std::int64_t>& offsets) {
  for (std::size_t i = 0; i < times_us.size(); ++i) {
    const std::int64_t offset_us = times_us[i] - times_us[0];
    offsets[i] = offset_us / kUnit_us;
    if (offsets[i] * kUnit_us != offset_us) return false;
  }
  return true;
}

bool is_constant(std::span<const double> values) {
  const auto first = std::bit_cast<std::uint64_t>(values.front());
  return std::all_of(values.begin(), values.end(), [&](double v) { return std::bit_cast<std::uint64_t>(v) == first; });
}

bool is_float(double value) {
  const auto narrow = static_cast<float>(value);
  return std::bit_cast<std::uint64_t>(static_cast<double>(narrow)) == std::bit_cast<std::uint64_t>(value);
}

void pack_numbers(std::span<const double> values, std::string& out) {
  if (is_constant(values)) {
    out.push_back(kConstant);
    out.append(reinterpret_cast<const char*>(values.data()), sizeof(double));
    return;
  }
  std::vector<std::int64_t> integers(values.size());
  if (const auto scale = wire::find_decimals(values, integers)) {
    std::vector<std::int64_t> changes(integers.size() - 1);
    for (std::size_t i = 0; i < changes.size(); ++i) changes[i] = integers[i + 1] - integers[i];
    const bool by_changes = packed_size(changes) < packed_size(integers);
    out.push_back(by_changes ? kChanges : kLevels);
    out.push_back(static_cast<char>(*scale));
    if (!by_changes) return pack_integers(integers, out);
    put_varint(out, zigzag(integers.front()));
    return pack_integers(changes, out);
  }
  const bool floats = std::all_of(values.begin(), values.end(), is_float);
  out.push_back(floats ? kFloats : kDoubles);
  for (std::size_t i = 0; i < values.size(); ++i) {
    integers[i] = floats ? std::int64_t{std::bit_cast<std::int32_t>(static_cast<float>(values[i]))}
                         : std::bit_cast<std::int64_t>(values[i]);
  }
  pack_integers(integers, out);
}

void pack_strings(const std::vector<std::string>& strings, std::string& out) {
  std::unordered_map<std::string_view, std::int64_t> numbers;
  std::vector<std::string_view> dictionary;
  std::vector<std::int64_t> indices;
  indices.reserve(strings.size());
  for (const auto& text : strings) {
    const auto [at, fresh] = numbers.emplace(text, std::ssize(dictionary));
    if (fresh) dictionary.push_back(text);
    indices.push_back(at->second);
  }
  put_varint(out, dictionary.size());
  for (const auto text : dictionary) {
    put_varint(out, text.size());
    out += text;
  }
  pack_integers(indices, out);
}

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void pack_integers(std::span<const std::int64_t> values, std::string& out) {
  for (std::size_t i = 0; i < values.size(); i += kGroup)
    put_group(values.subspan(i, std::min(kGroup, values.size() - i)), out);
}

void pack_times(std::span<const std::int64_t> times_us, std::string& out) {
  put_varint(out, zigzag(times_us.front()));
  if (times_us.size() == 1) return;
  std::vector<std::int64_t> offsets(times_us.size());
  std::size_t unit = 0;
  if (!to_units<kUnits_us[0]>(times_us, offsets)) ++unit;
  if (unit == 1 && !to_units<kUnits_us[1]>(times_us, offsets)) ++unit;
  if (unit == 2) (void)to_units<kUnits_us[2]>(times_us, offsets);
  const std::int64_t step = offsets.back() / (std::ssize(offsets) - 1);
  std::vector<std::int64_t> grid(offsets.size() - 1), steps(offsets.size() - 1);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    grid[i] = offsets[i + 1] - static_cast<std::int64_t>(i + 1) * step;
    steps[i] = offsets[i + 1] - offsets[i];
  }
  const TimeMode mode = packed_size(steps) < packed_size(grid) ? kSteps : kGrid;
  out.push_back(static_cast<char>(mode * kUnits_us.size() + unit));
  if (mode == kSteps) return pack_integers(steps, out);
  put_varint(out, zigzag(step));
  pack_integers(grid, out);
}

void pack_values(const ValueColumn& values, std::string& out) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) return pack_numbers(*numbers, out);
  if (const auto* strings = std::get_if<std::vector<std::string>>(&values)) return pack_strings(*strings, out);
  if (const auto* booleans = std::get_if<std::vector<std::uint8_t>>(&values)) {
    return pack_integers(std::vector<std::int64_t>(booleans->begin(), booleans->end()), out);
  }
  const auto& locations = std::get<std::vector<Location>>(values);
  std::vector<double> coordinates(locations.size());
  for (const auto part : {&Location::latitude, &Location::longitude, &Location::altitude}) {
    std::transform(locations.begin(), locations.end(), coordinates.begin(), [&](const Location& l) { return l.*part; });
    pack_numbers(coordinates, out);
  }
}

PackedReader::PackedReader(std::string_view packed) : size_(packed.size()) {
  padded_.reserve(size_ + kPadding);
  padded_.assign(packed);
  padded_.append(kPadding, '\0');
}

Result<std::uint64_t> PackedReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && left() > 0; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(padded_[at_++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return errc::storage_damaged;
}

Result<std::uint8_t> PackedReader::byte() {
  if (left() == 0) return errc::storage_damaged;
  return static_cast<std::uint8_t>(padded_[at_++]);
}

Result<std::string_view> PackedReader::bytes(std::uint64_t count) {
  if (count > left()) return errc::storage_damaged;
  const std::string_view found(padded_.data() + at_, count);
  at_ += count;
  return found;
}

Result<void> PackedReader::integers(std::size_t count, std::vector<std::int64_t>& out) {
  out.clear();
  // `count` may be wrong; a group has two bytes at least.
  out.reserve(std::min(count, (left() / 2 + 1) * kGroup));
  for (std::size_t i = 0; i < count; i += kGroup) {
    const std::size_t readings = std::min(kGroup, count - i);
    const auto least = varint();
    const auto width = byte();
    if (!least || !width || *width > 64 || bytes_of(readings, *width) > left()) return errc::storage_damaged;
    out.resize(i + readings);
    take_group(padded_.data() + at_, *width, unzigzag(*least), std::span(out).subspan(i));
    at_ += bytes_of(readings, *width);
  }
  return {};
}

Result<void> PackedReader::times(std::size_t count, std::vector<std::int64_t>& out) {
  const auto first = varint();
  if (!first || count == 0) return errc::storage_damaged;
  std::int64_t time = unzigzag(*first);
  out.assign(1, time);
  if (count == 1) return {};
  const auto code = byte();
  if (!code || *code >= 2 * kUnits_us.size()) return errc::storage_damaged;
  const auto unit = static_cast<std::uint64_t>(kUnits_us[*code % kUnits_us.size()]);
  const bool on_grid = *code / kUnits_us.size() == kGrid;
  std::uint64_t step = 0;
  if (on_grid) {
    const auto read = varint();
    if (!read) return errc::storage_damaged;
    step = static_cast<std::uint64_t>(unzigzag(*read));
  }
  if (auto done = integers(count - 1, scratch_); !done) return done;
  out.resize(count);
  // Unsigned: what is damaged may overflow, and is found by the order.
  const auto origin = static_cast<std::uint64_t>(time);
  std::uint64_t away = 0;
  bool ascends = true;
  for (std::size_t i = 1; i < count; ++i) {
    const auto value = static_cast<std::uint64_t>(scratch_[i - 1]);
    away = on_grid ? i * step + value : away + value;
    out[i] = static_cast<std::int64_t>(origin + away * unit);
    ascends &= out[i] >= out[i - 1];
  }
  if (!ascends) return errc::storage_damaged;
  return {};
}

Result<void> PackedReader::numbers(std::size_t count, std::vector<double>& out) {
  const auto mode = byte();
  if (!mode) return mode.error();
  out.clear();
  if (*mode == kConstant) {
    if (left() < sizeof(double)) return errc::storage_damaged;
    out.assign(count, std::bit_cast<double>(load(padded_.data() + at_)));
    at_ += sizeof(double);
    return {};
  }
  if (*mode > kDoubles) return errc::storage_damaged;
  double power = 1;
  std::int64_t level = 0;
  if (*mode == kLevels || *mode == kChanges) {
    const auto scale = byte();
    if (!scale || *scale >= wire::kDecimalScales) return errc::storage_damaged;
    power = wire::kDecimalPower[*scale];
  }
  if (*mode == kChanges) {
    const auto first = varint();
    if (!first) return first.error();
    level = unzigzag(*first);
  }
  if (auto done = integers(*mode == kChanges ? count - 1 : count, scratch_); !done) return done;
  out.resize(count);
  switch (*mode) {
    case kLevels:
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(scratch_[i]) / power;
      break;
    case kChanges:
      out[0] = static_cast<double>(level) / power;
      for (std::size_t i = 1; i < count; ++i) {
        level = add(level, scratch_[i - 1]);
        out[i] = static_cast<double>(level) / power;
      }
      break;
    case kFloats:
      for (std::size_t i = 0; i < count; ++i) out[i] = std::bit_cast<float>(static_cast<std::int32_t>(scratch_[i]));
      break;
    default:
      for (std::size_t i = 0; i < count; ++i) out[i] = std::bit_cast<double>(scratch_[i]);
  }
  return {};
}

Result<void> PackedReader::strings(std::size_t count, std::vector<std::string>& out) {
  const auto size = varint();
  if (!size || *size > count) return errc::storage_damaged;
  std::vector<std::string_view> dictionary;
  for (std::uint64_t i = 0; i < *size; ++i) {
    const auto length = varint();
    if (!length) return length.error();
    const auto text = bytes(*length);
    if (!text) return text.error();
    dictionary.push_back(*text);
  }
  if (auto done = integers(count, scratch_); !done) return done;
  out.reserve(count);
  for (const std::int64_t index : scratch_) {
    if (index < 0 || index >= std::ssize(dictionary)) return errc::storage_damaged;
    out.emplace_back(dictionary[static_cast<std::size_t>(index)]);
  }
  return {};
}

Result<ValueColumn> PackedReader::values(ValueType type, std::size_t count) {
  if (count == 0) return errc::storage_damaged;
  switch (type) {
    case ValueType::number: {
      std::vector<double> out;
      if (auto done = numbers(count, out); !done) return done.error();
      return ValueColumn(std::move(out));
    }
    case ValueType::boolean: {
      if (auto done = integers(count, scratch_); !done) return done.error();
      if (std::any_of(scratch_.begin(), scratch_.end(), [](std::int64_t v) { return v != 0 && v != 1; }))
        return errc::storage_damaged;
      return ValueColumn(std::vector<std::uint8_t>(scratch_.begin(), scratch_.end()));
    }
    case ValueType::string: {
      std::vector<std::string> out;
      if (auto done = strings(count, out); !done) return done.error();
      return ValueColumn(std::move(out));
    }
    case ValueType::location: {
      std::vector<Location> out(count);
      std::vector<double> coordinates;
      for (const auto part : {&Location::latitude, &Location::longitude, &Location::altitude}) {
        if (auto done = numbers(count, coordinates); !done) return done.error();
        for (std::size_t i = 0; i < count; ++i) out[i].*part = coordinates[i];
      }
      return ValueColumn(std::move(out));
    }
  }
  return errc::storage_damaged;
}

}  // namespace hub::sqlite
