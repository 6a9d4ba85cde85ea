#include <algorithm>

#include "hub/identity/identity_state.h"

namespace hub {
namespace {

constexpr std::size_t kGroupsOfUser = 64;
constexpr std::int64_t kShortestTtl_us = 60 * 1'000'000LL;

// Characters, not bytes: eight Chinese characters are eight.
bool is_password(std::string_view password) {
  const auto characters = std::count_if(password.begin(), password.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return password.size() <= kPasswordBytes && characters >= 8 && characters <= 256;
}

}  // namespace

bool is_username(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '@' || c == '-';
  });
}

std::optional<Problem> check_password(const std::string& password, const char* field) {
  if (is_password(password)) return std::nullopt;
  return Problem{errc::invalid_argument, "A password has 8 to 256 characters.", field};
}

std::optional<Problem> check_new_user(const std::string& username, const std::string& password) {
  if (!is_username(username)) {
    return Problem{errc::invalid_argument, "A user name is 1 to 64 characters of A-Z, a-z, 0-9 and _ . @ -.",
                   "/username"};
  }
  return check_password(password, "/password");
}

std::optional<Problem> check_groups(std::vector<std::string>& groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  if (groups.size() > kGroupsOfUser) {
    return Problem{errc::too_large, "A user has at most 64 groups.", "/groups"};
  }
  for (const auto& group : groups) {
    if (group != kEveryDevice && !is_group_name(group)) {
      return Problem{errc::invalid_argument,
                     "\"" + group.substr(0, 64) + "\" cannot be a group of devices; * stands for every device.",
                     "/groups"};
    }
  }
  return std::nullopt;
}

std::optional<Problem> check_ttl(std::int64_t ttl_us, std::int64_t longest_us, const char* allowed) {
  if (ttl_us >= kShortestTtl_us && ttl_us <= longest_us) return std::nullopt;
  return Problem{errc::invalid_argument, std::string("ttl is ") + allowed + ".", "/ttl"};
}

}  // namespace hub
