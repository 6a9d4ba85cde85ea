#include "hub/core/duration.h"

#include <array>
#include <charconv>

namespace hub {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t us;
};
constexpr std::array<Unit, 7> kUnits{{{"w", 604'800'000'000},
                                      {"d", 86'400'000'000},
                                      {"h", 3'600'000'000},
                                      {"m", 60'000'000},
                                      {"s", 1'000'000},
                                      {"ms", 1'000},
                                      {"us", 1}}};
constexpr std::int64_t kLongestUs = (std::int64_t{1} << 53) - 1;

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (ec != std::errc()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : kUnits) {
    if (unit.name != name) continue;
    if (count > static_cast<std::uint64_t>(kLongestUs / unit.us)) return std::nullopt;
    return static_cast<std::int64_t>(count) * unit.us;
  }
  return std::nullopt;
}

std::string format_duration(std::int64_t duration_us) {
  if (duration_us == 0) return "0s";
  // Not weeks: "7d" is what people write for a week.
  std::size_t i = 1;
  while (duration_us % kUnits[i].us != 0) ++i;
  return std::to_string(duration_us / kUnits[i].us) + std::string(kUnits[i].name);
}

}  // namespace hub
