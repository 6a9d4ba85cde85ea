// From a frame's bytes to what may be stored: decoded, checked, aliases replaced by hub series ids.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"
#include "hub/ingest/series_aliases.h"
#include "telemetry/v1/device.pb.h"
#include "wire/frame_codec.h"

namespace hub {

struct ValidationContext {
  DeviceId device;
  std::int64_t received_at_us = 0;
  std::int64_t future_tolerance_us = 0;
  wire::FrameLimits limits;
};

struct ValidatedBody {
  std::uint32_t flags = 0;
  std::vector<SeriesColumn> columns;
  std::vector<Gap> gaps;                       // readings that were refused one by one
  std::vector<std::uint32_t> unknown_aliases;  // not empty: nothing else counts; ask for definitions
  std::uint64_t rejected_readings = 0;
};

/// Readings that cannot be stored become gaps: not finite (`not_finite`), strings too long or not UTF-8 and locations
/// off the globe (`invalid_value`), times before 1970 (`clock_unusable`), series beyond the device's quota (`quota`, of
/// the device: there is no series). Times later than received_at + tolerance are
/// stored at received_at, flagged. Columns that do not fit their block or their series' type refuse the whole body
/// (Problem). Holds no state but scratch memory; one a session.
class FrameValidator {
 public:
  Outcome<ValidatedBody> validate(const telemetry::v1::FrameBody& body, const SeriesAliases& aliases,
                                  const ValidationContext& context);
  /// Gap records of a device: aliases replaced; unknown ones are reported like above.
  Outcome<ValidatedBody> validate_gaps(const google::protobuf::RepeatedPtrField<telemetry::v1::GapRecord>& records,
                                       const SeriesAliases& aliases, const ValidationContext& context);

 private:
  std::vector<std::int64_t> times_;
  std::vector<double> triples_;
};

}  // namespace hub
