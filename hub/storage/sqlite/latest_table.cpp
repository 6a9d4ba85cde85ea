#include "hub/storage/sqlite/latest_table.h"

#include <mutex>

namespace hub::sqlite {

void LatestTable::load(SeriesId series, std::int64_t time_us, Value value) {
  const std::unique_lock lock(mutex_);
  entries_[series] = {time_us, std::move(value), 0};
}

void LatestTable::update(const Commit& commit) {
  const std::unique_lock lock(mutex_);
  for (const auto& frame : commit.frames) {
    for (const auto& column : frame.columns) {
      const auto& times = *column.times;
      std::size_t newest = 0;
      for (std::size_t i = 1; i < times.size(); ++i) {
        if (times[i] >= times[newest]) newest = i;
      }
      const auto [it, added] = entries_.try_emplace(column.series);
      if (!added && times[newest] < it->second.time_us) continue;
      it->second = {times[newest], value_at(column.values, newest), commit.number};
    }
  }
}

std::vector<LatestReading> LatestTable::find(std::span<const SeriesId> series) const {
  std::vector<LatestReading> found;
  found.reserve(series.size());
  const std::shared_lock lock(mutex_);
  for (const SeriesId id : series) {
    if (const auto it = entries_.find(id); it != entries_.end())
      found.push_back({id, it->second.time_us, it->second.value, it->second.commit});
  }
  return found;
}

std::optional<ValueType> LatestTable::type_of(SeriesId series) const {
  const std::shared_lock lock(mutex_);
  const auto it = entries_.find(series);
  if (it == entries_.end()) return std::nullopt;
  return static_cast<ValueType>(it->second.value.index() + 1);
}

}  // namespace hub::sqlite
