#include "device-agent/reports/report_reader.h"

#include "device-agent/reports/line_parsers.h"
#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

constexpr std::size_t kLongestLine = 64 * 1'024;
constexpr std::size_t kMostOfADocument = 4'096;

std::string parse_plain(std::string_view line, std::vector<Report>& out) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return {};
  auto value = plain_value(text);
  if (!value) return shown(text) + " is no finite number and no text of at most 1 KiB";
  out.push_back({{}, std::move(*value), {}, {}});
  return {};
}

std::string parse_line(ReportFormat format, std::string_view line, std::vector<Report>& out) {
  switch (format) {
    case ReportFormat::influx:
      return parse_influx_line(line, out);
    case ReportFormat::json:
      return parse_json(line, out);
    case ReportFormat::prometheus:
      return parse_prometheus_line(line, out);
    case ReportFormat::plain:
      break;
  }
  return parse_plain(line, out);
}

void note_bad(ReadReports& out, std::uint32_t line, const std::string& problem) {
  if (out.bad_lines++ == 0) out.problem = "line " + std::to_string(line) + ": " + problem;
}

}  // namespace

std::string shown(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) out.push_back(c >= ' ' && c < '\x7f' ? c : '?');
  return out + (text.size() > 40 ? "…\"" : "\"");
}

std::string ReadReports::all_problems() const {
  if (bad_lines < 2) return problem;
  return problem + " (and " + std::to_string(bad_lines - 1) + (bad_lines == 2 ? " more line)" : " more lines)");
}

void ReportReader::line(std::string_view text, ReadReports& out) {
  ++line_;
  const std::size_t before = out.reports.size();
  if (const std::string problem = parse_line(format_, text, out.reports); !problem.empty()) {
    out.reports.resize(before);
    note_bad(out, line_, problem);
  }
  out.lines.resize(out.reports.size(), line_);
}

void ReportReader::feed(std::string_view bytes, ReadReports& out) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (!in_overlong_ && partial_.size() + part.size() > kLongestLine) {
      in_overlong_ = true;
      partial_.clear();
      note_bad(out, ++line_, "longer than 64 KiB");
    }
    if (end == std::string_view::npos) {
      if (!in_overlong_) partial_ += part;
    } else if (in_overlong_) {
      in_overlong_ = false;
    } else if (partial_.empty()) {
      line(part, out);
    } else {
      partial_ += part;
      line(partial_, out);
      partial_.clear();
    }
  }
}

void ReportReader::end(ReadReports& out) {
  if (!partial_.empty()) line(partial_, out);
  partial_.clear();
  in_overlong_ = false;
}

ReadReports read_reports(ReportFormat format, std::string_view text) {
  ReadReports out;
  if (format == ReportFormat::json && parse_json(text, out.reports, kMostOfADocument).empty()) {
    out.lines.assign(out.reports.size(), 1);
    return out;
  }
  out.reports.clear();
  ReportReader reader(format);
  reader.feed(text, out);
  reader.end(out);
  if (format == ReportFormat::plain && out.reports.size() > 1) {
    note_bad(out, out.lines[1], "more than one value; the first one counts");
    out.bad_lines += out.reports.size() - 2;
    out.reports.resize(1);
    out.lines.resize(1);
  }
  return out;
}

}  // namespace agent
