// Looks whether everything in a data folder is what it should be: each checksum, sequence, cursor and catalogue entry.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hub/core/errc.h"

namespace hub::sqlite {

struct CheckReport {
  struct Finding {
    std::string file;  // relative to the folder
    std::string what;
  };
  static constexpr std::size_t kListed = 200;  // of each kind; past it they are only counted

  std::vector<Finding> faults;    // something is lost, or cannot be trusted
  std::vector<Finding> warnings;  // nothing is lost; somebody should know
  std::uint64_t fault_count = 0, warning_count = 0;
  std::uint64_t files = 0, chunks = 0, readings = 0, commits = 0, cursors = 0, devices = 0, series = 0,
                audit_entries = 0;

  void fault(std::string file, std::string what);
  void warn(std::string file, std::string what);
};

/// `share` of the work that is done, 0 … 1, and what is looked at; called now and then.
using CheckProgress = std::function<void(double share, const std::string& file)>;

/// Reads the whole folder, also while its hub runs: then as of one moment. On the calling thread, as long as it takes
/// to read every byte; holds one chunk, and twenty bytes a stream of a device. Problem: it is no hub's folder, or a
/// newer program's.
Outcome<CheckReport> check_folder(const std::string& folder, const CheckProgress& progress);

}  // namespace hub::sqlite
