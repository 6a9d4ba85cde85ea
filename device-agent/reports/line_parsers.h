// One line (or one JSON text) of each format. Used by report_reader.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "device-agent/reports/report.h"

namespace agent {

/// They append what the text says and return what is wrong with it; empty: nothing. Whoever calls takes back what was
/// appended by a text with something wrong. Of one text at most kMostReportsALine.
constexpr std::size_t kMostReportsALine = 256;
std::string parse_influx_line(std::string_view line, std::vector<Report>& out);
std::string parse_prometheus_line(std::string_view line, std::vector<Report>& out);
/// `most`: of a whole document more than of a line.
std::string parse_json(std::string_view text, std::vector<Report>& out, std::size_t most = kMostReportsALine);

/// The beginning of a text, for people: printable, at most 40 characters, in quotes.
std::string shown(std::string_view text);

}  // namespace agent
