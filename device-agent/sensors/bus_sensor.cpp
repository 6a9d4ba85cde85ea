#include "device-agent/sensors/bus_sensor.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr std::size_t kMostBusSeries = 1'024;
constexpr std::size_t kMostBusResting = 256;
constexpr std::int64_t kBusRestUs = 60'000'000;
constexpr int kInterruptSignal = SIGURG;
/// What a local file may take as well. Readings younger than that count as taken at the turn, so that all series of a
/// turn share its time, which is what makes frames small.
constexpr std::int64_t kBusNoAgeUs = 50'000;
constexpr std::int64_t kBusAgeStepUs = 10'000;

void on_interrupt(int) {}

/// A signal that is ignored interrupts nothing. Other threads never get it.
void handle_interrupts() {
  static const bool once = [] {
    struct sigaction old {};
    ::sigaction(kInterruptSignal, nullptr, &old);
    if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) {
      struct sigaction action {};
      action.sa_handler = on_interrupt;  // and no SA_RESTART
      ::sigaction(kInterruptSignal, &action, nullptr);
    }
    return true;
  }();
  (void)once;
}

}  // namespace

/// What the agent's thread and the bus's thread share; owned by both, so that either may be gone first.
struct BusState {
  struct Reading {
    SeriesSpec spec;
    double value;
    std::int64_t measured_us;
  };

  std::shared_ptr<BusFiles> files;
  std::function<std::int64_t()> boot_us;

  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  bool stopping = false, ended = false;
  std::uint64_t asked = 0, done = 0;  // rounds
  std::uint64_t anew = 0;             // the round at which what was not handed over yet is of no use any more
  SteadyTime begin_at{};              // of the round asked for
  std::unordered_map<std::string, Reading> readings;  // by series, not handed over yet; at most kMostBusSeries
  bool is_full = false;
  std::string trouble, next_trouble;  // of the last round, of this one
  std::size_t troubles = 0;
  std::string reading_path;  // in progress
  std::int64_t reading_since_us = 0;
  std::int64_t round_us = 0;                    // how long the last one took
  std::map<std::string, std::int64_t> resting;  // files that hung, until when; at most kMostBusResting
};

struct BusSensor::Thread {
  std::thread thread;
};

namespace {

/// A call of the seam, marked as in progress.
template <typename Call>
auto in_progress(BusState& state, const std::string& path, const Call& call) {
  {
    const std::lock_guard lock(state.mutex);
    state.reading_path = path;
    state.reading_since_us = state.boot_us();
  }
  auto result = call();
  const std::lock_guard lock(state.mutex);
  state.reading_path.clear();
  return result;
}

void run_bus(const std::shared_ptr<BusState>& state, Bus& bus) {
  std::unique_lock lock(state->mutex);
  while (!state->stopping) {
    if (state->asked == state->done) {
      state->changed.wait(lock);
      continue;
    }
    if (std::chrono::steady_clock::now() < state->begin_at) {
      const SteadyTime at = state->begin_at;
      state->changed.wait_until(lock, at);
      continue;
    }
    const std::uint64_t asked = state->asked;
    if (state->anew > state->done) state->readings.clear();
    state->next_trouble.clear();
    state->troubles = 0;
    lock.unlock();
    const std::int64_t began_us = state->boot_us();
    BusRound round(*state, *state->files);
    bus.read(round);
    lock.lock();
    state->round_us = state->boot_us() - began_us;
    state->trouble = state->next_trouble;
    if (state->troubles > 1) state->trouble += " (and " + std::to_string(state->troubles - 1) + " more)";
    state->done = asked;
    state->changed.notify_all();
  }
  state->ended = true;
  state->changed.notify_all();
}

}  // namespace

std::optional<std::string> BusRound::text(const std::string& path) {
  bool is_resting = false;
  {
    const std::lock_guard lock(state_.mutex);
    if (state_.stopping) return std::nullopt;
    const auto rest = state_.resting.find(path);
    is_resting = rest != state_.resting.end() && state_.boot_us() < rest->second;
    if (rest != state_.resting.end() && !is_resting) state_.resting.erase(rest);
  }
  if (is_resting) {
    trouble(path + ": did not answer, and is left alone for a while");
    return std::nullopt;
  }
  FileText file = in_progress(state_, path, [&] { return files_.read(path); });
  if (file.error == ENOENT || file.error == ENODEV || file.error == ENOTDIR) saw_loss_ = true;
  if (file.error == EINTR && !is_stopping()) {
    const std::lock_guard lock(state_.mutex);
    if (state_.resting.size() < kMostBusResting) state_.resting[path] = state_.boot_us() + kBusRestUs;
  }
  switch (file.error) {
    case 0:
      break;
    case ENOENT:
    case ENODEV:
    case ENOTDIR:
    case ENODATA:
    case EAGAIN:
      return std::nullopt;
    case EINTR:
      trouble(path + ": did not answer, and is left alone for a while");
      return std::nullopt;
    default:
      trouble(path + ": " + std::strerror(file.error));
      return std::nullopt;
  }
  file.text.resize(file.text.find_last_not_of(" \t\r\n", std::string::npos) + 1);
  return std::move(file.text);
}

std::optional<double> BusRound::number(const std::string& path) {
  const auto found = text(path);
  if (!found) return std::nullopt;
  const auto value = to_number(found->rfind('+', 0) == 0 ? std::string_view(*found).substr(1) : *found);
  if (!value) trouble(path + ": \"" + name_part(found->substr(0, 24)) + "\" is no number");
  return value;
}

