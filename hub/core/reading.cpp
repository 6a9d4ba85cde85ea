#include "hub/core/reading.h"

namespace hub {

std::size_t size_of(const ValueColumn& c) {
  return std::visit([](const auto& v) { return v.size(); }, c);
}

Value value_at(const ValueColumn& c, std::size_t i) {
  switch (c.index()) {
    case 0:
      return std::get<0>(c)[i];
    case 1:
      return std::get<1>(c)[i] != 0;
    case 2:
      return std::get<2>(c)[i];
    default:
      return std::get<3>(c)[i];
  }
}

const char* to_string(ValueType type) {
  switch (type) {
    case ValueType::number:
      return "number";
    case ValueType::boolean:
      return "boolean";
    case ValueType::string:
      return "string";
    case ValueType::location:
      return "location";
  }
  return "number";
}

const char* to_string(GapReason reason) {
  switch (reason) {
    case GapReason::spool_full:
      return "spool_full";
    case GapReason::spool_damaged:
      return "spool_damaged";
    case GapReason::refused:
      return "refused";
    case GapReason::not_finite:
      return "not_finite";
    case GapReason::missing_before:
      return "missing_before";
    case GapReason::clock_unusable:
      return "clock_unusable";
    case GapReason::quota:
      return "quota";
    case GapReason::restore:
      return "restore";
    case GapReason::invalid_value:
      return "invalid_value";
    case GapReason::sensor_failed:
      return "sensor_failed";
    case GapReason::file_missing:
      return "file_missing";
  }
  return "unknown";
}

std::size_t StoredFrame::reading_count() const {
  std::size_t n = 0;
  for (const auto& column : columns) n += column.times->size();
  return n;
}

std::size_t StoredFrame::size_bytes() const {
  std::size_t n = sizeof *this + gaps.size() * sizeof(Gap);
  for (const auto& column : columns) {
    n += sizeof column + column.times->size() * 16;
    if (const auto* strings = std::get_if<std::vector<std::string>>(&column.values)) {
      for (const auto& s : *strings) n += s.size();
    }
  }
  return n;
}

}  // namespace hub
