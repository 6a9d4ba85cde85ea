// A machine made of files: /proc and /sys below a temporary folder, and its sensors asked by series name.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "device-agent/sensors/sensor.h"
#include "tests/fakes/temp_folder.h"

namespace agent {

class SensorTest : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path full = folder_.path() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }
  void take_away(const std::string& path) { std::filesystem::remove_all(folder_.path() + path); }
  void detect(const KindOptions& options = {}) { sensors_ = detect_host_sensors(folder_.path(), options); }
  void link(const std::string& path, const std::string& target) {
    const std::filesystem::path full = folder_.path() + path;
    std::filesystem::create_directories(full.parent_path());
    std::filesystem::create_symlink(folder_.path() + target, full);
  }
  void advance_seconds(double seconds) {
    now_.wall_us += static_cast<std::int64_t>(seconds * 1e6);
    now_.boot_us += static_cast<std::int64_t>(seconds * 1e6);
  }
  /// One look at every sensor; series without a sample are not in it.
  std::map<std::string, Value> sample() {
    std::map<std::string, Value> values;
    for (const auto& sensor : sensors_) {
      EXPECT_TRUE(sensor->refresh(std::chrono::seconds(20))) << sensor->identity();
      std::vector<Sample> samples;
      sensor->sample(now_, samples);
      for (const auto& s : samples) {
        EXPECT_LT(s.index, sensor->series().size());
        EXPECT_TRUE(values.emplace(sensor->series()[s.index].name, s.value).second) << "twice";
      }
    }
    return values;
  }
  static double number(const std::map<std::string, Value>& values, const std::string& name) {
    const auto it = values.find(name);
    return it == values.end() ? -12'345 : std::get<double>(it->second);
  }
  std::string problems() const {
    std::string all;
    for (const auto& sensor : sensors_) all += sensor->problem() + "\n";
    return all;
  }
  /// Series name to unit.
  std::map<std::string, std::string> series() const {
    std::map<std::string, std::string> found;
    for (const auto& sensor : sensors_) {
      for (const auto& spec : sensor->series()) found[spec.name] = spec.unit;
    }
    return found;
  }
  std::set<std::string> names_with(const std::string& prefix) const {
    std::set<std::string> found;
    for (const auto& [name, unit] : series()) {
      if (name.rfind(prefix, 0) == 0) found.insert(name);
    }
    return found;
  }

  fakes::TempFolder folder_;
  Sensors sensors_;
  SampleTime now_{1'700'000'000'000'000, 5'000'000};
};

}  // namespace agent
