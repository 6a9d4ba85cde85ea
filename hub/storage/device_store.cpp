#include "hub/storage/device_store.h"

#include <algorithm>

namespace hub {
namespace {

constexpr std::size_t kTags = 64;
constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kValueBytes = 256;

bool is_key(const std::string& key) {
  return !key.empty() && key.size() <= kKeyBytes && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':' || c == '-';
  });
}

bool is_value(const std::string& value) {
  return value.size() <= kValueBytes && std::all_of(value.begin(), value.end(), [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

}  // namespace

std::optional<Problem> check_tags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > kTags) return Problem{errc::invalid_argument, "A device has at most 64 tags.", "/tags"};
  for (const auto& [key, value] : tags) {
    if (!is_key(key)) {
      return Problem{errc::invalid_argument, "A tag's key is 1 to 64 characters of A-Z, a-z, 0-9 and _ . : -.",
                     "/tags"};
    }
    if (!is_value(value)) {
      return Problem{errc::invalid_argument,
                     "The value of tag " + key + " is longer than 256 bytes or has control characters.",
                     "/tags/" + key};
    }
  }
  return std::nullopt;
}

bool is_group_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::optional<Problem> check_group(const GroupRecord& group) {
  if (!is_group_name(group.name))
    return Problem{errc::invalid_argument, "A group's name is 1 to 32 characters of a-z, 0-9, _ and -.", "/name"};
  // No tag at all would mean every device: that is too much to say by leaving something out.
  if (group.tags.empty()) return Problem{errc::invalid_argument, "A group has one tag at least.", "/tags"};
  return check_tags(group.tags);
}

}  // namespace hub
