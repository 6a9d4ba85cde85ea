#include "tests/bench/storage/hub_engine.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <utility>

#include "tests/bench/storage/files.h"

namespace bench {
namespace {

constexpr std::chrono::minutes kPatience{10};
constexpr std::size_t kBatchesUnderWay = 2;
constexpr hub::SeriesId kMarkerSeries{0xfffffffe};
constexpr unsigned kMarkerDevice = 99'999'999;

hub::SeriesId id_of(std::uint32_t series) {
  return hub::SeriesId{series + 1};
}

hub::StreamKey stream_of(unsigned device) {
  char name[24];  // as long as the hub's own
  std::snprintf(name, sizeof name, "d%022u", device);
  return fakes::stream_of(name);
}

/// What the store counts for so many readings in frames of ten times ten: its groups then close where they should.
std::size_t batch_bytes(std::size_t readings) {
  constexpr std::size_t kInstants = 10, kColumns = 10;
  auto frame = fakes::frame_of(stream_of(0), 1);
  const auto times = fakes::times(std::vector<std::int64_t>(kInstants));
  for (std::uint32_t i = 0; i < kColumns; ++i)
    frame.columns.push_back({id_of(i), times, std::vector<double>(kInstants)});
  return frame.size_bytes() * readings / (kInstants * kColumns);
}

template <class T>
T value_of(hub::Result<T> result, const char* what) {
  if (!result) throw Failure(std::string(what) + ": " + result.error().message());
  return std::move(*result);
}

template <class Condition>
void wait_until(const char* what, std::chrono::microseconds pause, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) throw Failure(std::string("waited in vain: ") + what);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

/// Counts the batches that wait for their answers.
class HubEngine::Batches {
 public:
  explicit Batches(std::size_t count) : waiting_(count) {}

  /// Before the batch's first frame is handed over; waits for room.
  void begin(std::size_t batch, std::size_t frames) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return under_way_ < kBatchesUnderWay; });
    ++under_way_;
    waiting_[batch] = frames;
  }
  void answered(std::size_t batch) {
    if (waiting_[batch].fetch_sub(1) > 1) return;
    const std::lock_guard lock(mutex_);
    --under_way_;
    done_.notify_one();  // with the lock held: who waits may destroy this right after
  }
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return under_way_ == 0; });
  }

 private:
  std::vector<std::atomic<std::size_t>> waiting_;  // frames, by batch
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t under_way_ = 0;
};

HubEngine::HubEngine(EngineOptions options) : options_(std::move(options)), clock_(options_.start_us) {
  open();
}

void HubEngine::open() {
  hub::sqlite::ReadingsOptions options;
  options.folder = options_.folder;
  options.seal_interval_us = options_.seal_interval_us;
  options.commit_max_bytes = batch_bytes(options_.batch);
  auto store = hub::sqlite::open_readings_store(options, clock_, random_);
  if (!store) throw Failure(store.error().detail);
  store_ = std::move(*store);
}

void HubEngine::close() {
  store_.reset();
}

void HubEngine::forget_cached() {
  close();
  drop_from_cache(options_.folder);
}

void HubEngine::prepare(std::vector<Frame> frames) {
  for (auto& frame : frames) {
    hub::StoredFrame stored;
    stored.stream = stream_of(frame.device);
    stored.first_sequence = stored.last_sequence = ++sequences_[frame.device];
    stored.received_at_us = *std::max_element(frame.times_us.begin(), frame.times_us.end());
    const auto times = fakes::times(std::move(frame.times_us));
    for (std::size_t i = 0; i < frame.series.size(); ++i) {
      stored.columns.push_back({id_of(frame.series[i]), times, std::move(frame.values[i])});
    }
    prepared_.push_back(std::move(stored));
  }
}

std::size_t HubEngine::end_of_batch(std::size_t begin) const {
  std::size_t readings = 0, end = begin;
  while (end < prepared_.size() && readings < options_.batch) readings += prepared_[end++].reading_count();
  return end;
}

void HubEngine::store() {
  Batches batches(prepared_.size() + 1);
  std::size_t batch = 0;
  for (std::size_t begin = 0, end = 0; begin < prepared_.size(); begin = end, ++batch) {
    end = end_of_batch(begin);
    wait_for_tail();
    batches.begin(batch, end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      advance_to(prepared_[i].received_at_us);
      append(std::move(prepared_[i]), [&batches, batch] { batches.answered(batch); });
    }
  }
  batches.wait();
  prepared_.clear();
  check();
}

