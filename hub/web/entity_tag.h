// ETag and If-Match of objects that carry a version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hub::web {

std::string entity_tag(std::uint32_t version);  // "\"3\""

/// Whether an If-Match header lets version `version` through: absent or "*" always, else one of its strong tags must be
/// it.
bool if_match(std::string_view header, std::uint32_t version);

/// Whether an If-None-Match header names `tag`, weakly compared.
bool if_none_match(std::string_view header, std::string_view tag);

}  // namespace hub::web
