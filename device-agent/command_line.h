// device-agent's command line.
#pragma once

namespace agent {

/// Exit codes: 0 ok, 1 failure, 2 usage, 3 configuration, 4 hub not reached, 5 refused.
int run_command_line(int argc, char** argv);

}  // namespace agent
