#include <algorithm>
#include <filesystem>

#include "device-agent/sensors/onewire.h"
#include "device-agent/sensors/sensor_advice.h"
#include "device-agent/sensors/system_files.h"

namespace agent {

void advise_onewire(const AdviceQuestion& question, std::vector<Advice>& out) {
  if (!question.onewire.enable) return;
  const std::string folder = question.root + "/sys/bus/w1/devices/";
  std::vector<std::string> masters, thermometers, without_driver;
  std::size_t ghosts = 0;
  for (const auto& entry : list_folder(folder)) {
    if (entry.rfind("w1_bus_master", 0) == 0) masters.push_back(entry);
    if (entry.rfind("00-", 0) == 0) ++ghosts;
    if (!is_thermometer(entry)) continue;
    thermometers.push_back(entry);
    bool is_readable = false;
    for (const char* file : {"temperature", "w1_slave"}) {
      const std::string path = folder + entry + "/" + file;
      std::error_code ec;
      if (!std::filesystem::exists(path, ec)) continue;
      is_readable = true;
      if (!may_read(question.user, path)) {
        out.push_back({AdviceLevel::bad, path + ": the user " + question.user.name + " may not read it",
                       "sudo chmod a+r " + path + " (a udev rule makes that last)"});
      }
      break;
    }
    if (!is_readable) without_driver.push_back(entry);
  }
  if (masters.empty()) {
    out.push_back({AdviceLevel::hint, "no 1-Wire bus, so no DS18B20",
                   config_txt_fix(question, "dtoverlay=w1-gpio") + " (data on GPIO 4, pin 7, with 4.7 kOhm to 3.3 V)"});
  } else if (thermometers.empty()) {
    out.push_back(
        {AdviceLevel::hint, "a 1-Wire bus with no thermometer on it",
         "data to GPIO 4 (pin 7), 4.7 kOhm from data to 3.3 V, ground to ground; then it is found within a minute"});
  }
  if (ghosts > 0) {
    out.push_back({AdviceLevel::bad, "the 1-Wire bus sees chips that are not there (00-…)",
                   "the data line floats: 4.7 kOhm from data to 3.3 V"});
  }
  if (!without_driver.empty()) {
    out.push_back({AdviceLevel::bad, without_driver[0] + ": a thermometer without a driver", "sudo modprobe w1-therm"});
  }
  if (!thermometers.empty()) {
    out.push_back({AdviceLevel::fine, std::to_string(thermometers.size()) + " of DS18B20's kind on 1-Wire", ""});
  }
  // Each takes 0.75 s, one after another, where they cannot be asked all at once.
  const double interval_s =
      question.onewire.interval_us > 0 ? static_cast<double>(question.onewire.interval_us) / 1e6 : 10;
  if (static_cast<double>(thermometers.size()) * 0.8 > interval_s && question.user.uid != 0) {
    out.push_back(
        {AdviceLevel::hint,
         std::to_string(thermometers.size()) + " thermometers take longer than onewire.interval one after another",
         "a longer interval, or let " + question.user.name +
             " write therm_bulk_read of /sys/bus/w1/devices/w1_bus_master* (docs/agent.md)"});
  }
  for (const auto& [id, name] : question.onewire.names) {
    if (std::find(thermometers.begin(), thermometers.end(), id) != thermometers.end()) continue;
    std::string there;
    for (std::size_t i = 0; i < thermometers.size() && i < 8; ++i) there += (i == 0 ? "" : ", ") + thermometers[i];
    out.push_back({AdviceLevel::bad, "onewire.names has \"" + id + "\" (" + name + "), which is not on the bus",
                   there.empty() ? "look at its wiring" : "one of these? " + there});
  }
}

}  // namespace agent
