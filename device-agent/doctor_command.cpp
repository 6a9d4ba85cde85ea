#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "device-agent/cli_flags.h"
#include "device-agent/credential_file.h"
#include "device-agent/sensor_list.h"
#include "device-agent/sensors/sensor_advice.h"
#include "device-agent/status_file.h"

namespace agent {

/// What was looked at, what was found, and the fix where it is wrong.
int doctor_command(const Flags& flags) {
  int bad = 0;
  const auto say = [&bad](bool ok, const std::string& what, const std::string& fix) {
    std::printf("%s %s%s%s\n", ok ? "ok  " : "BAD ", what.c_str(), ok ? "" : "\n     fix: ", ok ? "" : fix.c_str());
    if (!ok) ++bad;
  };
  std::string problem;
  AgentConfig config;
  const bool readable = read_config(config_path(flags), config, problem);
  say(readable, readable ? "configuration" : problem,
      "correct the file; `device-agent config default` shows every key");
  const auto credential = load_credential(flags.state_folder, problem);
  say(credential.has_value(), credential ? "credential for " + credential->host : problem,
      "device-agent enroll https://HUB:8443 TOKEN --ca-sha256 FINGERPRINT");
  const base::SystemClock clock;
  say(clock.synchronised(), "clock is synchronised", "enable a time service: timedatectl set-ntp true");
  const auto sensors = list_sensors(config);
  say(!sensors.empty(), std::to_string(sensors.size()) + " sensors found", "is /proc mounted?");
  // A look at what the buses give, so that a chip that is there and does not answer is seen.
  std::vector<Sample> samples;
  for (const auto& sensor : sensors) {
    (void)sensor->refresh(std::chrono::seconds(5));
    sensor->sample({clock.now_us(), clock.boot_us()}, samples);
    if (const std::string trouble = sensor->problem(); !trouble.empty())
      say(false, trouble, "look at the chip's wiring and supply; `sudo dmesg` has what the kernel says of it");
  }
  for (const auto& advice :
       sensor_advice({config.root, config.host, config.iio, config.onewire, find_service_user(), nullptr})) {
    if (advice.level == AdviceLevel::hint)
      std::printf("hint %s\n     fix: %s\n", advice.what.c_str(), advice.fix.c_str());
    else
      say(advice.level == AdviceLevel::fine, advice.what, advice.fix);
  }
  std::error_code ec;
  const auto space = std::filesystem::space(std::filesystem::exists(flags.state_folder) ? flags.state_folder : "/", ec);
  say(!ec && space.available > config.spool_bytes, "disk has room for the spool",
      "free some space, or set spool_max in [agent] lower");
  const auto status = read_status(flags.state_folder);
  if (!status || !status->is_running) {
    say(true, "no agent runs with this state folder now", "");
  } else {
    say(status->state == "connected", "the running agent's link: " + status->state,
        "is the hub up, and reached from here under the name in credential.toml? the agent's log says more");
    say(status->problem.empty(), status->problem.empty() ? "its spool can be written" : status->problem,
        "free some space, or mend the disk; readings are kept in memory meanwhile");
  }
  return bad == 0 ? 0 : 1;
}

}  // namespace agent
