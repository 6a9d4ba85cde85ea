// What a device's report does to the record of an execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hub/storage/execution_store.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

enum class UpdateVerdict : std::uint8_t {
  applied,
  known,    // its revision is not newer than the last: said before
  illegal,  // a state that cannot follow, or that a device cannot know
};

inline constexpr std::size_t kOutputBytes = 16 * 1024;  // of an execution in all; more is cut off
inline constexpr std::size_t kResultBytes = 16 * 1024;  // longer or not JSON: not kept
inline constexpr std::size_t kErrorBytes = 4 * 1024;

/// Changes `execution` where the answer is `applied`. Output is appended; progress never goes back.
UpdateVerdict apply_update(const telemetry::v1::ExecutionUpdate& update, std::int64_t now_us,
                           ExecutionRecord& execution);

/// Appends as much of `more` as leaves `text` within `limit_bytes`, without cutting a UTF-8 character in two.
void append_bounded(std::string& text, std::string_view more, std::size_t limit_bytes);

}  // namespace hub
