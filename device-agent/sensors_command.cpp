#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "base/clock.h"
#include "device-agent/cli_flags.h"
#include "device-agent/sensor_list.h"
#include "device-agent/sensors/disabled_series.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kLongestLook{20};  // of one bus, script …

std::string value_text(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", *number);
    return text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

}  // namespace

int sensors_command(const Flags& flags, bool read) {
  const auto config = configuration(flags);
  if (!config) return kConfiguration;
  const Sensors sensors = list_sensors(*config);
  const base::SystemClock clock;
  std::vector<std::vector<Sample>> samples(sensors.size());
  if (read) {
    // Rates need two looks.
    for (const int look : {0, 1}) {
      for (std::size_t i = 0; i < sensors.size(); ++i) {
        samples[i].clear();
        if (look == 1) (void)sensors[i]->refresh(kLongestLook);
        sensors[i]->sample({clock.now_us(), clock.boot_us()}, samples[i]);
      }
      if (look == 0) ::usleep(250'000);
    }
  }
  boost::json::array out;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    const auto& series = sensors[i]->series();
    if (!read && series.empty() && !sensors[i]->identity().empty()) {
      // What a script reports is known when it has run.
      if (flags.json) {
        out.push_back(boost::json::object{{"source", sensors[i]->identity()}});
      } else {
        std::printf("(%s: `device-agent sensors read` runs it)\n", sensors[i]->identity().c_str());
      }
    }
    for (std::size_t k = 0; k < series.size(); ++k) {
      if (is_disabled_series(series[k].name, config->disabled)) continue;
      std::string value;
      for (const auto& sample : samples[i]) {
        if (sample.index == k) value = value_text(sample.value);
      }
      if (flags.json) {
        boost::json::object entry{{"name", series[k].name}, {"unit", series[k].unit}};
        if (read) entry["value"] = value;
        out.push_back(std::move(entry));
      } else {
        std::printf("%-40s %14s %s\n", series[k].name.c_str(), value.c_str(), series[k].unit.c_str());
      }
    }
  }
  for (const auto& sensor : sensors) {
    const std::string problem = read ? sensor->problem() : std::string();
    if (!problem.empty()) std::fprintf(stderr, "device-agent: %s\n", problem.c_str());
  }
  if (flags.json) std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

}  // namespace agent
