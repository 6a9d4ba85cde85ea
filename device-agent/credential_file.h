// DIR/credential.toml, read and written.
#pragma once

#include <optional>
#include <string>

#include "device-agent/link/credential.h"

namespace agent {

/// Nothing where the file is not there or not whole; `problem` says which.
std::optional<Credential> load_credential(const std::string& folder, std::string& problem);
base::Result<void> save_credential(const std::string& folder, const Credential& credential);

}  // namespace agent
