#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iostream>

#include "base/clock.h"
#include "device-agent/cli_flags.h"
#include "device-agent/sensor_list.h"
#include "device-agent/sensors/disabled_series.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kLongestLook{30};  // of one bus, script …

std::string shown(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", *number);
    return text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

boost::json::value as_json(const Value& value) {
  return std::visit([](const auto& v) { return boost::json::value(v); }, value);
}

const char* type_name(ValueType type) {
  return type == ValueType::boolean ? "boolean" : type == ValueType::string ? "string" : "number";
}

std::string kind_of(const Sensor& sensor, const SeriesSpec* spec) {
  if (std::string kind = sensor.kind(); !kind.empty()) return kind;
  return spec != nullptr ? spec->name.substr(0, spec->name.find('.')) : sensor.identity();
}

std::string interval_text(std::int64_t us) {
  if (us == 0) return "-";
  return us % 1'000'000 == 0 ? std::to_string(us / 1'000'000) + "s" : std::to_string(us / 1'000) + "ms";
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
        if (look == 1) (void)sensors[i]->refresh(kLongestLook);
        if (sensors[i]->identity().empty()) samples[i].clear();  // a script's come once
        sensors[i]->sample({clock.now_us(), clock.boot_us()}, samples[i]);
      }
      if (look == 0) ::usleep(250'000);
    }
  }
  boost::json::array out;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    const Sensor& sensor = *sensors[i];
    const auto& series = sensor.series();
    const std::string problem = sensor.problem();
    const std::int64_t asked_us =
        sensor.interval_us() > 0 ? sensor.interval_us() : std::max(config->interval_us, sensor.least_interval_us());
    const std::int64_t interval_us = sensor.promised_us().value_or(asked_us);
    // A script says what it has when it is read.
    if (series.empty() && flags.json) out.push_back(boost::json::object{{"source", sensor.identity()}});
    if (series.empty() && !flags.json) {
      std::printf("%-40s %-9s %6s\n", sensor.identity().c_str(), kind_of(sensor, nullptr).c_str(),
                  interval_text(interval_us).c_str());
    }
    for (std::size_t k = 0; k < series.size(); ++k) {
      if (is_disabled_series(series[k].name, config->disabled)) continue;
      const Value* value = nullptr;
      for (const auto& sample : samples[i]) {
        if (sample.index == k) value = &sample.value;
      }
      const std::string kind = kind_of(sensor, &series[k]);
      if (flags.json) {
        boost::json::object entry{{"name", series[k].name},
                                  {"unit", series[k].unit},
                                  {"type", type_name(series[k].type)},
                                  {"kind", kind},
                                  {"interval_ms", interval_us / 1'000}};
        if (!series[k].label.empty()) entry["label"] = series[k].label;
        if (!problem.empty()) entry["problem"] = problem;
        if (read) entry["value"] = value != nullptr ? as_json(*value) : boost::json::value(nullptr);
        out.push_back(std::move(entry));
      } else {
        std::printf("%-40s %-9s %6s %14s %s%s%s\n", series[k].name.c_str(), kind.c_str(),
                    interval_text(interval_us).c_str(),
                    value != nullptr ? shown(*value).c_str()
                    : read           ? "-"
                                     : "",
                    series[k].unit.c_str(), series[k].label.empty() ? "" : "  # ", series[k].label.c_str());
      }
    }
    if (!problem.empty() && !flags.json) std::printf("  problem: %s\n", problem.c_str());
  }
  for (const auto& sensor : sensors) {
    // What has no series has no entry either in which it could stand.
    const std::string problem = read && flags.json ? sensor->problem() : std::string();
    if (!problem.empty()) std::fprintf(stderr, "device-agent: %s\n", problem.c_str());
  }
  if (flags.json) std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

}  // namespace agent
