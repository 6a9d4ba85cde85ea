// What readers ask of partitions, recent.db and the tail together, each answered from one consistent view and within a
// limit, whose error ends it.
#pragma once

#include <vector>

#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/query_limit.h"
#include "hub/storage/sqlite/recent_reader.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

/// Works through days and their ten-minute buckets; holds a day's headers, the chunks that reach into one bucket, and
/// the page.
Result<RawPage> query_raw(RecentReader& reader, const Tail& tail, const RawQuery& query, const QueryLimit& limit);
/// Holds a day's headers, one chunk's readings, the tail's, and the buckets. Chunks that lie in one bucket are answered
/// by their header.
Result<Buckets> query_buckets(RecentReader& reader, const Tail& tail, const BucketQuery& query,
                              const QueryLimit& limit);
/// One series after another, from one view of all; holds the answers besides.
Result<std::vector<Buckets>> query_many_buckets(RecentReader& reader, const Tail& tail, const ManyBucketsQuery& query,
                                                const QueryLimit& limit);
/// What is in partitions that are missing or damaged is a gap of the device, too. errc::too_large past 100,000 gaps:
/// ask for a narrower range.
Result<std::vector<Gap>> query_gaps(RecentReader& reader, const Tail& tail, const GapQuery& query,
                                    const QueryLimit& limit);

}  // namespace hub::sqlite
