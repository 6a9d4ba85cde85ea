#include "device-agent/sensors/sensor_advice.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "device-agent/sensors/iio.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostNamed = 8;  // in one line

bool advice_file_exists(const std::string& path) {
  std::error_code ec;
  return std::filesystem::exists(path, ec);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostNamed; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kMostNamed ? text + " and " + std::to_string(names.size() - kMostNamed) + " more" : text;
}

std::string counted(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string group_name_of(const AdviceQuestion& question, gid_t gid) {
  if (question.group_name) return question.group_name(gid);
  const struct group* found = ::getgrgid(gid);
  return found != nullptr ? found->gr_name : std::to_string(gid);
}

/// The first file of a chip that the service may not read.
void advise_unreadable(const AdviceQuestion& question, const std::string& folder, std::vector<Advice>& out) {
  for (const auto& file : list_folder(folder)) {
    const bool is_value = file.find("_input") != std::string::npos || file.find("_raw") != std::string::npos;
    if (!is_value || may_read(question.user, folder + "/" + file)) continue;
    out.push_back({AdviceLevel::bad, folder + "/" + file + ": the user " + question.user.name + " may not read it",
                   "sudo chmod a+r " + folder + "/" + file + " (a udev rule makes that last)"});
    return;
  }
}

std::string config_txt_path(const AdviceQuestion& question) {
  for (const char* path : {"/boot/firmware/config.txt", "/boot/config.txt"}) {
    if (advice_file_exists(question.root + path)) return path;
  }
  return "/boot/firmware/config.txt";
}

bool is_raspberry_pi(const AdviceQuestion& question) {
  return read_line(question.root + "/proc/device-tree/model").value_or("").rfind("Raspberry Pi", 0) == 0;
}

}  // namespace

