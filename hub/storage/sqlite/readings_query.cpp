#include "hub/storage/sqlite/readings_query.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>
#include <unordered_set>

#include "hub/storage/sqlite/column_codec.h"
#include "hub/storage/sqlite/series_view.h"

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

/// Ten-minute buckets of the day, in range, in which there is something, ascending.
std::set<std::int64_t> buckets_with_readings(const std::vector<SealedChunk>& chunks, const std::vector<TailRun>& runs,
                                             std::int64_t day, std::int64_t from_us, std::int64_t to_us) {
  const BucketSpan span = buckets_of_day(day);
  const std::int64_t first = std::max(span.first, bucket_of(from_us));
  const std::int64_t last = std::min(span.last, bucket_of(to_us - 1));
  std::set<std::int64_t> found;
  for (const auto& chunk : chunks) {
    const std::int64_t end = std::min(last, bucket_of(chunk.header.last_us));
    for (std::int64_t b = std::max(first, bucket_of(chunk.header.first_us)); b <= end; ++b) found.insert(b);
  }
  for (const auto& run : runs) {
    for (const std::int64_t time : *run.column->times) {
      const std::int64_t bucket = bucket_of(time);
      if (bucket >= first && bucket <= last) found.insert(bucket);
    }
  }
  return found;
}

/// A partition that cannot be read is a gap of every device: how many of its readings are whose, nobody knows.
Result<void> add_unreadable(RecentReader& reader, const GapQuery& query, std::vector<PlacedGap>& gaps) {
  if (query.from_us == query.to_us) return {};
  const auto partitions = reader.catalogue().list(day_of_time(query.from_us), day_of_time(query.to_us - 1));
  if (!partitions) return partitions.error();
  for (const auto& partition : *partitions) {
    if (partition.last_us < query.from_us || partition.first_us >= query.to_us) continue;
    if (!reader.is_unreadable(partition.name)) continue;
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(partition.readings, 0xffffffffu));
    const Gap gap{query.device, SeriesId{}, partition.first_us,      partition.last_us,
                  count,        true,       GapReason::file_missing, "hub"};
    gaps.push_back({gap, partition.seal, partition.made_at_us, partition.first_us, partition.last_us});
  }
  return {};
}

}  // namespace

Result<RawPage> query_raw(RecentReader& reader, const Tail& tail, const RawQuery& query, const QueryLimit& limit) {
  if (query.limit == 0 || query.from_us > query.to_us) return errc::invalid_argument;
  const std::size_t page_size = std::min(query.limit, kMaxPage);
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
  auto days = view->days();
  if (!days) return days.error();
  std::uint64_t skip = end.answered;
  bool any = false;
  for (const std::int64_t day : *days) {
    if (auto going = limit.check(); !going) return going.error();
    auto chunks = view->chunks(day);
    if (!chunks) return chunks.error();
    DecodedChunks decoded;
    for (const std::int64_t bucket : buckets_with_readings(*chunks, view->runs(), day, from_us, query.to_us)) {
      if (auto going = limit.check(); !going) return going.error();
      const TimeSpan span = span_of_bucket(bucket);
      const std::int64_t low = std::max(from_us, span.from_us), high = std::min(query.to_us, span.to_us);
      MergedReadings merged;
      if (auto done = decoded.add_to(merged, *chunks, low, high); !done) return done.error();
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
        if (page.times_us.size() == page_size) {
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
  }
  return page;
}

Result<std::vector<Gap>> query_gaps(RecentReader& reader, const Tail& tail, const GapQuery& query,
                                    const QueryLimit& limit) {
  if (query.from_us > query.to_us) return errc::invalid_argument;
  const auto unsealed = tail.copy_gaps(query.device, query.from_us, query.to_us);
  auto snapshot = reader.snapshot();
  if (!snapshot) return snapshot.error();
  auto placed = reader.gaps(query.device, query.from_us, query.to_us, kMaxGaps + 1);
  if (!placed) return placed.error();
  if (auto going = limit.check(); !going) return going.error();
  for (const auto& gap : unsealed) {
    if (gap.commit > snapshot->sealed_through) placed->push_back(gap);
  }
  if (auto done = add_unreadable(reader, query, *placed); !done) return done.error();
  if (placed->size() > kMaxGaps) return errc::too_large;
  std::stable_sort(placed->begin(), placed->end(), [](const PlacedGap& a, const PlacedGap& b) {
    return std::tie(a.from_us, a.commit) < std::tie(b.from_us, b.commit);
  });
  const std::unordered_set<SeriesId> wanted(query.series.begin(), query.series.end());
  std::vector<Gap> gaps;
  for (auto& gap : *placed) {
    const SeriesId series = gap.gap.series;
    if (wanted.empty() || raw(series) == 0 || wanted.contains(series)) gaps.push_back(std::move(gap.gap));
  }
  return gaps;
}

}  // namespace hub::sqlite
