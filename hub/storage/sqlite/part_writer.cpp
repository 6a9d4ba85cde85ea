#include "hub/storage/sqlite/part_writer.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace hub::sqlite {
namespace {

/// Readings in a part: enough to compress well, few enough to decode in one go.
constexpr std::size_t kPartReadings = 16'384;

using Reading = MergedReadings::Reading;
using Chosen = std::span<const std::uint32_t>;  // indices of readings

/// Indices of `readings` by flags: what a device could not time, or sent late, goes into parts of its own.
std::map<std::uint32_t, std::vector<std::uint32_t>> by_flags(const MergedReadings& merged,
                                                             std::span<const Reading> readings) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> groups;
  const std::uint32_t flags = merged.source(readings.front()).flags;
  const auto has_them = [&](const Reading& reading) { return merged.source(reading).flags == flags; };
  if (std::all_of(readings.begin(), readings.end(), has_them)) {
    auto& all = groups[flags];
    all.resize(readings.size());
    std::iota(all.begin(), all.end(), 0u);
    return groups;
  }
  for (std::uint32_t i = 0; i < readings.size(); ++i) groups[merged.source(readings[i]).flags].push_back(i);
  return groups;
}

template <class T>
std::vector<T> gather(const MergedReadings& merged, std::span<const Reading> readings, Chosen chosen) {
  std::vector<T> values(chosen.size());
  for (std::size_t at = 0; at < chosen.size();) {
    // Neighbours mostly come from one source.
    const std::uint32_t source = readings[chosen[at]].source;
    const T* const from = std::get<std::vector<T>>(*merged.source(readings[chosen[at]]).values).data();
    for (; at < chosen.size() && readings[chosen[at]].source == source; ++at)
      values[at] = from[readings[chosen[at]].offset];
  }
  return values;
}

ValueColumn gather_values(ValueType type, const MergedReadings& merged, std::span<const Reading> readings,
                          Chosen chosen) {
  switch (type) {
    case ValueType::boolean:
      return gather<std::uint8_t>(merged, readings, chosen);
    case ValueType::string:
      return gather<std::string>(merged, readings, chosen);
    case ValueType::location:
      return gather<Location>(merged, readings, chosen);
    case ValueType::number:
      break;
  }
  return gather<double>(merged, readings, chosen);
}

}  // namespace

Result<void> PartWriter::write(std::int64_t first_id, const MergedReadings& merged, std::span<const Reading> readings) {
  // However many readings there are, they fit into the parts that are left.
  const std::size_t part_readings = std::max(kPartReadings, readings.size() / (kMaxParts / 4) + 1);
  std::uint32_t part = part_of(first_id);
  std::int64_t id = first_id;
  for (const auto& [flags, chosen] : by_flags(merged, readings)) {
    for (std::size_t begin = 0; begin < chosen.size(); begin += part_readings) {
      const auto slice = std::span(chosen).subspan(begin, std::min(part_readings, chosen.size() - begin));
      if (part++ >= kMaxParts) return errc::storage_failed;
      if (auto done = write_part(id++, merged, readings, slice); !done) return done;
    }
  }
  return {};
}

Result<void> PartWriter::write_part(std::int64_t id, const MergedReadings& merged, std::span<const Reading> readings,
                                    Chosen chosen) {
  ChunkHeader header;
  header.id = id;
  header.seal = seal_;
  const auto& first = merged.source(readings[chosen.front()]);
  header.flags = first.flags;
  header.first_commit = first.first_commit;
  header.first_received_us = first.first_received_us;
  header.last_received_us = first.last_received_us;
  ChunkReadings part;
  part.times_us.resize(chosen.size());
  for (std::size_t at = 0; at < chosen.size();) {
    const std::uint32_t number = readings[chosen[at]].source;
    const auto& source = merged.source(readings[chosen[at]]);
    for (; at < chosen.size() && readings[chosen[at]].source == number; ++at)
      part.times_us[at] = readings[chosen[at]].order.time_us;
    header.first_commit = std::min(header.first_commit, source.first_commit);
    header.last_commit = std::max(header.last_commit, source.last_commit);
    header.first_received_us = std::min(header.first_received_us, source.first_received_us);
    header.last_received_us = std::max(header.last_received_us, source.last_received_us);
  }
  part.first_rank = chosen.front();
  if (chosen.back() - chosen.front() + 1 != chosen.size()) part.ranks.assign(chosen.begin(), chosen.end());
  part.values = gather_values(type_of(*first.values), merged, readings, chosen);
  summarise(part, header);
  return chunks_->insert(header, encode_chunk(part));
}

}  // namespace hub::sqlite
