#include "wire/frame_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>

#include "wire/decimals.h"

namespace wire {
namespace {

using telemetry::v1::Block;
using telemetry::v1::Column;

constexpr std::int64_t kTimeLimit = std::int64_t{1} << 62;

std::size_t varint_bytes(std::uint64_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}
std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}

}  // namespace

void encode_times(std::span<const std::int64_t> times_us, std::int64_t relative_to_us, Block& block) {
  block.set_base_us(times_us[0] - relative_to_us);
  block.set_count(static_cast<std::uint32_t>(times_us.size()));
  block.clear_jitter();
  block.set_step(0);
  block.set_unit_us(0);
  if (times_us.size() < 2) return;
  // The middle of the differences keeps most of the jitter column short, whatever a few outliers do.
  std::vector<std::int64_t> steps;
  steps.reserve(times_us.size() - 1);
  bool regular = true, whole_ms = true;
  for (std::size_t i = 1; i < times_us.size(); ++i) {
    steps.push_back(times_us[i] - times_us[i - 1]);
    regular = regular && steps.back() == steps.front();
    whole_ms = whole_ms && steps.back() % 1'000 == 0;
  }
  // Clocks that are read in milliseconds (most sensors) need a byte less a sample.
  block.set_unit_us(whole_ms ? 1'000 : 0);
  if (whole_ms) {
    for (auto& step : steps) step /= 1'000;
  }
  if (regular) {
    block.set_step(steps.front());
    return;
  }
  std::vector<std::int64_t> sorted = steps;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  block.set_step(*middle);
  auto& jitter = *block.mutable_jitter();
  jitter.Reserve(static_cast<int>(steps.size()));
  for (const std::int64_t step : steps) jitter.AddAlreadyReserved(step - *middle);
}

void encode_numbers(std::span<const double> values, Column& column) {
  column.clear_doubles();
  column.clear_decimals();
  column.clear_decimal_scale();
  auto& decimals = *column.mutable_decimals();
  decimals.Resize(static_cast<int>(values.size()), 0);
  if (const auto scale = find_decimals(values, {decimals.mutable_data(), values.size()})) {
    std::int64_t previous = 0;
    std::size_t bytes = *scale == 0 ? 0 : 2;
    for (auto& decimal : decimals) {
      const std::int64_t step = decimal - previous;
      previous = std::exchange(decimal, step);
      bytes += varint_bytes(zigzag(step));
    }
    if (bytes < values.size() * sizeof(double)) {
      column.set_decimal_scale(static_cast<std::uint32_t>(*scale));
      return;
    }
  }
  column.clear_decimals();
  column.mutable_doubles()->Add(values.begin(), values.end());
}

void encode_booleans(std::span<const std::uint8_t> values, Column& column) {
  std::string& bits = *column.mutable_bits();
  bits.assign((values.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) bits[i / 8] = static_cast<char>(bits[i / 8] | (1 << (i % 8)));
  }
}

void encode_strings(std::span<const std::string> values, Column& column) {
  column.clear_dictionary();
  column.clear_indices();
  std::unordered_map<std::string_view, std::uint32_t> known;
  for (const std::string& value : values) {
    const auto [it, fresh] = known.try_emplace(value, static_cast<std::uint32_t>(known.size()));
    if (fresh) column.add_dictionary(value);
    column.add_indices(it->second);
  }
}

void encode_coordinates(std::span<const double> triples, Column& column) {
  column.clear_coordinates();
  column.mutable_coordinates()->Add(triples.begin(), triples.end());
}

base::Result<void> decode_times(const Block& block, std::int64_t relative_to_us, const FrameLimits& limits,
                                std::vector<std::int64_t>& out) {
  out.clear();
  const std::size_t count = block.count();
  if (count == 0) return errc::malformed;
  if (count > limits.readings) return errc::too_large;
  const auto& jitter = block.jitter();
  if (!jitter.empty() && static_cast<std::size_t>(jitter.size()) != count - 1) return errc::malformed;
  std::int64_t t;
  if (__builtin_add_overflow(relative_to_us, block.base_us(), &t)) return errc::malformed;
  if (t > kTimeLimit || t < -kTimeLimit) return errc::malformed;
  out.resize(count);
  out[0] = t;
  const std::int64_t step = block.step();
  const std::int64_t unit = std::max<std::int64_t>(block.unit_us(), 1);
  if (unit > 1'000'000) return errc::malformed;
  if (step > kTimeLimit || step < -kTimeLimit) return errc::malformed;
  for (std::size_t i = 1; i < count; ++i) {
    const std::int64_t extra = jitter.empty() ? 0 : jitter[static_cast<int>(i - 1)];
    std::int64_t delta;
    if (__builtin_add_overflow(step, extra, &delta) || __builtin_mul_overflow(delta, unit, &delta) ||
        __builtin_add_overflow(t, delta, &t)) {
      return errc::malformed;
    }
    if (t > kTimeLimit || t < -kTimeLimit) return errc::malformed;
    out[i] = t;
  }
  return {};
}

base::Result<void> decode_numbers(const Column& column, std::size_t count, std::vector<double>& out) {
  const auto doubles = static_cast<std::size_t>(column.doubles_size());
  const auto decimals = static_cast<std::size_t>(column.decimals_size());
  if ((doubles != 0) == (decimals != 0) || doubles + decimals != count) return errc::malformed;
  if (doubles != 0) {
    out.assign(column.doubles().begin(), column.doubles().end());
    return {};
  }
  if (column.decimal_scale() >= static_cast<std::uint32_t>(kDecimalScales)) return errc::malformed;
  const double divisor = kDecimalPower[column.decimal_scale()];
  out.resize(count);
  constexpr auto kBound = std::int64_t{1} << 53;
  std::int64_t n = 0;
  const std::int64_t* delta = column.decimals().data();
  for (std::size_t i = 0; i < count; ++i) {
    if (__builtin_add_overflow(n, delta[i], &n) || n > kBound || n < -kBound) return errc::malformed;
    out[i] = static_cast<double>(n) / divisor;
  }
  return {};
}

base::Result<void> decode_booleans(const Column& column, std::size_t count, std::vector<std::uint8_t>& out) {
  const std::string& bits = column.bits();
  if (bits.size() != (count + 7) / 8) return errc::malformed;
  out.resize(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = (static_cast<std::uint8_t>(bits[i / 8]) >> (i % 8)) & 1u;
  return {};
}

base::Result<void> decode_strings(const Column& column, std::size_t count, const FrameLimits& limits,
                                  std::vector<std::string>& out) {
  if (static_cast<std::size_t>(column.indices_size()) != count) return errc::malformed;
  for (const auto& entry : column.dictionary()) {
    if (entry.size() > limits.string_bytes) return errc::too_large;
  }
  // A dictionary entry may be named by every index: the sum is bounded before anything is copied.
  std::size_t total = 0;
  for (const std::uint32_t index : column.indices()) {
    if (index >= static_cast<std::uint32_t>(column.dictionary_size())) return errc::malformed;
    total += column.dictionary(static_cast<int>(index)).size();
    if (total > 16 * 1024 * 1024) return errc::too_large;
  }
  out.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = column.dictionary(static_cast<int>(column.indices(static_cast<int>(i))));
  }
  return {};
}

base::Result<void> decode_coordinates(const Column& column, std::size_t count, std::vector<double>& triples) {
  if (static_cast<std::size_t>(column.coordinates_size()) != count * 3) return errc::malformed;
  triples.assign(column.coordinates().begin(), column.coordinates().end());
  return {};
}

}  // namespace wire
