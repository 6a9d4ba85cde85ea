// The newest reading of every series, in memory.
#pragma once

#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "hub/core/reading.h"
#include "hub/storage/readings_store.h"

namespace hub::sqlite {

/// Written by the journal thread, in commit order; read by any. One entry a series: as large as the registry.
class LatestTable {
 public:
  void load(SeriesId series, std::int64_t time_us, Value value);
  void update(const Commit& commit);
  std::vector<LatestReading> find(std::span<const SeriesId> series) const;
  /// Nothing where the series has no readings.
  std::optional<ValueType> type_of(SeriesId series) const;

 private:
  struct Entry {
    std::int64_t time_us = 0;
    Value value;
    CommitNumber commit = 0;
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<SeriesId, Entry> entries_;
};

}  // namespace hub::sqlite
