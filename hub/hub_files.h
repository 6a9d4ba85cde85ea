// hub.db opened for whoever composes a hub, with sentences instead of error codes.
#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "hub/core/errc.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub {

/// Problem names the file, what is wrong and what to do.
Outcome<std::unique_ptr<sqlite::HubDatabase>> open_hub_database(const std::string& folder);

/// Which hub this is: 16 hex digits, made once. Part of the certificate's fixed name hub-<id>.
Outcome<std::string> hub_id(sqlite::HubDatabase& db, base::Random& random);

}  // namespace hub
