// The target of a request, taken apart and percent-decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hub::web {

struct Target {
  std::vector<std::string> segments;                          // "/api/v1/hub" → api, v1, hub; "/" → none
  std::vector<std::pair<std::string, std::string>> query;     // in order; '+' stays '+'
  static std::optional<Target> parse(std::string_view text);  // nothing where it is not a valid origin-form target
};

}  // namespace hub::web
