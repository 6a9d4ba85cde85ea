// What is done when a data folder is opened: versions checked, journal files put in order, unsealed commits replayed.
#pragma once

#include <functional>
#include <vector>

#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/journal.h"

namespace hub::sqlite {

/// Gives the journal its segments and `replay` every commit after `sealed_through`, in order; answers the head.
/// What it replays is durable, also after a process that died between write and fsync. Commits that are missing, of
/// another hub's journal or damaged are a Problem that names the file: nothing is skipped silently.
Outcome<CommitNumber> recover_journal(const DataFolder& folder, const std::vector<DataFolder::SegmentFile>& files,
                                      const base::Id128& epoch, CommitNumber sealed_through, const OpenOptions& options,
                                      Journal& journal, const std::function<void(const CommitPtr&)>& replay);

}  // namespace hub::sqlite
