#include <cstdio>
#include <exception>

#include "hub/command_line.h"

int main(int argc, char** argv) {
  try {
    return hub::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry-hub: %s\n", error.what());
    return 1;
  }
}
