// Randomness that is always the same byte: 0x00 is the lower end of every range, 0xff the upper.
#pragma once

#include <algorithm>

#include "base/random.h"

namespace fakes {

class FixedRandom final : public base::Random {
 public:
  explicit FixedRandom(std::uint8_t byte) : byte_(byte) {}
  void set(std::uint8_t byte) { byte_ = byte; }
  void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), byte_); }

 private:
  std::uint8_t byte_;
};

}  // namespace fakes
