// What a restored data folder needs before a hub may serve it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/core/errc.h"
#include "hub/core/ids.h"

namespace hub::sqlite {

/// Gives recent.db and the journal another epoch, durably: commits after the backup will be numbered again, so nobody
/// may go on from a position of the old epoch. What streams lack after commit `head`, the backup's last, is from then
/// on a gap of reason `restore`, since `made_at_us`. No hub may serve the folder.
std::optional<Problem> begin_new_epoch(const std::string& folder, const base::Id128& epoch, CommitNumber head,
                                       std::int64_t made_at_us);

}  // namespace hub::sqlite
