#include <cstdio>
#include <exception>

#include "device-agent/command_line.h"

int main(int argc, char** argv) {
  try {
    return agent::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "device-agent: %s\n", error.what());
    return 1;
  }
}
