#include "hub/live/stitcher.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "wire/run_on.h"

namespace hub::live {
namespace {

constexpr std::int64_t kFarUs = std::int64_t{1} << 62;   // later than any reading
constexpr std::size_t kPagesBeforeCatchUp = 256;         // pieces of coverage a history may leave open
constexpr std::int64_t kCatchUpIntervalUs = 10'000'000;  // and how old they may grow: the journal keeps minutes
constexpr std::size_t kLatestBatch = 1'000;
constexpr std::chrono::milliseconds kStoreBusyPause{50};

std::uint32_t page_limit(ValueType type) {
  switch (type) {
    case ValueType::string:
      return 1'024;
    case ValueType::location:
      return 4'096;
    default:
      return 8'192;
  }
}

/// Asks the store from a coroutine: `co_await ask<RawPage>(call)` where call takes the reply.
template <class T, class Call>
wire::Awaitable<Result<T>> ask(Call call) {
  auto start = [call = std::move(call)](auto done) mutable {
    call(Reply<T>([done](Result<T> result) mutable { done(std::move(result)); }));
  };
  co_return co_await wire::await_callback<Result<T>>(std::move(start));
}

}  // namespace

Stitcher::Stitcher(StitchOrder order, ReadingsStore& readings, const base::Clock& clock, StitchSink& sink,
                   std::size_t part_bytes)
    : order_(std::move(order)),
      readings_(readings),
      clock_(clock),
      sink_(sink),
      part_bytes_(part_bytes),
      floor_(order_.after),
      even_from_(order_.after),
      conflate_(order_.conflate) {
  std::unordered_map<DeviceId, std::uint32_t> devices;
  for (const auto& record : order_.series) {
    const auto [it, is_new] = devices.try_emplace(record.device, static_cast<std::uint32_t>(devices_.size()));
    if (is_new) devices_.push_back(record.device);
    Series series;
    series.id = record.id;
    series.device = it->second;
    series.interval_ms = record.interval_ms;
    series.type = record.type;
    if (!order_.history) {
      const auto own = order_.ahead.find(record.id);
      const CommitNumber after = own != order_.ahead.end() ? own->second : order_.after;
      series.coverage = Coverage::all(after);
      floor_ = std::min(floor_, after);
      even_from_ = std::max(even_from_, after);
    }
    series_.push_back(std::move(series));
  }
  std::sort(series_.begin(), series_.end(), [](const Series& a, const Series& b) { return a.id < b.id; });
  sent_floor_ = floor_;
  raised_us_ = ground_us_ = clock_.boot_us();
}

std::optional<CommitNumber> Stitcher::resumable() const {
  if (stage_ != Stage::catch_up || conflate_ || sent_floor_ == 0 || sent_floor_ < even_from_) return std::nullopt;
  return sent_floor_;
}

wire::Awaitable<Stitcher::Step> Stitcher::step() {
  if (cancelled_) co_return Step::cancelled;
  Step step = Step::more;
  switch (stage_) {
    case Stage::announce:
      step = co_await announce();
      break;
    case Stage::gaps:
      step = co_await gaps();
      break;
    case Stage::history:
      step = co_await history();
      break;
    case Stage::snapshot:
      step = co_await snapshot();
      break;
    case Stage::latest:
      step = co_await latest();
      break;
    case Stage::catch_up:
      step = co_await catch_up();
      break;
  }
  co_return cancelled_ ? Step::cancelled : step;
}

wire::Awaitable<Stitcher::Step> Stitcher::announce() {
  if (order_.announce) {
    constexpr std::size_t kInfosAPart = 256;  // of about 100 bytes
    std::size_t i = 0;
    do {
      const std::size_t n = std::min(kInfosAPart, order_.series.size() - i);
      append_series(assembly_, order_.subscription, std::span(order_.series).subspan(i, n), order_.added || i != 0);
      i += n;
      if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
    } while (i < order_.series.size());
  }
  order_.series.clear();
  order_.series.shrink_to_fit();
  if (!order_.added) {
    if (order_.restarted) assembly_ += *phase_fragment(order_.subscription, pb::LivePhase::PHASE_RESTARTED);
    assembly_ += *phase_fragment(order_.subscription,
                                 order_.history ? pb::LivePhase::PHASE_HISTORY : pb::LivePhase::PHASE_CATCH_UP);
  }
  if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
  const std::int64_t now = clock_.now_us();
  grid_end_us_ = order_.to_us != 0 ? order_.to_us : std::max(now, order_.from_us);
  if (!order_.history) {
    // What is late is told by the latest reading, which a resumed subscription has not seen yet.
    stage_ = Stage::latest;
  } else {
    stage_ = order_.from_us == 0 ? Stage::snapshot : Stage::gaps;
  }
  next_ = 0;
  co_return Step::more;
}

wire::Awaitable<Stitcher::Step> Stitcher::gaps() {
  if (next_ == 0) gaps_floor_ = readings_.head().commit;  // before the question, as what comes behind may not be in it
  if (next_ >= devices_.size()) {
    stage_ = Stage::history;
    next_ = 0;
    co_return Step::more;
  }
  GapQuery query;
  query.cancellation = cancellation_;
  query.device = devices_[next_];
  query.from_us = order_.from_us;
  query.to_us = order_.to_us != 0 ? order_.to_us : kFarUs;
  for (const auto& series : series_) {
    if (series.device == next_) query.series.push_back(series.id);
  }
  auto call = [this, query](Reply<std::vector<Gap>> reply) { readings_.gaps(query, std::move(reply)); };
  const auto found = co_await ask<std::vector<Gap>>(std::move(call));
  if (!found) co_return co_await retry(found.error());
  for (const auto& gap : *found) {
    append_gap(assembly_, gap);
    if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
  }
  ++next_;
  co_return Step::more;
}

wire::Awaitable<Stitcher::Step> Stitcher::history() {
  if (next_ >= series_.size()) {
    if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
    if (order_.to_us != 0) co_return Step::done;
    stage_ = Stage::latest;
    next_ = 0;
    co_return Step::more;
  }
  // A long history lets the journal move on: what its earlier pieces miss is caught up now and then.
  if (order_.to_us == 0 && (pages_ >= kPagesBeforeCatchUp || clock_.boot_us() - raised_us_ >= kCatchUpIntervalUs)) {
    Step outcome = Step::more;
    if (const bool ok = co_await refresh_coverage(outcome); !ok) co_return outcome;
  }
  Series& series = series_[next_];
  const bool buckets_due = order_.width != 0 && series.coverage.empty() && grid_end_us_ > order_.from_us;
  if (buckets_due) co_return co_await history_buckets(series);
  co_return co_await history_raw(series);
}

wire::Awaitable<Stitcher::Step> Stitcher::history_buckets(Series& series) {
  const BucketQuery query{series.id, order_.from_us, grid_end_us_, order_.width, cancellation_};
  auto call = [this, query](Reply<Buckets> reply) { readings_.query_buckets(query, std::move(reply)); };
  const auto buckets = co_await ask<Buckets>(std::move(call));
  if (!buckets) co_return co_await retry(buckets.error());
  const HistoryHead head{order_.subscription, series.id, order_.from_us, grid_end_us_, order_.width};
  std::size_t i = 0;
  do {
    const std::size_t room = part_bytes_ > assembly_.size() ? part_bytes_ - assembly_.size() : 1;
    const std::size_t end = i + (i < buckets->index.size() ? fitting(*buckets, i, room) : 0);
    append_history(assembly_, head, *buckets, i, end, end == buckets->index.size());
    i = end;
    if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
  } while (i < buckets->index.size());
  series.coverage.add(grid_end_us_, buckets->as_of);
  if (!buckets->index.empty()) {
    series.newest_us = order_.from_us + static_cast<std::int64_t>(static_cast<double>(grid_end_us_ - order_.from_us) /
                                                                  order_.width * buckets->index.back());
  }
  ++pages_;
  // Readings behind the grid's end (device clocks run ahead) are looked for once all are done: see latest().
  ++next_;
  co_return Step::more;
}

wire::Awaitable<Stitcher::Step> Stitcher::history_raw(Series& series) {
  RawQuery query;
  query.series = series.id;
  query.from_us = order_.from_us;
  query.to_us = order_.to_us != 0 ? order_.to_us : kFarUs;
  query.limit = page_limit(series.type);
  query.cursor = cursor_;
  query.cancellation = cancellation_;
  auto call = [this, query](Reply<RawPage> reply) { readings_.query_raw(query, std::move(reply)); };
  auto page = co_await ask<RawPage>(std::move(call));
  if (!page) co_return co_await retry(page.error());
  const HistoryHead head{order_.subscription, series.id, order_.from_us, grid_end_us_, 0};
  ReadingRun run{series.id, page->times_us, &page->values, 0, page->times_us.size()};
  const std::size_t size = run.end;
  const bool is_last = !page->next;
  do {
    run.end = size;
    const std::size_t room = part_bytes_ > assembly_.size() ? part_bytes_ - assembly_.size() : 1;
    run.end = run.begin + fitting(run, room);
    append_history(assembly_, head, run, is_last && run.end == size);
    run.begin = run.end;
    if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
  } while (run.begin < size);
  series.coverage.add(is_last ? Coverage::kForEver : page->times_us.back(), page->as_of);
  if (size != 0) series.newest_us = page->times_us.back();
  ++pages_;
  cursor_ = std::move(page->next);
  if (is_last) ++next_;
  co_return Step::more;
}

wire::Awaitable<Stitcher::Step> Stitcher::snapshot() {
  if (next_ == 0) floor_ = readings_.head().commit;  // before the question: what comes behind is caught up
  if (next_ >= series_.size()) {
    if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
    stage_ = Stage::catch_up;
    co_return Step::more;
  }
  std::vector<SeriesId> batch;
  const std::size_t end = std::min(series_.size(), next_ + kLatestBatch);
  for (std::size_t i = next_; i < end; ++i) batch.push_back(series_[i].id);
  auto call = [this, batch](Reply<std::vector<LatestReading>> reply) { readings_.latest(batch, std::move(reply)); };
  const auto found = co_await ask<std::vector<LatestReading>>(std::move(call));
  if (!found) co_return co_await retry(found.error());
  for (const auto& reading : *found) {
    const std::int64_t times[] = {reading.time_us};
    const ValueColumn values = std::visit(
        [](const auto& value) -> ValueColumn {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, bool>) {
            return std::vector<std::uint8_t>{static_cast<std::uint8_t>(value)};
          } else {
            return std::vector<T>{value};
          }
        },
        reading.value);
    append_update(assembly_, {reading.series, times, &values, 0, 1}, false, order_.subscription);
    auto& series = *find(reading.series);
    series.newest_us = series.latest_us = reading.time_us;
    snapshot_[reading.series] = reading;
    if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
  }
  for (std::size_t i = next_; i < end; ++i) series_[i].coverage = Coverage::all(floor_);
  even_from_ = floor_;
  next_ = end;
  co_return Step::more;
}

