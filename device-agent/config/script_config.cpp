#include <algorithm>

#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"

namespace agent {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

ReportConfig read_report(ConfigSection& s, const std::string& file) {
  ReportConfig report;
  report.name = s.text("name", "");
  const bool is_fit = std::all_of(report.name.begin(), report.name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == ':' || c == '-';
  });
  if (!is_fit || report.name.size() > 64) s.refuse("name", "may have letters, digits and _ . : -, at most 64");
  report.unit = s.text("unit", "");
  if (report.unit.size() > 32) s.refuse("unit", "may have at most 32 bytes");
  const toml::node* node = s.take("units");
  if (node == nullptr) return report;
  if (!node->is_table()) s.refuse("units", "must be a table: { temp = \"Cel\", hum = \"%\" }");
  for (const auto& [key, unit] : *node->as_table()) {
    if (!unit.is_string() || unit.as_string()->get().size() > 32) {
      fail(file, unit, "units." + std::string(key.str()), "must be a text in quotes, of at most 32 bytes");
    }
    report.units[std::string(key.str())] = unit.as_string()->get();
  }
  return report;
}

std::vector<std::string> read_program(ConfigSection& s) {
  auto run = s.texts("run");
  if (run.empty() || run[0].empty() || run[0][0] != '/')
    s.refuse("run", "must be [\"/absolute/program\", \"argument\", …]");
  return run;
}

std::vector<std::string> read_environment(ConfigSection& s) {
  auto environment = s.texts("environment");
  for (const auto& variable : environment) {
    if (variable.find('=') == std::string::npos || variable[0] == '=')
      s.refuse("environment", "must be a list such as [\"NAME=value\"]");
  }
  return environment;
}

ReportFormat read_format(ConfigSection& s, const char* otherwise) {
  const std::string format = s.text("format", otherwise);
  if (format == "plain") return ReportFormat::plain;
  if (format == "influx") return ReportFormat::influx;
  if (format == "json") return ReportFormat::json;
  if (format == "prometheus") return ReportFormat::prometheus;
  s.refuse("format", "must be plain, influx, json or prometheus");
}

void need_name(ConfigSection& s, const ReportConfig& report, ReportFormat format) {
  if (format == ReportFormat::plain && report.name.empty())
    s.refuse("name", "is needed where format is plain: it is the series' name");
}

}  // namespace

ExecConfig read_exec(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "exec.");
  ExecConfig c;
  c.report = read_report(s, file);
  c.run = read_program(s);
  c.environment = read_environment(s);
  c.interval_us = s.duration_us("interval", c.interval_us, 100'000, 24 * kHourUs);
  c.timeout_us = s.duration_us("timeout", c.timeout_us, 100'000, kHourUs);
  c.format = read_format(s, "plain");
  need_name(s, c.report, c.format);
  s.refuse_unknown();
  return c;
}

ExecdConfig read_execd(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "execd.");
  ExecdConfig c;
  c.report = read_report(s, file);
  c.run = read_program(s);
  c.environment = read_environment(s);
  c.interval_us = s.duration_us("interval", c.interval_us, 1'000, 24 * kHourUs);
  c.timeout_us = s.duration_us("timeout", c.timeout_us, 1'000'000, 24 * kHourUs);
  c.restart_us = s.duration_us("restart", c.restart_us, 100'000, kHourUs);
  c.format = read_format(s, "influx");
  need_name(s, c.report, c.format);
  s.refuse_unknown();
  return c;
}

TextfileConfig read_textfile(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "textfile.");
  TextfileConfig c;
  c.report = read_report(s, file);
  c.path = s.text("path", "");
  if (c.path.empty() || c.path[0] != '/') s.refuse("path", "must be an absolute file, folder or \"/folder/*.prom\"");
  c.interval_us = s.duration_us("interval", c.interval_us, 100'000, 24 * kHourUs);
  c.max_age_us = s.duration_us("max_age", c.max_age_us, 1'000'000, 999 * kHourUs);
  s.refuse_unknown();
  return c;
}

void read_push(const std::string& file, const toml::table& table, PushConfig& push) {
  ConfigSection s(file, table, "push.");
  push.is_enabled = s.flag("enable", push.is_enabled);
  push.socket = s.text("socket", push.socket);
  push.group = s.text("group", push.group);
  if (!push.socket.empty() && (push.socket[0] != '/' || push.socket.size() > 107))
    s.refuse("socket", "must be an absolute path of at most 107 bytes");
  s.refuse_unknown();
}

}  // namespace agent
