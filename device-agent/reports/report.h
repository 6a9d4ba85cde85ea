// One reading as a script says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "device-agent/sensors/sensor.h"

namespace agent {

enum class ReportFormat : std::uint8_t {
  plain,       // a line is a number, true, false or a text
  influx,      // line protocol: "tank,site=north level=3.2 1700000000000000000"
  json,        // an object a line, or the whole text is one value
  prometheus,  // text exposition: what node_exporter's textfile scripts write
};

struct Report {
  std::string name;                     // as it is said, made fit by fit_name(); empty: the source has one for it
  Value value;                          // a number is finite; a text is UTF-8, at most 1 KiB
  std::string unit;                     // empty: not said
  std::optional<std::int64_t> wall_us;  // where it says when it was measured
};

}  // namespace agent
