// Readings and gaps as lines of text.
#pragma once

#include <string>

#include "hub/core/reading.h"
#include "hub/storage/readings_store.h"
#include "hub/tools/reading_selection.h"

namespace hub::tools {

enum class RecordFormat { csv, ndjson };

/// "2026-11-23T10:00:00.500000Z"; 0 where `time_us` is 0 as "unknown time" is: empty.
void append_time(std::string& out, std::int64_t time_us);

/// CSV (RFC 4180): time,device,series,unit,value,gap_until,gap_count,gap_reason. A gap has no value, and no series
/// where it concerns all of the device; a location is "latitude longitude altitude". NDJSON:
/// {"time","device","series","unit","value"}, and {"gap":{"device","series","from","to","count","at_most",
/// "reason","reported_by"}}.
class RecordWriter {
 public:
  explicit RecordWriter(RecordFormat format) : format_(format) {}

  void append_header(std::string& out) const;
  void append_page(std::string& out, const SelectedSeries& series, const RawPage& page) const;
  void append_gap(std::string& out, const SelectedSeries& series, const Gap& gap) const;

 private:
  RecordFormat format_;
};

}  // namespace hub::tools
