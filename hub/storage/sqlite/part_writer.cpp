#include "hub/storage/sqlite/part_writer.h"

#include <algorithm>
#include <map>

#include "hub/storage/sqlite/column_codec.h"

namespace hub::sqlite {
namespace {

/// Readings in a part: enough to compress well, few enough to decode in one go.
constexpr std::size_t kPartReadings = 16'384;

/// Indices of `readings` by flags: what a device could not time, or sent late, goes into parts of its own.
std::map<std::uint32_t, std::vector<std::uint32_t>> by_flags(const MergedReadings& merged,
                                                             std::span<const MergedReadings::Reading> readings) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> groups;
  for (std::uint32_t i = 0; i < readings.size(); ++i) groups[merged.source(readings[i]).flags].push_back(i);
  return groups;
}

}  // namespace

Result<void> PartWriter::write(std::int64_t first_id, SeriesId series, const MergedReadings& merged,
                               std::span<const MergedReadings::Reading> readings) {
  // However many readings there are, they fit into the parts that are left.
  const std::size_t part_readings = std::max(kPartReadings, readings.size() / (kMaxParts / 4) + 1);
  std::uint32_t part = part_of(first_id);
  std::int64_t id = first_id;
  for (const auto& [flags, chosen] : by_flags(merged, readings)) {
    for (std::size_t begin = 0; begin < chosen.size(); begin += part_readings) {
      const auto slice = std::span(chosen).subspan(begin, std::min(part_readings, chosen.size() - begin));
      if (part++ >= kMaxParts) return errc::storage_failed;
      if (auto done = write_part(id++, series, merged, readings, slice); !done) return done;
    }
  }
  return {};
}

Result<void> PartWriter::write_part(std::int64_t id, SeriesId series, const MergedReadings& merged,
                                    std::span<const MergedReadings::Reading> readings,
                                    std::span<const std::uint32_t> chosen) {
  ChunkHeader header;
  header.id = id;
  header.seal = seal_;
  ChunkReadings part;
  bool first = true;
  for (const std::uint32_t i : chosen) {
    const auto& source = merged.source(readings[i]);
    if (first) {
      part.values = make_column(type_of(*source.values));
      header.flags = source.flags;
      header.first_commit = source.first_commit;
      header.first_received_us = source.first_received_us;
      header.last_received_us = source.last_received_us;
      first = false;
    }
    header.first_commit = std::min(header.first_commit, source.first_commit);
    header.last_commit = std::max(header.last_commit, source.last_commit);
    header.first_received_us = std::min(header.first_received_us, source.first_received_us);
    header.last_received_us = std::max(header.last_received_us, source.last_received_us);
    part.times_us.push_back(readings[i].order.time_us);
    part.ranks.push_back(i);
    append_value(part.values, *source.values, readings[i].offset);
  }
  summarise(part, header);
  return chunks_->insert(header, encode_chunk(series, part));
}

}  // namespace hub::sqlite
