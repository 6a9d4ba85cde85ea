// Reports out of text as it comes, line by line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "device-agent/reports/report.h"

namespace agent {

/// What text was. A line with something wrong in it costs that line and nothing else.
struct ReadReports {
  std::vector<Report> reports;
  std::vector<std::uint32_t> lines;  // of each report: where it stands, from 1
  std::uint64_t bad_lines = 0;
  std::string problem;  // of the first bad line: "line 3: …"

  std::string all_problems() const;  // "line 3: … (and 7 more lines)"; empty: none
};

/// Splits into lines of at most 64 KiB (a longer one is thrown away up to its end, and counts as bad) and parses each.
/// Holds the beginning of a line, nothing else. Any bytes are safe.
class ReportReader {
 public:
  explicit ReportReader(ReportFormat format) : format_(format) {}

  void feed(std::string_view bytes, ReadReports& out);
  /// What stands behind the last newline is a line as well.
  void end(ReadReports& out);
  /// Nothing is held of a line that has begun.
  bool is_between_lines() const { return partial_.empty() && !in_overlong_; }
  void set_format(ReportFormat format) { format_ = format; }
  ReportFormat format() const { return format_; }

 private:
  void line(std::string_view text, ReadReports& out);

  ReportFormat format_;
  std::string partial_;
  std::uint32_t line_ = 0;
  bool in_overlong_ = false;
};

/// A whole text: what a program has printed or a file holds. JSON may be one value over many lines; of a plain text the
/// first line that is not empty counts, and another one is bad.
ReadReports read_reports(ReportFormat format, std::string_view text);

}  // namespace agent
