#include "hub/storage/sqlite/compaction.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "hub/storage/sqlite/day_placement.h"
#include "hub/storage/sqlite/part_writer.h"

namespace hub::sqlite {
namespace {

constexpr std::int64_t kAllTimesFrom = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kAllTimesTo = std::numeric_limits<std::int64_t>::max();

/// Where a chunk of recent.db goes: series and hour of its partition.
struct SeriesHour {
  std::uint32_t series = 0;
  int hour = 0;
  auto operator<=>(const SeriesHour&) const = default;
};

SeriesHour place_of_recent(std::int64_t id) {
  return {raw(series_of_chunk(id)), hour_of_bucket(id >> 40)};
}

SeriesHour place_of_hour_chunk(std::int64_t id) {
  return {raw(series_of_hour_chunk(id)), hour_of_hour_chunk(id)};
}

Result<void> add_to(MergedReadings& merged, ChunkTable& chunks, std::int64_t id) {
  auto header = chunks.headers(id, id);
  if (!header) return header.error();
  if (header->empty()) return errc::storage_damaged;
  auto readings = chunks.readings(header->front());
  if (!readings) return readings.error();
  merged.add_chunk(header->front(), std::make_shared<const ChunkReadings>(std::move(*readings)), kAllTimesFrom,
                   kAllTimesTo);
  return {};
}

}  // namespace

Result<BuiltPartition> Compaction::build(const PartitionName& name, std::int64_t made_at_us) {
  auto snapshot = reader_.snapshot();
  if (!snapshot) return snapshot.error();
  const auto before = reader_.catalogue().find(name.day, name.retention_class);
  if (!before) return before.error();
  BuiltPartition built;
  std::shared_ptr<PartitionReader> base;
  std::vector<std::int64_t> base_ids;
  if (*before) {
    auto opened = reader_.partition((*before)->name);
    if (!opened) return opened.error();
    base = *opened;
    // What is missing may come back; until then nothing may take its place.
    if (base == nullptr) return errc::storage_damaged;
    auto ids = base->chunks().ids(0, std::numeric_limits<std::int64_t>::max());
    if (!ids) return ids.error();
    base_ids = std::move(*ids);
    built.base_generation = (*before)->name.generation;
  }
  auto recent_ids = choose(name, built);
  if (!recent_ids) return recent_ids.error();
  if (recent_ids->empty()) return errc::gone;

  const std::string file = name.to_text();
  auto writer = PartitionWriter::create(folder_.making_path_of(file), options_);
  if (!writer) return writer.error();
  const CommitNumber seal = snapshot->sealed_through;
  if (auto done = write_units(std::move(*recent_ids), base_ids, base.get(), **writer, seal); !done) return done.error();
  auto totals = (*writer)->totals();
  if (!totals) return totals.error();
  if (auto done = (*writer)->finish(name, epoch_, seal); !done) return done.error();
  writer->reset();
  built.record = {name, seal, totals->readings, totals->chunks, 0, totals->first_us, totals->last_us, made_at_us};
  built.record.bytes = DataFolder::database_bytes(folder_.making_path_of(file));
  if (!folder_.publish(file)) return errc::storage_failed;
  return built;
}

Result<std::vector<std::int64_t>> Compaction::choose(const PartitionName& name, BuiltPartition& built) {
  auto placement = DayPlacement::open(reader_, name.day, class_of_);
  if (!placement) return placement.error();
  const BucketSpan buckets = buckets_of_day(name.day);
  const auto ids = reader_.chunks().ids(chunk_id(buckets.first, SeriesId{0}, 0),
                                        chunk_id(buckets.last, SeriesId{0xffffffff}, kMaxParts - 1));
  if (!ids) return ids.error();
  std::vector<std::int64_t> chosen;
  bool goes_on = false;
  for (const std::int64_t id : *ids) {
    const auto retention_class = placement->class_of(series_of_chunk(id));
    if (!retention_class) return retention_class.error();
    if (*retention_class != name.retention_class) {
      goes_on = false;
      continue;
    }
    chosen.push_back(id);
    if (!std::exchange(goes_on, true)) built.recent_ids.push_back({id, id});
    built.recent_ids.back().last = id;
  }
  built.recent_chunks = chosen.size();
  return chosen;
}

Result<void> Compaction::write_units(std::vector<std::int64_t> recent_ids, const std::vector<std::int64_t>& base_ids,
                                     PartitionReader* base, PartitionWriter& writer, CommitNumber seal) {
  std::sort(recent_ids.begin(), recent_ids.end(), [](std::int64_t a, std::int64_t b) {
    return std::tuple(place_of_recent(a), a) < std::tuple(place_of_recent(b), b);
  });
  std::size_t r = 0, b = 0;
  while (r < recent_ids.size() || b < base_ids.size()) {
    if (abandoned_()) return errc::cancelled;
    SeriesHour place;
    if (b == base_ids.size()) {
      place = place_of_recent(recent_ids[r]);
    } else if (r == recent_ids.size()) {
      place = place_of_hour_chunk(base_ids[b]);
    } else {
      place = std::min(place_of_recent(recent_ids[r]), place_of_hour_chunk(base_ids[b]));
    }
    const std::size_t first_r = r, first_b = b;
    while (r < recent_ids.size() && place_of_recent(recent_ids[r]) == place) ++r;
    while (b < base_ids.size() && place_of_hour_chunk(base_ids[b]) == place) ++b;
    const auto recent = std::span<const std::int64_t>(recent_ids).subspan(first_r, r - first_r);
    const auto kept = std::span<const std::int64_t>(base_ids).subspan(first_b, b - first_b);
    if (auto done = write_unit(recent, kept, base, writer, seal); !done) return done;
  }
  return {};
}

Result<void> Compaction::write_unit(std::span<const std::int64_t> recent_ids, std::span<const std::int64_t> base_ids,
                                    PartitionReader* base, PartitionWriter& writer, CommitNumber seal) {
  if (recent_ids.empty()) {
    // Nothing came late: as it is. Its seal and ranks stay comparable, since the hour holds nothing else.
    for (const std::int64_t id : base_ids) {
      auto header = base->chunks().headers(id, id);
      if (!header) return header.error();
      if (header->empty()) return errc::storage_damaged;
      auto payload = base->chunks().payload(header->front());
      if (!payload) return payload.error();
      if (auto done = writer.chunks().insert(header->front(), *payload); !done) return done;
    }
    return {};
  }
  MergedReadings merged;
  for (const std::int64_t id : base_ids) {
    if (auto done = add_to(merged, base->chunks(), id); !done) return done;
  }
  for (const std::int64_t id : recent_ids) {
    if (auto done = add_to(merged, reader_.chunks(), id); !done) return done;
  }
  merged.sort();
  const SeriesHour place = place_of_recent(recent_ids.front());
  return PartWriter(writer.chunks(), seal)
      .write(hour_chunk_id(SeriesId{place.series}, place.hour, 0), merged, merged.readings());
}

Result<TakenUp> take_up(RecentDatabase& recent, const BuiltPartition& built) {
  auto transaction = Transaction::begin(recent.connection());
  if (!transaction) return transaction.error();
  const PartitionName& name = built.record.name;
  auto& catalogue = recent.partitions();
  const auto before = catalogue.find(name.day, name.retention_class);
  if (!before) return before.error();
  if ((*before ? (*before)->name.generation : 0) != built.base_generation) return TakenUp::changed;
  // Sealing may have rewritten a bucket's parts, and expiry deleted some: what is in the file is then not what would
  // go.
  std::uint64_t erased = 0;
  for (const auto& [first, last] : built.recent_ids) {
    const auto some = recent.chunks().erase_sealed(first, last, built.record.seal);
    if (!some) return some.error();
    erased += *some;
  }
  if (erased != built.recent_chunks) return TakenUp::changed;
  const BucketSpan buckets = buckets_of_day(name.day);
  if (auto done = recent.chunks().drop_empty_buckets(buckets.first, buckets.last); !done) return done.error();
  if (*before) {
    if (auto done = catalogue.add_removal((*before)->name.to_text()); !done) return done.error();
  }
  if (auto done = catalogue.drop_removal(name.to_text()); !done) return done.error();
  if (auto done = catalogue.put(built.record); !done) return done.error();
  if (auto done = transaction->commit(); !done) return done.error();
  return TakenUp::yes;
}

}  // namespace hub::sqlite
