#include "hub/core/duration.h"

#include <charconv>

namespace hub {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t us;
};
constexpr Unit kUnits[] = {
    {"d", 86'400'000'000LL}, {"h", 3'600'000'000LL}, {"m", 60'000'000LL}, {"s", 1'000'000LL}, {"ms", 1'000LL}};

}  // namespace

std::optional<std::int64_t> duration_from_text(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || number < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : kUnits) {
    std::int64_t us;
    if (unit.name == name) return __builtin_mul_overflow(number, unit.us, &us) ? std::nullopt : std::optional(us);
  }
  return std::nullopt;
}

std::string duration_to_text(std::int64_t us) {
  if (us == 0) return "0s";
  for (const auto& unit : kUnits) {
    if (us % unit.us == 0) return std::to_string(us / unit.us) + std::string(unit.name);
  }
  return std::to_string(us / 1'000) + "ms";
}

}  // namespace hub