ServiceUser find_service_user() {
  ServiceUser user;
  const struct passwd* found = ::getpwnam("device-agent");
  if (found == nullptr) found = ::getpwuid(::geteuid());
  if (found == nullptr) return {std::to_string(::geteuid()), ::geteuid(), {::getegid()}};
  user.name = found->pw_name;
  user.uid = found->pw_uid;
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(found->pw_name, found->pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    (void)::getgrouplist(found->pw_name, found->pw_gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return user;
}

bool may_read(const ServiceUser& user, const std::string& path) {
  struct stat s {};
  if (user.uid == 0 || ::stat(path.c_str(), &s) != 0) return true;
  if (s.st_uid == user.uid) return (s.st_mode & S_IRUSR) != 0;
  const bool is_member = std::find(user.groups.begin(), user.groups.end(), s.st_gid) != user.groups.end();
  return (s.st_mode & (is_member ? S_IRGRP : S_IROTH)) != 0;
}

std::string config_txt_fix(const AdviceQuestion& question, const std::string& line) {
  if (!is_raspberry_pi(question))
    return "have the device tree or the firmware describe it (Raspberry Pi: " + line + ")";
  const std::string path = config_txt_path(question);
  const std::string text = read_file(question.root + path).value_or("");
  std::size_t at = text.find(line);
  while (at != std::string::npos && at > 0 && text[at - 1] != '\n') {
    if (text[at - 1] == '#') return "remove the # before " + line + " in " + path + " and restart";
    at = text.find(line, at + 1);
  }
  if (at != std::string::npos) return line + " stands in " + path + " already: restart, then see `sudo dmesg`";
  return "echo " + line + " | sudo tee -a " + path + " && sudo reboot";
}

void advise_hwmon(const AdviceQuestion& question, std::vector<Advice>& out) {
  std::vector<std::string> zones, chips;
  const std::string thermal = question.root + "/sys/class/thermal", hwmon = question.root + "/sys/class/hwmon";
  for (const auto& zone : list_folder(thermal)) {
    if (zone.rfind("thermal_zone", 0) == 0) zones.push_back(read_line(thermal + "/" + zone + "/type").value_or(zone));
  }
  bool knows_supply = false;
  for (const auto& chip : list_folder(hwmon)) {
    chips.push_back(read_line(hwmon + "/" + chip + "/name").value_or(chip));
    knows_supply = knows_supply || advice_file_exists(hwmon + "/" + chip + "/in0_lcrit_alarm");
    if (const auto low = read_number(hwmon + "/" + chip + "/in0_lcrit_alarm"); low && *low != 0) {
      out.push_back({AdviceLevel::bad, "the supply is too weak (under-voltage)",
                     "use the official power supply, a short thick cable, and feed USB disks on their own"});
    }
    advise_unreadable(question, hwmon + "/" + chip, out);
  }
  if (!zones.empty())
    out.push_back({AdviceLevel::fine, counted(zones.size(), "thermal zone") + ": " + joined(zones), ""});
  if (!chips.empty())
    out.push_back({AdviceLevel::fine, counted(chips.size(), "hwmon chip") + ": " + joined(chips), ""});
  if (is_raspberry_pi(question) && !knows_supply) {
    out.push_back({AdviceLevel::hint, "nothing tells whether the supply is too weak",
                   "sudo modprobe raspberrypi-hwmon (on a Raspberry Pi 5 the kernel has no such chip)"});
  }
}

void advise_i2c(const AdviceQuestion& question, std::vector<Advice>& out) {
  if (!question.iio.enable) return;
  const std::string devices = question.root + "/sys/bus/i2c/devices";
  std::size_t adapters = 0;
  for (const auto& device : list_folder(devices)) {
    const std::string folder = devices + "/" + device;
    if (device.rfind("i2c-", 0) == 0) {
      ++adapters;
    } else if (advice_file_exists(folder + "/name") && !advice_file_exists(folder + "/driver")) {
      const std::string name = read_line(folder + "/name").value_or("");
      if (name == "dummy") continue;
      out.push_back({AdviceLevel::bad, "I2C device " + device + " (" + name + ") has no driver",
                     "sudo modprobe " + read_line(folder + "/modalias").value_or("i2c:" + name) +
                         "; if that finds no module, the kernel has no driver for it"});
    }
  }
  const auto chips = list_iio_chips(question.root);
  std::vector<std::string> names;
  for (const auto& chip : chips) {
    names.push_back(chip.label.empty() ? chip.name + (chip.address.empty() ? "" : "." + chip.address) : chip.label);
    advise_unreadable(question, question.root + "/sys/bus/iio/devices/" + chip.entry, out);
  }
  if (!chips.empty()) {
    out.push_back({AdviceLevel::fine, counted(chips.size(), "IIO chip") + ": " + joined(names), ""});
  } else if (adapters == 0) {
    out.push_back({AdviceLevel::hint, "no I2C bus, so no chip on it (BME280, BH1750, ADS1115 …)",
                   config_txt_fix(question, "dtparam=i2c_arm=on")});
  } else {
    out.push_back({AdviceLevel::hint, "no IIO chip is bound to a driver (BME280, BH1750, ADS1115 …)",
                   "name it to the kernel; for a BME280 at address 0x76: " +
                       config_txt_fix(question, "dtoverlay=i2c-sensor,bme280") +
                       "; addresses are shown by `i2cdetect -y 1` (package i2c-tools)"});
  }
  for (const auto& [key, name] : question.iio.names) {
    const bool found = std::any_of(chips.begin(), chips.end(), [k = key](const IioChip& chip) {
      return k == chip.name || k == chip.address || k == chip.label || k == chip.name + "." + chip.address ||
             k.rfind("iio.", 0) == 0;
    });
    if (found) continue;
    out.push_back({AdviceLevel::bad, "iio.names has \"" + key + "\" (" + name + "), and there is no such chip",
                   names.empty() ? "look at its wiring and address" : "one of these? " + joined(names)});
  }
}

void advise_devices(const AdviceQuestion& question, std::vector<Advice>& out) {
  const struct {
    const char *prefix, *what;
  } kinds[] = {{"i2c-", "scripts that talk to I2C chips themselves"},
               {"spidev", "scripts that talk to SPI chips themselves"},
               {"gpiochip", "GPIO lines"},
               {"vcio", "vcgencmd"},
               {"ttyUSB", "scripts that read a serial port"},
               {"ttyACM", "scripts that read a serial port"}};
  std::set<std::string> said;  // a group once
  for (const auto& name : list_folder(question.root + "/dev")) {
    const std::string path = question.root + "/dev/" + name;
    for (const auto& kind : kinds) {
      struct stat s {};
      if (name.rfind(kind.prefix, 0) != 0 || may_read(question.user, path) || ::stat(path.c_str(), &s) != 0) continue;
      const std::string group = group_name_of(question, s.st_gid);
      if (!said.insert(group).second) continue;
      const bool is_of_use = group != "root" && (s.st_mode & S_IRGRP) != 0;
      out.push_back(
          {AdviceLevel::hint,
           "the user " + question.user.name + " may not open /dev/" + name + ", which is needed for " + kind.what,
           is_of_use
               ? "sudo usermod -aG " + group + " " + question.user.name + " && sudo systemctl restart device-agent"
               : "sudo chmod g+rw /dev/" + name + " and give it a group, by a udev rule"});
    }
  }
}

std::vector<Advice> sensor_advice(const AdviceQuestion& question) {
  std::vector<Advice> out;
  if (question.host.enable) advise_hwmon(question, out);
  advise_i2c(question, out);
  advise_onewire(question, out);
  advise_devices(question, out);
  return out;
}

}  // namespace agent
