#include "device-agent/spool/frame_times.h"

#include "telemetry/v1/device.pb.h"

namespace agent {

bool is_unplaced(const std::string& body) {
  telemetry::v1::FrameBody frame;
  return frame.ParseFromString(body) && frame.unsynchronised() && !frame.rebased();
}

std::optional<std::string> placed(const std::string& body, std::int64_t wall_minus_boot_us) {
  telemetry::v1::FrameBody frame;
  if (!frame.ParseFromString(body) || !frame.unsynchronised() || frame.rebased()) return std::nullopt;
  // Whole milliseconds, as FrameBuilder makes them.
  const std::int64_t wall =
      static_cast<std::int64_t>(frame.monotonic_ms()) * 1'000 + wall_minus_boot_us / 1'000 * 1'000;
  if (wall <= 0) return std::nullopt;
  frame.set_wall_us(static_cast<std::uint64_t>(wall));
  frame.set_rebased(true);
  return frame.SerializeAsString();
}

}  // namespace agent
