// Readings written to a file or to stdout, series by series, in an order that can be taken up again.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "hub/tools/record_writer.h"

namespace hub::tools {

struct ExportWish {
  std::string folder;
  ReadingSelection selection;
  RecordFormat format = RecordFormat::csv;
  std::int64_t from_us = 0, to_us = 0;  // [from, to)
  std::string output;                   // empty: stdout
  bool resume = false;                  // go on where `output`.cursor says
  std::string cursor;                   // stdout: go on here
};

struct ExportReport {
  std::uint64_t readings = 0, gaps = 0, bytes = 0;  // of this run
  std::size_t series = 0;
  bool is_complete = false;
  std::string cursor;  // where to go on, if it was stopped
};

/// Each page is in the file before the cursor beside it says so, and a run that goes on cuts off what came behind: an
/// export that was interrupted in any way ends up as one that was not. Holds one page (50,000 readings). Ends early
/// once `stop` is set. `progress`: share of the series, and what is done.
Outcome<ExportReport> export_readings(const ExportWish& wish, const std::atomic<bool>& stop,
                                      const std::function<void(double share, const std::string&)>& progress);

}  // namespace hub::tools
