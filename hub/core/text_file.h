// Small files that must be whole: certificates, keys, the set-up address.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "hub/core/errc.h"

namespace hub {

/// Nothing where it cannot be read.
std::optional<std::string> read_text_file(const std::string& path);

/// Written beside, fsynced, renamed: after a crash either the old or the new file is there. Problem names path and
/// cause.
Outcome<bool> write_text_file(const std::string& path, const std::string& text, mode_t mode);

}  // namespace hub
