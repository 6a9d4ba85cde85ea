// Series patterns of selectors and alert rules.
#pragma once

#include <string_view>

namespace hub {

/// '*' stands for any run of characters, also none; all else for itself. Takes at most |pattern| × |text| steps.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace hub
