// Whether the audit trail in a hub.db is as it was written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::sqlite {

/// A sentence for each place where the chain breaks; `entries` counts what was looked at. Reads every row. Whoever can
/// write the file can also write a whole new chain: its last hash, kept elsewhere, is what shows that.
Result<std::vector<std::string>> check_audit(HubDatabase& db, std::uint64_t& entries);

}  // namespace hub::sqlite