void HubEngine::advance_to(std::int64_t time_us) {
  const std::int64_t step_us = time_us - clock_.now_us();
  if (step_us > 0) clock_.advance(step_us);
}

/// Far ahead of the sealer the store answers busy; what a device then does, waiting, is done here.
void HubEngine::wait_for_tail() {
  const std::size_t bound = hub::sqlite::ReadingsOptions().tail_max_bytes * 3 / 2;
  wait_until("room in the tail", std::chrono::milliseconds(1), [&] { return store_->status().tail_bytes < bound; });
}

void HubEngine::append(hub::StoredFrame frame, std::function<void()> done) {
  store_->append(std::move(frame), [this, done = std::move(done)](hub::Result<hub::AppendResult> result) {
    if (!result || result->duplicate) {
      const std::lock_guard lock(mutex_);
      failure_ = result ? "a frame was taken for a duplicate" : "append: " + result.error().message();
    }
    done();
  });
}

void HubEngine::append_prepared(std::size_t index, std::function<void()> done) {
  append(std::move(prepared_.at(index)), std::move(done));
}

void HubEngine::append_marker() {
  auto frame = fakes::number_frame(stream_of(kMarkerDevice), ++marker_sequence_, kMarkerSeries, {clock_.now_us()}, {0});
  value_of(client().append(std::move(frame)), "append");
}

void HubEngine::check() const {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw Failure(failure_);
}

void HubEngine::seal() {
  const hub::CommitNumber through = store_->head().commit;
  while (store_->status().sealed_through < through) {
    begin_seal();
    append_marker();
    // A seal that had begun before the clock moved covers less than all; then the next marker asks again.
    for (int i = 0; i < 100 && store_->status().sealed_through < through; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (const auto status = store_->status(); !status.failure.empty()) throw Failure(status.failure);
  }
}

bool HubEngine::compact() {
  clock_.advance(2 * kDayUs);
  append_marker();
  seal();
  const hub::CommitNumber sealed = store_->status().sealed_through;
  wait_until("compaction", std::chrono::milliseconds(2), [&] { return store_->status().compacted_through >= sealed; });
  if (const auto status = store_->status(); !status.warning.empty()) throw Failure(status.warning);
  return true;
}

std::uint64_t HubEngine::commits() const {
  return store_->status().commits;
}

Engine::Sizes HubEngine::sizes() {
  Sizes sizes;
  sizes.spare = free_page_bytes(options_.folder + "/recent.db") + file_bytes(options_.folder, "reserve");
  sizes.journal = file_bytes(options_.folder, "journal-");
  sizes.disk = file_bytes(options_.folder) - sizes.journal - sizes.spare;
  return sizes;
}

std::size_t HubEngine::latest(std::span<const std::uint32_t> series) {
  std::vector<hub::SeriesId> ids;
  ids.reserve(series.size());
  for (const auto each : series) ids.push_back(id_of(each));
  return value_of(client().latest(std::move(ids)), "latest").size();
}

std::vector<Reading> HubEngine::raw(std::uint32_t series, std::int64_t from_us, std::int64_t to_us) {
  hub::RawQuery query;
  query.series = id_of(series);
  query.from_us = from_us;
  query.to_us = to_us;
  const auto page = value_of(client().raw(query), "raw");
  const auto& values = std::get<std::vector<double>>(page.values);
  std::vector<Reading> readings(page.times_us.size());
  for (std::size_t i = 0; i < readings.size(); ++i) readings[i] = {page.times_us[i], values[i]};
  return readings;
}

std::vector<Bucket> HubEngine::buckets(std::uint32_t series, std::int64_t from_us, std::int64_t to_us,
                                       std::uint32_t width) {
  const auto found = value_of(client().buckets({id_of(series), from_us, to_us, width}), "buckets");
  std::vector<Bucket> buckets(found.index.size());
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    buckets[i] = {found.index[i], found.count[i], found.minimum[i], found.maximum[i], found.sum[i]};
  }
  return buckets;
}

std::uint64_t HubEngine::expire(std::int64_t before_us) {
  const std::string partitions = options_.folder + "/partitions";
  const std::uint64_t bytes = file_bytes(partitions);
  const auto readings = value_of(client().expire(before_us), "expire");
  // The answer comes once nothing of it is found any more; the files go right after.
  if (readings > 0) {
    wait_until("files to be removed", std::chrono::microseconds(200), [&] { return file_bytes(partitions) < bytes; });
  }
  return readings;
}

}  // namespace bench
