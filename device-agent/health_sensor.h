// What the agent says of itself, as series beside those of the machine: agent.*
#pragma once

#include <functional>
#include <string>

#include "device-agent/sensors/sensor.h"

namespace agent {

struct AgentHealth {
  double held_frames = 0;       // not acknowledged by the hub
  double spool_bytes = 0;       // on disk
  double spool_written = 0;     // into the spool's files, since the start
  double dropped_readings = 0;  // since the start
  double overruns = 0;          // samplings that came more than an interval late, since the start
  bool is_clock_synchronised = false;
  std::string problems;  // for people; empty: none
};

/// Two sensors of 60 s: the figures, and agent.problem, which is told within a second when it changes. Both live on the
/// agent's thread; `health` is asked at each sampling.
void add_health_sensors(const std::function<AgentHealth()>& health, Sensors& out);

}  // namespace agent
