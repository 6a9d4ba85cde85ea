// What a device's short names mean: one table per spool epoch and session.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"
#include "hub/storage/device_store.h"
#include "telemetry/v1/readings.pb.h"

namespace hub {

struct ResolvedSeries {
  SeriesId id{};  // SeriesId{}: over the device's quota
  ValueType type{};
};

/// Lives in one device session, on its core. Series beyond what a device may have are known as such; at most 8,192
/// aliases an epoch, twice what a device may have, past that definitions are refused.
class SeriesAliases {
 public:
  static constexpr std::size_t kCapacity = 8'192;

  const ResolvedSeries* find(std::uint32_t alias) const;

  /// Those of `definitions` that are new here, checked: alias, name, unit and type in range, no alias that means
  /// something else already. A Problem names the alias and what is wrong.
  Outcome<std::vector<telemetry::v1::SeriesDefinition>> select_new(
      const google::protobuf::RepeatedPtrField<telemetry::v1::SeriesDefinition>& definitions) const;
  void add(const telemetry::v1::SeriesDefinition& definition, SeriesId id);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ResolvedSeries series;
    std::string name, unit;
  };
  std::unordered_map<std::uint32_t, Entry> entries_;
};

SeriesWish to_wish(const telemetry::v1::SeriesDefinition& definition);

}  // namespace hub
