// telemetry-hub as users type it.
#pragma once

namespace hub {

/// Exit codes: 0 ok, 1 failure, 2 usage, 3 configuration, 4 unreachable, 5 refused.
int run_command_line(int argc, char** argv);

}  // namespace hub