bool BusRound::write(const std::string& path, const std::string& text) {
  return in_progress(state_, path, [&] { return files_.write(path, text); }) == 0;
}

bool BusRound::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(state_.mutex);
  return !state_.changed.wait_for(lock, time, [this] { return state_.stopping; });
}

bool BusRound::is_stopping() const {
  const std::lock_guard lock(state_.mutex);
  return state_.stopping;
}

std::int64_t BusRound::boot_us() const {
  return state_.boot_us();
}

void BusRound::put(const SeriesSpec& spec, double value, std::int64_t measured_us) {
  if (measured_us == 0) measured_us = state_.boot_us();
  const std::lock_guard lock(state_.mutex);
  // One that nobody collected yet is replaced.
  if (state_.readings.size() >= kMostBusSeries && !state_.readings.contains(spec.name)) {
    state_.is_full = true;
    return;
  }
  state_.readings.insert_or_assign(spec.name, BusState::Reading{spec, value, measured_us});
}

void BusRound::trouble(const std::string& what) {
  const std::lock_guard lock(state_.mutex);
  if (state_.troubles++ == 0) state_.next_trouble = what;
}

BusSensor::BusSensor(BusOptions options, std::unique_ptr<Bus> bus)
    : options_(std::move(options)), bus_(std::move(bus)), state_(std::make_shared<BusState>()) {
  state_->files = options_.files ? options_.files : std::make_shared<SystemBusFiles>();
  state_->boot_us = options_.boot_us ? options_.boot_us : [] { return base::SystemClock().boot_us(); };
  for (const auto& spec : bus_->find()) (void)index_of(spec);
}

BusSensor::~BusSensor() {
  if (!thread_) return;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  // The signal may come just before the call that it is to interrupt: again, until the thread is out of it.
  const auto last = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'000);
  while (!state_->ended && std::chrono::steady_clock::now() < last) {
    if (!state_->reading_path.empty()) interrupt();
    state_->changed.wait_for(lock, std::chrono::milliseconds(20));
  }
  const bool ended = state_->ended;
  lock.unlock();
  if (ended)
    thread_->thread.join();
  else
    thread_->thread.detach();  // inside a driver that cannot be interrupted; see the class
}

void BusSensor::start() {
  handle_interrupts();
  thread_ = std::make_unique<Thread>();
  thread_->thread =
      std::thread([state = state_, bus = std::shared_ptr<Bus>(std::move(bus_))] { run_bus(state, *bus); });
}

void BusSensor::interrupt() {
  ::pthread_kill(thread_->thread.native_handle(), kInterruptSignal);
}

std::size_t BusSensor::index_of(const SeriesSpec& spec) {
  const auto known = indexes_.find(spec.name);
  if (known != indexes_.end()) return known->second;
  if (series_.size() >= kMostBusSeries) {
    is_full_ = true;
    return series_.size();
  }
  indexes_.emplace(spec.name, series_.size());
  series_.push_back(spec);
  return series_.size() - 1;
}

void BusSensor::sample(const SampleTime& now, std::vector<Sample>& out) {
  const std::int64_t period_us =
      sampled_us_ == 0 ? 0 : std::clamp<std::int64_t>(now.boot_us - sampled_us_, 0, 3'600'000'000);
  sampled_us_ = now.boot_us;
  if (!thread_) start();
  std::unordered_map<std::string, BusState::Reading> readings;
  {
    const std::lock_guard lock(state_->mutex);
    readings.swap(state_->readings);
    is_full_ = is_full_ || state_->is_full;
    if (state_->asked == state_->done) {
      const std::int64_t lead_us = state_->round_us * 3 / 2 + 20'000;
      ++state_->asked;
      state_->begin_at =
          std::chrono::steady_clock::now() + std::chrono::microseconds(std::max<std::int64_t>(0, period_us - lead_us));
      state_->changed.notify_all();
    } else if (!state_->reading_path.empty() &&
               state_->boot_us() - state_->reading_since_us > options_.hangs_after_us) {
      interrupt();
    }
  }
  for (const auto& [name, reading] : readings) {
    const std::size_t index = index_of(reading.spec);
    if (index == series_.size()) continue;
    const std::int64_t age_us = now.boot_us - reading.measured_us;
    out.push_back({index, reading.value, age_us < kBusNoAgeUs ? 0 : age_us / kBusAgeStepUs * kBusAgeStepUs});
  }
}

bool BusSensor::refresh(std::chrono::milliseconds most) {
  if (!thread_) start();
  std::unique_lock lock(state_->mutex);
  // A round in progress may have read already what has changed since: one more after it.
  const std::uint64_t mine = ++state_->asked;
  state_->anew = mine;
  state_->begin_at = {};
  state_->changed.notify_all();
  return state_->changed.wait_for(lock, most, [&] { return state_->done >= mine; });
}

std::string BusSensor::problem() const {
  const std::lock_guard lock(state_->mutex);
  const std::int64_t busy_us = state_->reading_path.empty() ? 0 : state_->boot_us() - state_->reading_since_us;
  if (busy_us > options_.hangs_after_us / 2) return options_.kind + ": " + state_->reading_path + " does not answer";
  if (is_full_)
    return options_.kind + ": more than " + std::to_string(kMostBusSeries) + " series; the rest is left out";
  return state_->trouble.empty() ? "" : options_.kind + ": " + state_->trouble;
}

}  // namespace agent
