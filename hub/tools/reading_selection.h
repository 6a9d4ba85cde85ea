// Which series of a data folder a command is about.
#pragma once

#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/storage/device_store.h"

namespace hub::tools {

struct ReadingSelection {
  std::vector<std::string> devices;   // ids or names; empty: all
  std::vector<std::string> patterns;  // of series names, '*' any run of characters; empty: all
};

struct SelectedSeries {
  std::string device_name;
  SeriesRecord series;
  bool is_first_of_device = false;  // of those selected: what concerns all of a device goes with it
};

/// In order of series ids, with all revisions. Problem names a device that is not there, or that nothing matches.
Outcome<std::vector<SelectedSeries>> select_series(const std::string& folder, const ReadingSelection& selection);

}  // namespace hub::tools
