// Where scripts' readings come from: [[exec]], [[execd]], [[textfile]] and [push] of agent.toml.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "device-agent/process/child_process.h"
#include "device-agent/reports/report_sensor.h"

namespace agent {

/// What every kind of script says of its readings.
struct ReportConfig {
  std::string name;                          // before each name; of what has none, the name itself
  std::string unit;                          // of series that say none
  std::map<std::string, std::string> units;  // of single ones
};

/// A program that is run again and again, prints readings and ends.
struct ExecConfig {
  ReportConfig report;
  std::vector<std::string> run;          // no shell
  std::vector<std::string> environment;  // "NAME=VALUE"
  std::int64_t interval_us = 10'000'000, timeout_us = 10'000'000;
  ReportFormat format = ReportFormat::plain;
};

/// A program that stays and prints a line for each reading.
struct ExecdConfig {
  ReportConfig report;
  std::vector<std::string> run;
  std::vector<std::string> environment;
  std::int64_t interval_us = 0;         // how often it prints; 0: nobody knows
  std::int64_t timeout_us = 0;          // so long without a line, and it is started anew; 0: never
  std::int64_t restart_us = 1'000'000;  // after its first end; then twice as long each time, up to a minute
  ReportFormat format = ReportFormat::influx;
};

/// Files that something else writes.
struct TextfileConfig {
  ReportConfig report;
  std::string path;  // a file, a folder, or a folder and a pattern: "/run/sensors/*.prom"
  std::int64_t interval_us = 10'000'000, max_age_us = 3'600'000'000;
};

/// A Unix socket at which anything on this machine may report.
struct PushConfig {
  bool is_enabled = false;
  std::string socket;  // empty: push.sock in the runtime folder
  std::string group;   // who may besides the agent's user; empty: its group
};

std::unique_ptr<Sensor> make_exec_sensor(const ReportParts& parts, const ExecConfig& config);
std::unique_ptr<Sensor> make_execd_sensor(const ReportParts& parts, const ExecdConfig& config);
std::unique_ptr<Sensor> make_textfile_sensor(const ReportParts& parts, const TextfileConfig& config);
/// `socket`: its whole path.
std::unique_ptr<Sensor> make_push_sensor(const ReportParts& parts, const PushConfig& config, const std::string& socket);

/// Who a source is, for people and for Sensor::identity(): its kind, and its name, else its program or path.
std::string label_of(const ExecConfig& config);
std::string label_of(const ExecdConfig& config);
std::string label_of(const TextfileConfig& config);

std::string joined(const std::vector<std::string>& run);
/// What a script is started with: a small environment, its stderr apart.
ChildSetup script_setup(const std::vector<std::string>& run, const std::vector<std::string>& environment,
                        const std::string& name);
ReportRules rules_of(const ReportConfig& config, const std::string& label);

}  // namespace agent
