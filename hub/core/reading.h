// Readings as the hub holds them between the wire and the store: columns, one series each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "hub/core/ids.h"

namespace hub {

enum class ValueType : std::uint8_t { number = 1, boolean = 2, string = 3, location = 4 };  // as telemetry.v1.ValueType
const char* to_string(ValueType type);  // "number", "boolean", "string", "location"

struct Location {
  double latitude = 0, longitude = 0, altitude = 0;
  bool operator==(const Location&) const = default;
};

using Value = std::variant<double, bool, std::string, Location>;

/// Values of one type, parallel to a vector of times. Booleans are bytes (vector<bool> has no data()).
using ValueColumn =
    std::variant<std::vector<double>, std::vector<std::uint8_t>, std::vector<std::string>, std::vector<Location>>;
inline ValueType type_of(const ValueColumn& c) {
  return static_cast<ValueType>(c.index() + 1);
}
std::size_t size_of(const ValueColumn& c);
Value value_at(const ValueColumn& c, std::size_t i);

using TimeColumn = std::shared_ptr<const std::vector<std::int64_t>>;  // µs since the epoch; shared by a block's columns

/// Readings of one series out of one frame: times->size() == size_of(values).
struct SeriesColumn {
  SeriesId series{};
  TimeColumn times;
  ValueColumn values;
};

/// Same numbers as telemetry.v1.GapReason.
enum class GapReason : std::uint8_t {
  spool_full = 1,
  spool_damaged,
  refused,
  not_finite,
  missing_before,
  clock_unusable,
  quota,
  restore,
  invalid_value,
  sensor_failed,
  file_missing  // the hub only: a file of the store is missing or damaged, and may come back
};
const char* to_string(GapReason reason);  // "spool_full" …

/// Readings that were made and are not here.
struct Gap {
  DeviceId device;
  SeriesId series{};         // 0: every series of the device
  std::int64_t from_us = 0;  // first and last lost reading's time; 0 where unknown
  std::int64_t to_us = 0;
  std::uint32_t count = 0;
  bool at_most = false;  // count is an upper bound
  GapReason reason{};
  std::string reported_by;  // "device" or "hub"
};

enum FrameFlags : std::uint32_t {
  kUnsynchronised = 1u << 0,
  kRebased = 1u << 1,
  kBackfilled = 1u << 2,
  kTimesClamped = 1u << 3,
};

/// One frame (or gap frame), validated and with hub series ids; what ingest submits and what a commit carries.
struct StoredFrame {
  StreamKey stream;
  std::uint64_t first_sequence = 0;  // frame: first = last
  std::uint64_t last_sequence = 0;
  std::int64_t received_at_us = 0;
  std::uint32_t flags = 0;
  std::vector<SeriesColumn> columns;
  std::vector<Gap> gaps;
  std::size_t reading_count() const;
  std::size_t size_bytes() const;  // an estimate for budgets
};

/// A group commit, durable when anyone sees it. Immutable, shared by all consumers.
struct Commit {
  CommitNumber number = 0;
  std::int64_t committed_at_us = 0;
  std::vector<StoredFrame> frames;  // in commit order; resent frames already taken out
  std::size_t size_bytes = 0;
};
using CommitPtr = std::shared_ptr<const Commit>;

}  // namespace hub
