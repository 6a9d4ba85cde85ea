// Dropping what is old: whole partitions from the catalogue, whole chunks and gaps from recent.db.
#pragma once

#include "hub/storage/sqlite/recent_database.h"

namespace hub::sqlite {

/// All on the seal thread. Files are given up (table removal), not deleted: whoever keeps the partitions does that once
/// no reader can come to them.

/// Drops partitions and chunks whose last reading is before `before_us`, and such gaps; answers how many readings.
Result<std::uint64_t> expire_before(RecentDatabase& recent, std::int64_t before_us);

/// Drops one partition, in one transaction. `summarised`: the generation up to which the day's hours are answered from
/// its summary from now on. Nothing happens where the catalogue has another generation by now.
Result<void> expire_partition(RecentDatabase& recent, const PartitionName& name, std::uint32_t summarised);

}  // namespace hub::sqlite
