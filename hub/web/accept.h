// What a client accepts: Accept and Accept-Encoding by quality.
#pragma once

#include <string_view>

namespace hub::web {

/// The quality (0 … 1000) that `header` gives to `name`: the exact entry, else "type/*", else "*" or "*/*", else -1.
int accepted_quality(std::string_view header, std::string_view name);

/// True where CSV is named and at least as welcome as JSON.
bool prefers_csv(std::string_view accept);

}  // namespace hub::web
