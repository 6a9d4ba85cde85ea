// Which series a subscription asks for.
#pragma once

#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/devices/device_registry.h"
#include "hub/identity/principal.h"
#include "telemetry/v1/live.pb.h"

namespace hub::live {

/// A checked selector. Devices by id or name, and by group (neither: all that the viewer may see), series by pattern
/// (empty: none). Names that nothing answers to yet are kept: what enrols later joins.
class Selector {
 public:
  static constexpr std::size_t kMaxDevices = 1'000;
  static constexpr std::size_t kMaxSelectedGroups = 64;
  static constexpr std::size_t kMaxPatterns = 64;
  static constexpr std::size_t kMaxPatternBytes = 256;

  /// Problem names the field.
  static Outcome<Selector> from(const telemetry::v1::Selector& wish);
  /// What there is now and `who` may read. A device that is named and may not be read is as one that there is not. More
  /// than `max_series`: too_large.
  Outcome<std::vector<SeriesRecord>> resolve(const DeviceRegistry& devices, const Principal& who,
                                             std::size_t max_series) const;
  /// Whether a series that has just come into being belongs to it.
  bool matches(const SeriesRecord& series, const DeviceRegistry& devices, const Principal& who) const;
  /// Which devices are in these decides what it selects.
  const std::vector<std::string>& groups() const { return groups_; }
  bool operator==(const Selector&) const = default;

 private:
  bool names(const DeviceId& device, const DeviceRegistry& devices) const;

  std::vector<std::string> devices_, groups_, patterns_;
};

}  // namespace hub::live
