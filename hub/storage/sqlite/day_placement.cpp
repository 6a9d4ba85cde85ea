#include "hub/storage/sqlite/day_placement.h"

#include <algorithm>
#include <unordered_set>

namespace hub::sqlite {

Result<DayPlacement> DayPlacement::open(RecentReader& reader, std::int64_t day, const ClassOfSeries& class_of) {
  DayPlacement placement(reader, day, class_of);
  auto held = reader.catalogue().list(day, day);
  if (!held) return held.error();
  for (auto& record : *held) placement.partitions_.push_back(std::move(record.name));
  return placement;
}

Result<std::string> DayPlacement::class_of(SeriesId series) {
  if (const auto it = known_.find(series); it != known_.end()) return it->second;
  auto found = find(series);
  if (found) known_.emplace(series, *found);
  return found;
}

Result<std::string> DayPlacement::find(SeriesId series) {
  std::string wished = *class_of_ ? (*class_of_)(series) : kDefaultClass;
  for (const auto& name : partitions_) {
    if (name.retention_class == wished) continue;  // there anyway
    auto partition = reader_->partition(name);
    if (!partition) return partition.error();
    if (*partition == nullptr) return errc::storage_damaged;
    const auto headers = (*partition)->headers(series, 0, kHoursPerDay - 1);
    if (!headers) return headers.error();
    if (!headers->empty()) return name.retention_class;
  }
  return wished;
}

Result<std::set<std::string>> DayPlacement::classes() {
  const bool only_default = std::all_of(partitions_.begin(), partitions_.end(), [](const PartitionName& name) {
    return name.retention_class == kDefaultClass;
  });
  if (!*class_of_ && only_default) return std::set<std::string>{kDefaultClass};
  const BucketSpan buckets = buckets_of_day(day_);
  auto ids = reader_->chunks().ids(chunk_id(buckets.first, SeriesId{0}, 0),
                                   chunk_id(buckets.last, SeriesId{0xffffffff}, kMaxParts - 1));
  if (!ids) return ids.error();
  std::set<std::string> found;
  std::unordered_set<SeriesId> seen;
  for (const std::int64_t id : *ids) {
    const SeriesId series = series_of_chunk(id);
    if (!seen.insert(series).second) continue;
    auto one = class_of(series);
    if (!one) return one.error();
    found.insert(std::move(*one));
  }
  return found;
}

}  // namespace hub::sqlite