// After the history, so that nothing it has can be missing here: a series whose latest reading lies before the grid's
// end had none behind it either when its buckets were read.
wire::Awaitable<Stitcher::Step> Stitcher::latest() {
  if (next_ >= series_.size()) {
    if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
    stage_ = Stage::catch_up;
    if (order_.history) {
      // The history's pieces may all be of later commits than the answer about gaps.
      floor_ = std::min(lowest(), gaps_floor_);
      even_from_ = highest();
      if (!order_.added) assembly_ += *phase_fragment(order_.subscription, pb::LivePhase::PHASE_CATCH_UP);
      if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
    }
    ground_us_ = clock_.boot_us();
    ground_lag_ = 0;
    co_return Step::more;
  }
  std::vector<SeriesId> batch;
  const std::size_t end = std::min(series_.size(), next_ + kLatestBatch);
  for (std::size_t i = next_; i < end; ++i) batch.push_back(series_[i].id);
  // The latest readings tell of every commit that the head names, and perhaps of no later one.
  const CommitNumber told_through = readings_.head().commit;
  auto call = [this, batch](Reply<std::vector<LatestReading>> reply) { readings_.latest(batch, std::move(reply)); };
  const auto found = co_await ask<std::vector<LatestReading>>(std::move(call));
  if (!found) co_return co_await retry(found.error());
  for (const auto& reading : *found) {
    Series& series = *find(reading.series);
    series.latest_us = reading.time_us;
    if (series.coverage.complete() || reading.time_us < grid_end_us_) continue;
    // Readings behind the grid: no bucket can hold them, so they come as updates of this subscription.
    std::optional<std::string> cursor;
    do {
      RawQuery query{series.id, grid_end_us_, kFarUs, page_limit(series.type), cursor, cancellation_};
      auto ask_page = [this, query](Reply<RawPage> reply) { readings_.query_raw(query, std::move(reply)); };
      auto page = co_await ask<RawPage>(std::move(ask_page));
      if (!page) co_return co_await retry(page.error());
      ReadingRun run{series.id, page->times_us, &page->values, 0, 0};
      const std::size_t size = page->times_us.size();
      while (run.begin < size) {
        run.end = size;
        run.end = run.begin + fitting(run, part_bytes_);
        append_update(assembly_, run, false, order_.subscription);
        run.begin = run.end;
        if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
      }
      series.coverage.add(page->next ? page->times_us.back() : Coverage::kForEver, page->as_of);
      cursor = std::move(page->next);
    } while (cursor);
  }
  for (std::size_t i = next_; i < end; ++i) {
    auto& coverage = series_[i].coverage;
    if (!coverage.complete()) coverage.add(Coverage::kForEver, std::min(coverage.floor(), told_through));
  }
  next_ = end;
  co_return Step::more;
}

wire::Awaitable<bool> Stitcher::send_if_large(std::size_t times) {
  if (assembly_.size() < part_bytes_ * times) co_return !cancelled_;
  co_return co_await send_rest();
}

wire::Awaitable<bool> Stitcher::send_rest() {
  if (!assembly_.empty()) {
    std::string message;
    message.swap(assembly_);
    if (const bool ok = co_await sink_.send(std::move(message), *this); !ok) co_return false;
  }
  co_return !cancelled_;
}

wire::Awaitable<Stitcher::Step> Stitcher::retry(error_code error) {
  const errc code = to_errc(error);
  if (code == errc::busy) {
    boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor, kStoreBusyPause);
    co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return Step::more;
  }
  if (code == errc::gone) co_return Step::gone;
  failure_ = code;
  co_return Step::failed;
}

Stitcher::Series* Stitcher::find(SeriesId id) {
  const auto it = std::lower_bound(series_.begin(), series_.end(), id,
                                   [](const Series& series, SeriesId wanted) { return series.id < wanted; });
  return it != series_.end() && it->id == id ? &*it : nullptr;
}

const Stitcher::Series* Stitcher::find(SeriesId id) const {
  return const_cast<Stitcher*>(this)->find(id);
}

}  // namespace hub::live
