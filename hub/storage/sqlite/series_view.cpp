#include "hub/storage/sqlite/series_view.h"

#include <algorithm>
#include <set>

namespace hub::sqlite {

Result<SeriesView> SeriesView::open(RecentReader& reader, const Tail& tail, SeriesId series, std::int64_t from_us,
                                    std::int64_t to_us) {
  auto views = open(reader, tail, std::span(&series, 1), from_us, to_us);
  if (!views) return views.error();
  return std::move(views->front());
}

Result<std::vector<SeriesView>> SeriesView::open(RecentReader& reader, const Tail& tail,
                                                 std::span<const SeriesId> series, std::int64_t from_us,
                                                 std::int64_t to_us) {
  auto copy = tail.copy(series, from_us, to_us);
  auto taken = reader.snapshot();
  if (!taken) return taken.error();
  const auto snapshot = std::make_shared<const RecentReader::Snapshot>(std::move(*taken));
  const CommitNumber sealed = snapshot->sealed_through;
  std::vector<SeriesView> views;
  views.reserve(series.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    SeriesView view(reader, snapshot);
    view.runs_ = std::move(copy.runs[i]);
    std::erase_if(view.runs_, [&](const TailRun& run) { return run.commit->number <= sealed; });
    view.as_of_ = std::max(copy.head, sealed);
    view.series_ = series[i];
    view.from_us_ = from_us;
    view.to_us_ = to_us;
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::vector<std::int64_t>> SeriesView::sealed_days() {
  const std::int64_t first = bucket_of(from_us_), last = bucket_of(to_us_ - 1);
  auto buckets = reader_->chunks().buckets(first, last);
  if (!buckets) return buckets.error();
  auto partitions = reader_->catalogue().list(day_of_bucket(first), day_of_bucket(last));
  if (!partitions) return partitions.error();
  std::set<std::int64_t> days;
  for (const std::int64_t bucket : *buckets) days.insert(days.end(), day_of_bucket(bucket));
  for (const auto& partition : *partitions) days.insert(partition.name.day);
  return std::vector<std::int64_t>(days.begin(), days.end());
}

Result<std::vector<std::int64_t>> SeriesView::days() {
  auto sealed = sealed_days();
  if (!sealed) return sealed.error();
  std::set<std::int64_t> days(sealed->begin(), sealed->end());
  for (const auto& run : runs_) {
    for (const std::int64_t time : *run.column->times) {
      if (time >= from_us_ && time < to_us_) days.insert(day_of_time(time));
    }
  }
  return std::vector<std::int64_t>(days.begin(), days.end());
}

Result<std::vector<SealedChunk>> SeriesView::chunks(std::int64_t day) {
  std::vector<SealedChunk> found;
  if (auto done = add_partitions(day, found); !done) return done.error();
  const BucketSpan span = buckets_of_day(day);
  auto buckets =
      reader_->chunks().buckets(std::max(span.first, bucket_of(from_us_)), std::min(span.last, bucket_of(to_us_ - 1)));
  if (!buckets) return buckets.error();
  for (const std::int64_t bucket : *buckets) {
    auto headers = reader_->chunks().bucket_headers(bucket, series_);
    if (!headers) return headers.error();
    for (auto& header : *headers) found.push_back({std::move(header), &reader_->chunks()});
  }
  std::erase_if(found,
                [&](const SealedChunk& c) { return c.header.last_us < from_us_ || c.header.first_us >= to_us_; });
  std::stable_sort(found.begin(), found.end(),
                   [](const SealedChunk& a, const SealedChunk& b) { return a.header.first_us < b.header.first_us; });
  return found;
}

Result<void> SeriesView::add_partitions(std::int64_t day, std::vector<SealedChunk>& found) {
  const auto records = reader_->catalogue().list(day, day);
  if (!records) return records.error();
  day_.clear();
  const BucketSpan span = buckets_of_day(day);
  for (const auto& record : *records) {
    if (record.last_us < from_us_ || record.first_us >= to_us_) continue;
    auto partition = reader_->partition(record.name);
    if (!partition) return partition.error();
    if (*partition == nullptr) continue;
    auto headers = (*partition)
                       ->headers(series_, hour_of_bucket(std::max(span.first, bucket_of(from_us_))),
                                 hour_of_bucket(std::min(span.last, bucket_of(to_us_ - 1))));
    if (!headers) return headers.error();
    for (auto& header : *headers) found.push_back({std::move(header), &(*partition)->chunks()});
    day_.push_back(std::move(*partition));
  }
  return {};
}

Result<std::vector<ExpiredDay>> SeriesView::summarised_days() {
  auto days = reader_->catalogue().expired(day_of_bucket(bucket_of(from_us_)), day_of_bucket(bucket_of(to_us_ - 1)));
  if (days) std::erase_if(*days, [](const ExpiredDay& day) { return day.summarised == 0; });
  return days;
}

Result<std::vector<ChunkHeader>> SeriesView::hours(const ExpiredDay& day) {
  auto summary = reader_->summary(month_of_day(day.day), day.retention_class);
  if (!summary) return summary.error();
  if (*summary == nullptr) return std::vector<ChunkHeader>();
  auto headers = (*summary)->headers(series_, day.day, day.summarised);
  if (headers)
    std::erase_if(*headers, [&](const ChunkHeader& h) { return h.last_us < from_us_ || h.first_us >= to_us_; });
  return headers;
}

Result<void> DecodedChunks::add_to(MergedReadings& merged, const std::vector<SealedChunk>& chunks, std::int64_t from_us,
                                   std::int64_t to_us) {
  decoded_.resize(chunks.size());
  while (passed_ < chunks.size() && chunks[passed_].header.last_us < from_us) decoded_[passed_++].reset();
  for (std::size_t i = passed_; i < chunks.size() && chunks[i].header.first_us < to_us; ++i) {
    const auto& [header, table] = chunks[i];
    if (header.last_us < from_us) {
      decoded_[i].reset();
      continue;
    }
    if (!decoded_[i]) {
      auto readings = table->readings(header);
      if (!readings) return readings.error();
      decoded_[i] = std::make_shared<const ChunkReadings>(std::move(*readings));
    }
    merged.add_chunk(header, decoded_[i], from_us, to_us);
  }
  return {};
}

}  // namespace hub::sqlite
