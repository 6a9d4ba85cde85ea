// What a person should know about the sensors of this machine: what was found, what is missing, and the exact fix.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "device-agent/sensors/sensor.h"

namespace agent {

enum class AdviceLevel { fine, hint, bad };

/// A hint is about what this machine could have; bad is what is there, or is configured, and does not work.
struct Advice {
  AdviceLevel level;
  std::string what;
  std::string fix;  // empty where it is fine
};

/// Whose rights count: the user the service runs as, which need not be who asks.
struct ServiceUser {
  std::string name;
  uid_t uid = 0;
  std::vector<gid_t> groups;
};
/// "device-agent" where this machine has that user, else who runs this.
ServiceUser find_service_user();
/// By owner, group and mode; root may read all. A file that is not there: true.
bool may_read(const ServiceUser& user, const std::string& path);

struct AdviceQuestion {
  std::string root;  // as of detect_host_sensors()
  KindOptions host, iio, onewire;
  ServiceUser user;
  /// The name of the group that has a file; null: the system's.
  std::function<std::string(gid_t)> group_name;
};
/// Reads folders and small files only: no bus is touched, no chip probed.
std::vector<Advice> sensor_advice(const AdviceQuestion& question);

/// sensor_advice.cpp joins these.
void advise_hwmon(const AdviceQuestion& question, std::vector<Advice>& out);    // and thermal zones
void advise_i2c(const AdviceQuestion& question, std::vector<Advice>& out);      // and IIO
void advise_onewire(const AdviceQuestion& question, std::vector<Advice>& out);  // onewire_advice.cpp
void advise_devices(const AdviceQuestion& question, std::vector<Advice>& out);  // files in /dev, by groups

/// "add the line dtparam=i2c_arm=on to /boot/firmware/config.txt and restart" on a Raspberry Pi, where a line of that
/// file that is commented out is said too; for other machines what the line is about.
std::string config_txt_fix(const AdviceQuestion& question, const std::string& line);

}  // namespace agent
