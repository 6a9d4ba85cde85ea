#include "hub/storage/sqlite/expiry.h"

#include <limits>

namespace hub::sqlite {

Result<void> expire_partition(RecentDatabase& recent, const PartitionName& name, std::uint32_t summarised) {
  auto transaction = Transaction::begin(recent.connection());
  if (!transaction) return transaction.error();
  auto& catalogue = recent.partitions();
  const auto held = catalogue.find(name.day, name.retention_class);
  if (!held) return held.error();
  if (!*held || (*held)->name != name) return {};
  if (auto done = catalogue.erase(name.day, name.retention_class); !done) return done;
  if (auto done = catalogue.add_removal(name.to_text()); !done) return done;
  if (auto done = catalogue.put_expired({name.day, name.retention_class, name.generation, summarised}); !done)
    return done;
  return transaction->commit();
}

Result<std::uint64_t> expire_before(RecentDatabase& recent, std::int64_t before_us) {
  std::uint64_t readings = 0;
  const auto partitions = recent.partitions().list(std::numeric_limits<std::int64_t>::min(), day_of_time(before_us));
  if (!partitions) return partitions.error();
  for (const auto& partition : *partitions) {
    if (partition.last_us >= before_us) continue;
    const auto expired = recent.partitions().find_expired(partition.name.day, partition.name.retention_class);
    if (!expired) return expired.error();
    const std::uint32_t before = *expired ? (*expired)->summarised : 0;
    if (auto done = expire_partition(recent, partition.name, before); !done) return done.error();
    readings += partition.readings;
  }
  const auto buckets = recent.chunks().buckets(kMinBucket, bucket_of(before_us));
  if (!buckets) return buckets.error();
  // A transaction a bucket: each is small, and an interrupted expiry has simply expired less.
  for (const std::int64_t bucket : *buckets) {
    auto transaction = Transaction::begin(recent.connection());
    if (!transaction) return transaction.error();
    auto expired = recent.chunks().expire(bucket, before_us);
    if (!expired) return expired.error();
    if (auto done = transaction->commit(); !done) return done.error();
    readings += *expired;
  }
  if (auto done = recent.expire_gaps(before_us); !done) return done.error();
  return readings;
}

}  // namespace hub::sqlite
