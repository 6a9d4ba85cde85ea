// Backups of a data folder: made while the hub goes on, verified, put back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "hub/core/errc.h"
#include "hub/core/ids.h"

namespace hub::tools {

struct BackupReport {
  Position head;  // every commit up to here is in it, and perhaps none behind
  std::string hub_id;
  std::int64_t made_at_us = 0;
  std::uint64_t files = 0, bytes = 0;  // before compression
  std::uint64_t file_bytes = 0;        // of the backup
  std::vector<std::string> missing;    // files of the folder that were missing: what they held is not in it
};

/// `share`: 0 … 1; `what`: the file it is at.
using BackupProgress = std::function<void(double share, const std::string& what)>;

/// Everything of the folder but logs: registry, readings, keys. Then reads the backup again and compares. `file` must
/// not exist. Needs as much room beside `file` as recent.db and hub.db take, for as long as it runs.
Outcome<BackupReport> make_backup(const std::string& folder, const std::string& file, std::int64_t now_us,
                                  const BackupProgress& progress);

/// Each file's checksum against the manifest at the end. Writes nothing.
Outcome<BackupReport> verify_backup(const std::string& file, const BackupProgress& progress);

/// Into `folder`, which must be missing or empty. The readings get a new journal epoch, since numbers of commits will
/// be given anew: whoever follows the hub starts over. Checked before the folder gets its name: a backup that is
/// damaged restores nothing.
Outcome<BackupReport> restore_backup(const std::string& file, const std::string& folder, base::Random& random,
                                     const BackupProgress& progress);

}  // namespace hub::tools
