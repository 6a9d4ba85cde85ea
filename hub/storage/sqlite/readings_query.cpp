#include "hub/storage/sqlite/readings_query.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "hub/storage/sqlite/column_codec.h"

namespace hub::sqlite {
namespace {

constexpr std::uint32_t kMaxPage = 100'000;
constexpr std::size_t kMaxGaps = 100'000;

/// Where a page ended: the time of its last reading, and how many readings of exactly that time have been answered.
/// What is stored later goes behind them, so this stays right.
struct PageEnd {
  std::int64_t time_us = 0;
  std::uint64_t answered = 0;

  std::string to_text() const { return "1:" + std::to_string(time_us) + ":" + std::to_string(answered); }

  static std::optional<PageEnd> from_text(std::string_view text) {
    if (!text.starts_with("1:")) return std::nullopt;
    text.remove_prefix(2);
    PageEnd end;
    const char* const last = text.data() + text.size();
    const auto time = std::from_chars(text.data(), last, end.time_us);
    if (time.ec != std::errc{} || time.ptr == last || *time.ptr != ':') return std::nullopt;
    const auto answered = std::from_chars(time.ptr + 1, last, end.answered);
    if (answered.ec != std::errc{} || answered.ptr != last) return std::nullopt;
    return end;
  }
};

}  // namespace

Result<SeriesView> SeriesView::open(RecentReader& reader, const Tail& tail, SeriesId series, std::int64_t from_us,
                                    std::int64_t to_us) {
  auto copy = tail.copy(series, from_us, to_us);
  auto snapshot = reader.snapshot();
  if (!snapshot) return snapshot.error();
  const CommitNumber sealed = snapshot->sealed_through;
  std::erase_if(copy.runs, [&](const TailRun& run) { return run.commit->number <= sealed; });
  SeriesView view(reader, std::move(*snapshot));
  view.as_of_ = std::max(copy.head, sealed);
  view.runs_ = std::move(copy.runs);
  view.series_ = series;
  view.from_us_ = from_us;
  view.to_us_ = to_us;
  return view;
}

Result<std::vector<std::int64_t>> SeriesView::sealed_buckets() {
  return reader_->chunks().buckets(bucket_of(from_us_), bucket_of(to_us_ - 1));
}

Result<std::vector<std::int64_t>> SeriesView::buckets() {
  auto sealed = sealed_buckets();
  if (!sealed) return sealed.error();
  std::set<std::int64_t> all(sealed->begin(), sealed->end());
  for (const auto& run : runs_) {
    for (const std::int64_t time : *run.column->times) {
      if (time >= from_us_ && time < to_us_) all.insert(bucket_of(time));
    }
  }
  return std::vector<std::int64_t>(all.begin(), all.end());
}

Result<std::vector<ChunkHeader>> SeriesView::headers(std::int64_t bucket) {
  auto headers = reader_->chunks().headers(bucket, series_);
  if (headers) std::erase_if(*headers, [&](const auto& h) { return h.last_us < from_us_ || h.first_us >= to_us_; });
  return headers;
}

Result<RawPage> query_raw(RecentReader& reader, const Tail& tail, const RawQuery& query) {
  if (query.limit == 0 || query.from_us > query.to_us) return errc::invalid_argument;
  const std::size_t limit = std::min(query.limit, kMaxPage);
  std::int64_t from_us = query.from_us;
  PageEnd end;
  bool resumed = false;
  if (query.cursor) {
    const auto parsed = PageEnd::from_text(*query.cursor);
    if (!parsed || parsed->time_us < query.from_us || parsed->time_us >= query.to_us) return errc::invalid_argument;
    end = *parsed;
    from_us = end.time_us;
    resumed = true;
  }
  RawPage page;
  if (from_us == query.to_us) return page;
  auto view = SeriesView::open(reader, tail, query.series, from_us, query.to_us);
  if (!view) return view.error();
  page.as_of = view->as_of();
  auto buckets = view->buckets();
  if (!buckets) return buckets.error();
  std::uint64_t skip = end.answered;
  bool any = false;
  for (const std::int64_t bucket : *buckets) {
    const TimeSpan span = span_of_bucket(bucket);
    const std::int64_t low = std::max(from_us, span.from_us), high = std::min(query.to_us, span.to_us);
    MergedReadings merged;
    auto headers = view->headers(bucket);
    if (!headers) return headers.error();
    for (const auto& header : *headers) {
      auto decoded = view->readings(header);
      if (!decoded) return decoded.error();
      merged.add_chunk(header, std::move(*decoded), low, high);
    }
    for (const auto& run : view->runs()) {
      if (run.first_us < high && run.last_us >= low) merged.add_run(run, low, high);
    }
    merged.sort();
    for (const auto& reading : merged.readings()) {
      const std::int64_t time = reading.order.time_us;
      if (resumed && time == from_us && skip > 0) {
        --skip;
        continue;
      }
      if (page.times_us.size() == limit) {
        page.next = end.to_text();
        return page;
      }
      const ValueColumn& values = *merged.source(reading).values;
      if (!any) page.values = make_column(page.type = type_of(values));
      any = true;
      page.times_us.push_back(time);
      append_value(page.values, values, reading.offset);
      end = {time, end.time_us == time ? end.answered + 1 : 1};
    }
  }
  return page;
}

Result<std::vector<Gap>> query_gaps(RecentReader& reader, const Tail& tail, const GapQuery& query) {
  if (query.from_us > query.to_us) return errc::invalid_argument;
  const auto unsealed = tail.copy_gaps(query.device, query.from_us, query.to_us);
  auto snapshot = reader.snapshot();
  if (!snapshot) return snapshot.error();
  auto placed = reader.gaps(query.device, query.from_us, query.to_us, kMaxGaps + 1);
  if (!placed) return placed.error();
  for (const auto& gap : unsealed) {
    if (gap.commit > snapshot->sealed_through) placed->push_back(gap);
  }
  if (placed->size() > kMaxGaps) return errc::too_large;
  std::stable_sort(placed->begin(), placed->end(), [](const PlacedGap& a, const PlacedGap& b) {
    return std::tie(a.from_us, a.commit) < std::tie(b.from_us, b.commit);
  });
  std::vector<Gap> gaps;
  for (auto& gap : *placed) {
    const SeriesId series = gap.gap.series;
    if (query.series.empty() || raw(series) == 0 ||
        std::find(query.series.begin(), query.series.end(), series) != query.series.end())
      gaps.push_back(std::move(gap.gap));
  }
  return gaps;
}

}  // namespace hub::sqlite
