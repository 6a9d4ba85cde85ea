#include "hub/web/entity_tag.h"

namespace hub::web {
namespace {

/// Whether the comma-separated list names `tag`; `weakly`: W/ before a tag does not count.
bool names(std::string_view list, std::string_view tag, bool weakly) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view entry = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
    while (!entry.empty() && entry.back() == ' ') entry.remove_suffix(1);
    if (weakly && entry.starts_with("W/")) entry.remove_prefix(2);
    if (entry == "*" || entry == tag) return true;
  }
  return false;
}

}  // namespace

std::string entity_tag(std::uint32_t version) {
  return "\"" + std::to_string(version) + "\"";
}

bool if_match(std::string_view header, std::uint32_t version) {
  return header.empty() || names(header, entity_tag(version), false);
}

bool if_none_match(std::string_view header, std::string_view tag) {
  return !header.empty() && names(header, tag, true);
}

}  // namespace hub::web
