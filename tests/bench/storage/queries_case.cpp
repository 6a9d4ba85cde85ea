#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tests/bench/storage/cases.h"
#include "tests/bench/storage/frames.h"
#include "tests/bench/storage/process_cost.h"

namespace bench {
namespace {

constexpr std::uint64_t kDaySeconds = 86'400;
constexpr unsigned kHistorySeries[] = {0, 2, 7, 8};  // °C, hPa, an accelerometer's float, W
// A figure of a slow engine is the median of fewer runs, but no fewer than these.
constexpr double kEnoughMs = 10'000;
constexpr std::size_t kFewestRuns = 5;

/// What is asked, and whether the answer was right.
struct Question {
  std::string name;
  std::function<void()> ask;
  std::function<void()> check;
};

class QueriesRun {
 public:
  QueriesRun(const EngineMaker& make, const Report& report, const QueriesOptions& options)
      : report_(report), options_(options) {
    EngineOptions engine_options;
    engine_options.start_us = kStartUs;
    engine_options.seal_interval_us = kDayUs;  // the way in is not what is measured
    engine_ = make(engine_options);
    asked_series_ = options.devices * kSeriesPerDevice + kHistorySeries[0];
    fleet_.resize(std::size_t{options.devices} * kSeriesPerDevice);
    std::iota(fleet_.begin(), fleet_.end(), 0U);
  }

  void run() {
    fill();
    for (const auto& question : questions()) {
      question.check();
      const auto before = ProcessCost::now();
      const auto runs = say_median(question.name + "_ms", [&] { return timed_ms(question.ask); });
      const auto cost = ProcessCost::now().since(before);
      // Steadier than wall time where the machine has other work.
      report_.say(question.name + "_cpu_ms", cost.cpu_s * 1e3 / static_cast<double>(runs), "ms");
    }
    std::vector<double> opened;
    for (const auto& question : questions()) {
      say_median(question.name + "_cold_ms", [&] {
        engine_->forget_cached();
        opened.push_back(timed_ms([&] { engine_->open(); }));
        return timed_ms(question.ask);
      });
    }
    report_.say("open_cold_ms", quantile(opened, 0.5), "ms");
  }

 private:
  /// Answers how often it was run.
  std::size_t say_median(const std::string& figure, const std::function<double()>& run) const {
    std::vector<double> ms;
    double total_ms = 0;
    while (ms.size() < options_.runs && (ms.size() < kFewestRuns || total_ms < kEnoughMs)) {
      ms.push_back(run());
      total_ms += ms.back();
    }
    report_.say(figure, quantile(ms, 0.5), "ms");
    return ms.size();
  }

  void fill() {
    WorkloadOptions fleet;
    fleet.devices = options_.devices;
    FrameMaker fleet_maker(fleet, {kBulkInstants, 0, {}});
    store(fleet_maker.next(options_.seconds));
    store(fleet_maker.rest());
    WorkloadOptions history;
    history.devices = 1;
    FrameMaker maker(history,
                     {kBulkInstants, options_.devices, {std::begin(kHistorySeries), std::end(kHistorySeries)}});
    for (unsigned day = 0; day < options_.days; ++day) {
      auto frames = maker.next(kDaySeconds);
      for (const auto& frame : frames) remember(frame);
      store(std::move(frames));
      if (day % 10 == 9) report_.note("stored " + std::to_string(day + 1) + " days");
    }
    engine_->compact();
  }

  void store(std::vector<Frame> frames) {
    engine_->prepare(std::move(frames));
    engine_->store();
    engine_->seal();
  }

  void remember(const Frame& frame) {
    for (std::size_t i = 0; i < frame.times_us.size(); ++i) {
      truth_.push_back({frame.times_us[i], frame.values.front()[i]});
    }
  }

  std::vector<Question> questions() {
    const std::int64_t end_us = kStartUs + options_.days * kDayUs;
    const std::int64_t middle_us = kStartUs + options_.days / 2 * kDayUs;
    // Half a second off, so that no sample strays over an end.
    const std::int64_t hour_us = middle_us + kSecondUs / 2;
    return {{"latest_10000", [this] { (void)engine_->latest(fleet_); }, [this] { check_latest(); }},
            {"raw_1h", [=, this] { (void)engine_->raw(asked_series_, hour_us, hour_us + kHourUs); },
             [=, this] { check_raw(hour_us, hour_us + kHourUs); }},
            buckets("day_1000", middle_us, middle_us + kDayUs, 1'000),
            buckets("month_1000", kStartUs, end_us, 1'000),
            buckets("month_by_hour", kStartUs, end_us, options_.days * 24)};
  }
  Question buckets(std::string name, std::int64_t from_us, std::int64_t to_us, std::uint32_t width) {
    return {std::move(name), [=, this] { (void)engine_->buckets(asked_series_, from_us, to_us, width); },
            [=, this] { check_buckets(from_us, to_us, width); }};
  }

  void check_latest() const {
    if (const auto found = engine_->latest(fleet_); found != fleet_.size()) {
      throw Failure("latest: " + std::to_string(found) + " values instead of " + std::to_string(fleet_.size()));
    }
  }
  std::vector<Reading> truth(std::int64_t from_us, std::int64_t to_us) const {
    const auto at = [&](std::int64_t time_us) {
      return std::lower_bound(truth_.begin(), truth_.end(), time_us,
                              [](const Reading& reading, std::int64_t time) { return reading.time_us < time; });
    };
    return {at(from_us), at(to_us)};
  }
  void check_raw(std::int64_t from_us, std::int64_t to_us) const {
    if (engine_->raw(asked_series_, from_us, to_us) != truth(from_us, to_us)) throw Failure("raw: other readings");
  }
  void check_buckets(std::int64_t from_us, std::int64_t to_us, std::uint32_t width) const {
    std::vector<Bucket> expected;
    const std::int64_t width_us = (to_us - from_us) / width;  // without a remainder in every question
    for (const auto& [time_us, value] : truth(from_us, to_us)) {
      const auto index = static_cast<std::uint32_t>((time_us - from_us) / width_us);
      if (expected.empty() || expected.back().index != index) expected.push_back({index, 0, value, value, 0});
      auto& bucket = expected.back();
      ++bucket.count;
      bucket.minimum = std::min(bucket.minimum, value);
      bucket.maximum = std::max(bucket.maximum, value);
      bucket.sum += value;
    }
    const auto same = [](const Bucket& a, const Bucket& b) {
      return a.index == b.index && a.count == b.count && a.minimum == b.minimum && a.maximum == b.maximum &&
             std::abs(a.sum - b.sum) <= 1e-9 * std::abs(b.sum);
    };
    const auto found = engine_->buckets(asked_series_, from_us, to_us, width);
    if (!std::equal(found.begin(), found.end(), expected.begin(), expected.end(), same)) {
      throw Failure("buckets of width " + std::to_string(width) + ": other answers than the readings give");
    }
  }

  const Report& report_;
  const QueriesOptions options_;
  std::unique_ptr<Engine> engine_;
  std::uint32_t asked_series_ = 0;
  std::vector<std::uint32_t> fleet_;
  std::vector<Reading> truth_;  // of the series that is asked for, in order
};

}  // namespace

void run_queries(const EngineMaker& make, const Report& report, const QueriesOptions& options) {
  QueriesRun(make, report, options).run();
}

}  // namespace bench
