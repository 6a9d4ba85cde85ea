// What may be a name: series, units, devices.
#include <algorithm>

#include "wire/frame_codec.h"

namespace wire {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_series_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == ':' || c == '-';
  });
}

bool is_unit(std::string_view unit) {
  return unit.size() <= 32 && is_utf8(unit) && std::none_of(unit.begin(), unit.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != ' ' && name.back() != ' ' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_alphanumeric(c) || c == ' ' || c == '_' || c == '.' || c == ':' || c == '-';
         });
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t more = 0;
    std::uint32_t point = 0;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if ((lead & 0xe0) == 0xc0) {
      more = 1, point = lead & 0x1fu;
    } else if ((lead & 0xf0) == 0xe0) {
      more = 2, point = lead & 0x0fu;
    } else if ((lead & 0xf8) == 0xf0) {
      more = 3, point = lead & 0x07u;
    } else {
      return false;
    }
    if (i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3fu);
    }
    constexpr std::uint32_t kLeast[4] = {0, 0x80, 0x800, 0x10000};  // shorter forms must be used
    if (point < kLeast[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += more + 1;
  }
  return true;
}

}  // namespace wire
