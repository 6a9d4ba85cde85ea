// Times of readings that were taken before the wall clock was known to be right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace agent {

/// Whether the times of a serialised FrameBody stand by a clock that was not synchronised, and were not moved since.
bool is_unplaced(const std::string& body);

/// The FrameBody with its times moved to where its boot time lies on a right clock, and flagged so: block times are
/// relative to wall_us, which becomes boot time + `wall_minus_boot_us`. Nothing where it is not
/// unplaced, or the time would lie before 1970.
std::optional<std::string> placed(const std::string& body, std::int64_t wall_minus_boot_us);

}  // namespace agent
