// The randomness seam.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace base {

/// A source of random bytes. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t next_u64();
  /// Uniform in [0, 1).
  double next_unit();
  std::array<std::uint8_t, 16> next_id();
};

/// The kernel's generator (getrandom); ends the process if the kernel has none, which does not happen after boot.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// Repeatable, for simulations and tests; not for secrets. SplitMix64.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace base
