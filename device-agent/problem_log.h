// What hinders the sensors, told to the log without flooding it.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agent {

/// A problem is "WHO: WHAT". Logs a new WHO at once, another WHAT of the same one at most once a minute, and that one
/// is over when it has been gone for a minute: what comes and goes is told once. Holds as many as there are sensors.
class ProblemLog {
 public:
  explicit ProblemLog(std::shared_ptr<spdlog::logger> log) : log_(std::move(log)) {}
  void note(const std::vector<std::string>& problems, std::int64_t boot_us);

 private:
  struct Told {
    std::string text;
    std::int64_t told_us = 0, seen_us = 0;
  };
  std::shared_ptr<spdlog::logger> log_;
  std::map<std::string, Told> told_;  // by WHO
};

}  // namespace agent
