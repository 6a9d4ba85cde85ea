// How chunks hold times and values: integers in groups of 128, each as bits above the group's least one. Pure.
// docs/storage-format.md is the reference; sizes and the choice of modes come from docs/performance.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"

namespace hub::sqlite {

void put_varint(std::string& out, std::uint64_t value);

/// Any 64-bit values; small differences within 128 neighbours make it small.
void pack_integers(std::span<const std::int64_t> values, std::string& out);
/// At least one, ascending, within ±2^61 µs. Around a steady grid, or as steps, in µs, ms or s: whatever is smaller.
void pack_times(std::span<const std::int64_t> times_us, std::string& out);
/// Bit-exact for every double. Constant, decimal (levels or steps), float or double patterns: whatever is smaller.
void pack_values(const ValueColumn& values, std::string& out);

/// Takes back what was packed, in the same order. What does not fit together is errc::storage_damaged; it never reads
/// past what it was given, nor takes memory for more than `count` values.
class PackedReader {
 public:
  explicit PackedReader(std::string_view packed);

  Result<std::uint64_t> varint();
  Result<std::uint8_t> byte();
  Result<std::string_view> bytes(std::uint64_t count);  // valid as long as this
  Result<void> integers(std::size_t count, std::vector<std::int64_t>& out);
  Result<void> times(std::size_t count, std::vector<std::int64_t>& out);
  Result<ValueColumn> values(ValueType type, std::size_t count);
  bool at_end() const { return at_ == size_; }

 private:
  std::size_t left() const { return size_ - at_; }
  Result<void> numbers(std::size_t count, std::vector<double>& out);
  Result<void> strings(std::size_t count, std::vector<std::string>& out);

  std::string padded_;  // so that the last bits can be read as whole words
  std::size_t at_ = 0, size_ = 0;
  std::vector<std::int64_t> scratch_;
};

}  // namespace hub::sqlite
