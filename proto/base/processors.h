// What this process may run on.
#pragma once

namespace base {

/// Processors that the system lets this process use (taskset, cpuset of a container), at least 1. The standard library
/// tells those of the machine.
unsigned usable_processors();

}  // namespace base
