#include <algorithm>
#include <atomic>

#include "tests/bench/storage/cases.h"
#include "tests/bench/storage/frames.h"
#include "tests/bench/storage/fsync_probe.h"
#include "tests/bench/storage/hub_engine.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{5};  // the frames of so long are sent at once

void say_quantiles(const Report& report, const std::string& what, const std::vector<double>& ms) {
  report.say(what + "_p50_ms", quantile(ms, 0.5), "ms");
  report.say(what + "_p99_ms", quantile(ms, 0.99), "ms");
}

/// Which of them were going on during a seal.
std::vector<double> durations(const std::vector<Interval>& all, const std::vector<Interval>& seals, bool during) {
  std::vector<double> ms;
  for (const auto& each : all) {
    const bool met = std::any_of(seals.begin(), seals.end(), [&](const auto& seal) { return seal.overlaps(each); });
    if (met == during) ms.push_back(each.ms());
  }
  return ms;
}

/// Begins a seal from time to time and sees when it has ended.
class SealSchedule {
 public:
  SealSchedule(HubEngine& engine, std::chrono::seconds every)
      : engine_(engine), every_(every), next_(Clock::now() + every) {}

  void look() {
    const auto now = Clock::now();
    if (running_) {
      if (engine_.seals() == known_) return;
      seals_.back().end = now;
      running_ = false;
      next_ = std::max(next_, now);
    } else if (now >= next_) {
      known_ = engine_.seals();
      seals_.push_back({now, Clock::time_point::max()});
      engine_.begin_seal();
      running_ = true;
      next_ += every_;
    }
  }
  const std::vector<Interval>& seals() const { return seals_; }

 private:
  HubEngine& engine_;
  const std::chrono::seconds every_;
  Clock::time_point next_;
  std::vector<Interval> seals_;
  std::uint64_t known_ = 0;
  bool running_ = false;
};

}  // namespace

void run_seal_pauses(const std::string& folder, const Report& report, const SealPausesOptions& options) {
  EngineOptions engine_options;
  engine_options.folder = folder;
  engine_options.start_us = kStartUs;
  HubEngine engine(engine_options);
  WorkloadOptions workload;
  workload.devices = options.devices;
  FrameMaker maker(workload, {});
  const double data_rate = options.devices * kSeriesPerDevice;  // readings in a second of the data's
  auto frames = maker.next(static_cast<std::uint64_t>(options.rate * options.seconds / data_rate) + 1);
  const double frames_per_tick =
      options.rate * std::chrono::duration<double>(kTick).count() / static_cast<double>(frames.front().reading_count());
  engine.prepare(std::move(frames));
  std::vector<Interval> commits(engine.prepared());
  std::atomic<std::size_t> answered{0};

  FsyncProbe probe(folder);
  SealSchedule schedule(engine, std::chrono::seconds(options.seal_every_s));
  auto tick = Clock::now();
  std::size_t sent = 0;
  double late_ms = 0;
  for (double due = 0; sent < commits.size(); tick += kTick) {
    std::this_thread::sleep_until(tick);
    late_ms = std::max(late_ms, Interval{tick, Clock::now()}.ms());
    schedule.look();
    due += frames_per_tick;
    for (; sent < commits.size() && static_cast<double>(sent) < due; ++sent) {
      commits[sent].begin = Clock::now();
      engine.append_prepared(sent, [&answered, &commit = commits[sent]] {
        commit.end = Clock::now();
        ++answered;
      });
    }
  }
  const auto deadline = Clock::now() + std::chrono::minutes(1);
  while (answered < commits.size() && Clock::now() < deadline) std::this_thread::sleep_for(kTick);
  const auto flushes = probe.finish();
  engine.check();
  if (answered < commits.size()) throw Failure("not every commit was answered");
  if (schedule.seals().empty()) throw Failure("nothing was sealed: the run is shorter than --seal-every");

  std::vector<double> seals_ms;
  for (const auto& seal : schedule.seals()) {
    if (seal.end != Clock::time_point::max()) seals_ms.push_back(seal.ms());
  }
  report.note(std::to_string(schedule.seals().size()) + " seals; sent at most " + std::to_string(late_ms) + " ms late");
  say_quantiles(report, "commit", durations(commits, schedule.seals(), false));
  say_quantiles(report, "commit_during_seal", durations(commits, schedule.seals(), true));
  say_quantiles(report, "fsync", durations(flushes, schedule.seals(), false));
  say_quantiles(report, "fsync_during_seal", durations(flushes, schedule.seals(), true));
  report.say("seal_p50_ms", quantile(seals_ms, 0.5), "ms");
}

}  // namespace bench
