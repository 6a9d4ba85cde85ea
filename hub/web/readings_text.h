// Pages of readings as JSON and CSV, written straight into one string: a page holds up to 100,000 rows.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "hub/core/reading.h"
#include "hub/storage/device_store.h"
#include "hub/storage/readings_store.h"

namespace hub::web {

/// What stands around the rows.
struct ReadingsHead {
  std::string device;  // id
  SeriesRecord series;
  std::size_t revisions = 1;  // how many the series has
  std::int64_t from_us = 0, to_us = 0;
  std::vector<Gap> gaps;
  std::string as_of;        // opaque position
  std::string next_cursor;  // empty: no more
};

/// The same of many series of one device.
struct ManyReadingsHead {
  std::string device;                             // id
  std::vector<SeriesRecord> series;               // in the order of the answers
  std::vector<std::pair<Gap, std::string>> gaps;  // with the name of the series, empty: the device's
  std::string as_of;
};

std::string raw_json(const ReadingsHead& head, const RawPage& page);
std::string raw_csv(const RawPage& page);  // time,value; a location is "latitude longitude altitude"
std::string buckets_json(const ReadingsHead& head, const BucketQuery& query, const Buckets& buckets);
std::string many_buckets_json(const ManyReadingsHead& head, const BucketQuery& query,
                              const std::vector<Buckets>& buckets);
/// {columns, rows: [[device, series, unit, time, value], …]}; `series` knows each reading's series.
std::string latest_json(const std::vector<LatestReading>& readings,
                        const std::unordered_map<SeriesId, const SeriesRecord*>& series);
std::string buckets_csv(const BucketQuery& query, const Buckets& buckets);

/// The start of bucket `index`: from + floor(index·(to−from)/width), without overflow.
std::int64_t bucket_start_us(const BucketQuery& query, std::uint32_t index);

/// {device, series: name or null, from, to, count, at_most, reason, reported_by}
void append_gap(std::string& out, const Gap& gap, const std::string& series_name);

}  // namespace hub::web
