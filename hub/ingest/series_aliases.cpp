#include "hub/ingest/series_aliases.h"

#include "wire/frame_codec.h"

namespace hub {
namespace {

Problem refuse(std::uint32_t alias, const std::string& why) {
  return {errc::refused_frame, "definition of alias " + std::to_string(alias) + ": " + why, {}};
}

}  // namespace

const ResolvedSeries* SeriesAliases::find(std::uint32_t alias) const {
  const auto it = entries_.find(alias);
  return it == entries_.end() ? nullptr : &it->second.series;
}

Outcome<std::vector<telemetry::v1::SeriesDefinition>> SeriesAliases::select_new(
    const google::protobuf::RepeatedPtrField<telemetry::v1::SeriesDefinition>& definitions) const {
  std::vector<telemetry::v1::SeriesDefinition> fresh;
  for (const auto& d : definitions) {
    if (d.alias() == 0 || d.alias() > 0x7fffffffu) return refuse(d.alias(), "aliases are 1 to 2147483647");
    if (!wire::is_series_name(d.name())) {
      return refuse(d.alias(), "a series name is 1 to 128 of A-Z a-z 0-9 _ . : -");
    }
    if (!wire::is_unit(d.unit())) return refuse(d.alias(), "a unit is at most 32 bytes of printable UTF-8");
    if (d.type() < telemetry::v1::VALUE_TYPE_NUMBER || d.type() > telemetry::v1::VALUE_TYPE_LOCATION) {
      return refuse(d.alias(), "type " + std::to_string(d.type()) + " is not known here (1 to 4)");
    }
    const auto conflicts = [&d](const std::string& name, const std::string& unit, ValueType type) {
      return name != d.name() || unit != d.unit() || static_cast<int>(type) != static_cast<int>(d.type());
    };
    if (const auto it = entries_.find(d.alias()); it != entries_.end()) {
      if (conflicts(it->second.name, it->second.unit, it->second.series.type)) {
        return refuse(d.alias(), "it already means \"" + it->second.name + "\" in this epoch");
      }
      continue;
    }
    bool repeated = false;
    for (const auto& earlier : fresh) {
      if (earlier.alias() != d.alias()) continue;
      if (conflicts(earlier.name(), earlier.unit(), static_cast<ValueType>(earlier.type()))) {
        return refuse(d.alias(), "it is defined twice, as different series");
      }
      repeated = true;
    }
    if (!repeated) fresh.push_back(d);
  }
  if (entries_.size() + fresh.size() > kCapacity) {
    return Problem{errc::refused_frame, "more than 8192 aliases in one epoch", {}};
  }
  return fresh;
}

void SeriesAliases::add(const telemetry::v1::SeriesDefinition& d, SeriesId id) {
  entries_[d.alias()] = Entry{{id, static_cast<ValueType>(d.type())}, d.name(), d.unit()};
}

SeriesWish to_wish(const telemetry::v1::SeriesDefinition& d) {
  return {d.name(), d.unit(), static_cast<ValueType>(d.type()), d.interval_ms()};
}

}  // namespace hub
