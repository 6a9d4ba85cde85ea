#include "hub/storage/sqlite/seal_writer.h"

#include <limits>
#include <map>

namespace hub::sqlite {
namespace {

constexpr std::int64_t kFirstTime = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kEndOfTime = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kFirstPartsKept = kMaxParts / 2;

using Reading = MergedReadings::Reading;

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
    std::size_t readings = 0;
    for (const auto& run : runs) readings += run.column->times->size();
    merged.reserve(readings);
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
    const std::int64_t bucket = bucket_of(readings[begin].order.time_us), end_us = span_of_bucket(bucket).to_us;
    std::size_t end = begin + 1;
    while (end < readings.size() && readings[end].order.time_us < end_us) ++end;
    if (bucket == kMaxBucket) end = readings.size();
    if (auto done = write_bucket(series, bucket, merged, readings.subspan(begin, end - begin)); !done) return done;
    begin = end;
  }
  const Reading& newest = readings.back();
  return recent_.put_latest(series, newest.order.time_us, value_at(*merged.source(newest).values, newest.offset));
}

Result<void> SealWriter::write_bucket(SeriesId series, std::int64_t bucket, const MergedReadings& merged,
                                      std::span<const Reading> readings) {
  auto headers = recent_.chunks().bucket_headers(bucket, series);
  if (!headers) return headers.error();
  if (headers->empty()) {
    if (auto done = recent_.chunks().add_bucket(bucket); !done) return done;
    return parts_.write(chunk_id(bucket, series, 0), merged, readings);
  }
  const std::uint32_t next = part_of(headers->back().id) + 1;
  if (next <= kFirstPartsKept) return parts_.write(chunk_id(bucket, series, next), merged, readings);
  // Late data has dribbled into this bucket for long: its parts become few again, in the same order.
  MergedReadings all;
  for (const auto& header : *headers) {
    auto decoded = recent_.chunks().readings(header);
    if (!decoded) return decoded.error();
    all.add_chunk(header, std::make_shared<const ChunkReadings>(std::move(*decoded)), kFirstTime, kEndOfTime);
    if (auto done = recent_.chunks().erase(header.id); !done) return done;
  }
  all.add(merged, readings);
  all.sort();
  return parts_.write(chunk_id(bucket, series, 0), all, all.readings());
}

}  // namespace hub::sqlite
