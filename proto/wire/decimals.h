// Doubles that are decimals in truth: what sensors send. Pure; used by the frame codec and by the hub's chunks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace wire {

inline constexpr int kDecimalScales = 23;
inline constexpr double kDecimalPower[kDecimalScales] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// The smallest scale at which every value is out[i] / 10^scale bit for bit, |out[i]| ≤ 2^53; nothing where there is
/// none (then `out` holds anything). `out` is as long as `values`.
std::optional<int> find_decimals(std::span<const double> values, std::span<std::int64_t> out);

}  // namespace wire
