#include "hub/storage/sqlite/seal_writer.h"

#include <algorithm>
#include <limits>
#include <map>

#include "hub/storage/sqlite/column_codec.h"

namespace hub::sqlite {
namespace {

constexpr std::int64_t kFirstTime = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kEndOfTime = std::numeric_limits<std::int64_t>::max();
/// Readings in a part: enough to compress well, few enough to decode in one go.
constexpr std::size_t kPartReadings = 16'384;
constexpr std::size_t kFirstPartsKept = kMaxParts / 2;

using Reading = MergedReadings::Reading;

/// Indices of `readings` by flags: what a device could not time, or sent late, goes into parts of its own.
std::map<std::uint32_t, std::vector<std::uint32_t>> by_flags(const MergedReadings& merged,
                                                             std::span<const Reading> readings) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> groups;
  for (std::uint32_t i = 0; i < readings.size(); ++i) groups[merged.source(readings[i]).flags].push_back(i);
  return groups;
}

}  // namespace

Result<void> SealWriter::write(std::span<const CommitPtr> commits) {
  std::map<SeriesId, std::vector<TailRun>> series;
  std::map<StreamKey, StreamCursor> cursors;
  for (const auto& commit : commits) {
    for (auto& [id, run] : runs_of(commit)) series[id].push_back(std::move(run));
    for (const auto& gap : gaps_of(*commit)) {
      if (auto done = recent_.put_gap(gap); !done) return done;
    }
    for (const auto& frame : commit->frames) cursors[frame.stream] = {frame.last_sequence, commit->number};
  }
  for (const auto& [id, runs] : series) {
    MergedReadings merged;
    for (const auto& run : runs) merged.add_run(run, kFirstTime, kEndOfTime);
    merged.sort();
    if (auto done = write_series(id, merged); !done) return done;
  }
  for (auto& [stream, cursor] : cursors) {
    if (auto done = recent_.put_cursor(stream, cursor); !done) return done;
  }
  return recent_.put_sealed_through(seal_);
}

Result<void> SealWriter::write_series(SeriesId series, const MergedReadings& merged) {
  const auto readings = merged.readings();
  for (std::size_t begin = 0; begin < readings.size();) {
    const std::int64_t bucket = bucket_of(readings[begin].order.time_us);
    std::size_t end = begin + 1;
    while (end < readings.size() && bucket_of(readings[end].order.time_us) == bucket) ++end;
    if (auto done = write_bucket(series, bucket, merged, readings.subspan(begin, end - begin)); !done) return done;
    begin = end;
  }
  const Reading& newest = readings.back();
  return recent_.put_latest(series, newest.order.time_us, value_at(*merged.source(newest).values, newest.offset));
}

Result<void> SealWriter::write_bucket(SeriesId series, std::int64_t bucket, const MergedReadings& merged,
                                      std::span<const Reading> readings) {
  auto headers = recent_.chunks().headers(bucket, series);
  if (!headers) return headers.error();
  if (headers->empty()) {
    if (auto done = recent_.chunks().add_bucket(bucket); !done) return done;
    return write_parts(series, bucket, 0, merged, readings);
  }
  const std::uint32_t next = part_of(headers->back().id) + 1;
  if (next <= kFirstPartsKept) return write_parts(series, bucket, next, merged, readings);
  // Late data has dribbled into this bucket for long: its parts become few again, in the same order.
  MergedReadings all;
  for (const auto& header : *headers) {
    auto decoded = recent_.chunks().readings(header);
    if (!decoded) return decoded.error();
    all.add_chunk(header, std::move(*decoded), kFirstTime, kEndOfTime);
    if (auto done = recent_.chunks().erase(header.id); !done) return done;
  }
  all.add(merged, readings);
  all.sort();
  return write_parts(series, bucket, 0, all, all.readings());
}

Result<void> SealWriter::write_parts(SeriesId series, std::int64_t bucket, std::uint32_t first_part,
                                     const MergedReadings& merged, std::span<const Reading> readings) {
  // However many readings there are, they fit into the parts that are left.
  const std::size_t part_readings = std::max(kPartReadings, readings.size() / (kMaxParts / 4) + 1);
  std::uint32_t part = first_part;
  for (const auto& [flags, chosen] : by_flags(merged, readings)) {
    for (std::size_t begin = 0; begin < chosen.size(); begin += part_readings) {
      const auto slice = std::span(chosen).subspan(begin, std::min(part_readings, chosen.size() - begin));
      if (part >= kMaxParts) return errc::storage_failed;
      if (auto done = write_part(chunk_id(bucket, series, part++), series, merged, readings, slice); !done) return done;
    }
  }
  return {};
}

Result<void> SealWriter::write_part(std::int64_t id, SeriesId series, const MergedReadings& merged,
                                    std::span<const Reading> readings, std::span<const std::uint32_t> chosen) {
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
  return recent_.chunks().insert(header, encode_chunk(series, part));
}

}  // namespace hub::sqlite
