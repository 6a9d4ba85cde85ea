// When the disk will be full, by what past days came to.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/partition_table.h"
#include "hub/storage/sqlite/retention.h"

namespace hub::sqlite {

struct DiskRoom {
  std::uint64_t free_bytes = 0, low_water_bytes = 0;
};

/// Days of the last eight that are over and compacted, and what comes between them; nothing where there is none.
/// `partitions` in any order; old days that are imported late do not count.
std::optional<double> bytes_per_day(const std::vector<PartitionRecord>& partitions, std::int64_t now_us);

/// Partitions under one policy.
struct Growth {
  double bytes_per_day = 0;
  std::uint64_t held_bytes = 0;
  RetentionPolicy policy;
};
/// Of each policy that has partitions of the last days. `partitions` in any order.
std::vector<Growth> growths(const std::vector<PartitionRecord>& partitions, const Retention& retention,
                            std::int64_t now_us);

/// What retention keeps at most is taken for what there will be.
StorageForecast forecast(std::vector<Growth> growths, const DiskRoom& room);

}  // namespace hub::sqlite
