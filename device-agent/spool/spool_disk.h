// Whether the disk below the spool would take something, asked without writing.
#pragma once

#include <string>

namespace agent {

/// For people: "the disk of … is read-only", "… is full"; empty: neither, or it cannot be told. While the hub
/// acknowledges everything nothing is written, so a full disk would not be noticed before it is needed.
std::string disk_problem(const std::string& folder);

}  // namespace agent
