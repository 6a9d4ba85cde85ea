// Which partition of a day each series' readings go to.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/retention.h"

namespace hub::sqlite {

/// On a reader's thread, inside its snapshot. A series' day lies in one file: where one of the day's partitions holds
/// the series, late readings join it, whatever the device's group is by now; else the class is what `class_of` says.
/// (So equal times keep their order, which only seals within one file can tell.)
class DayPlacement {
 public:
  /// `class_of` must outlive it; empty: kDefaultClass.
  static Result<DayPlacement> open(RecentReader& reader, std::int64_t day, const ClassOfSeries& class_of);

  /// errc::storage_damaged where a partition of the day cannot be read: it may hold the series.
  Result<std::string> class_of(SeriesId series);
  /// Of all that lies in recent.db for the day.
  Result<std::set<std::string>> classes();

 private:
  DayPlacement(RecentReader& reader, std::int64_t day, const ClassOfSeries& class_of)
      : reader_(&reader), day_(day), class_of_(&class_of) {}
  Result<std::string> find(SeriesId series);

  RecentReader* reader_;
  std::int64_t day_;
  const ClassOfSeries* class_of_;
  std::vector<PartitionName> partitions_;
  std::unordered_map<SeriesId, std::string> known_;
};

}  // namespace hub::sqlite
