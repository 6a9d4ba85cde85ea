#include "device-agent/sensors/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "device-agent/sensors/disabled_series.h"

namespace agent {
namespace {

constexpr std::size_t kMostSensors = 512;
constexpr std::size_t kMostSeries = 4'096;
constexpr std::size_t kTurnsKept = 1'024;
constexpr std::int64_t kQuickUs = 20'000;
constexpr std::int64_t kSlowUs = 100'000;
constexpr std::int64_t kClockSetUs = 500'000;  // a wall clock that moves so much against the boot clock was set

}  // namespace

Sampler::Sampler(SamplerOptions options, Find find) : options_(std::move(options)), find_(std::move(find)) {
  this->find();
}

void Sampler::restart(SamplerOptions options, Find find) {
  entries_.clear();
  names_.clear();
  identities_.clear();
  is_full_ = false;
  if (!options.boot_us) options.boot_us = options_.boot_us;
  if (!options.arrived) options.arrived = options_.arrived;
  options_ = std::move(options);
  find_ = std::move(find);
  this->find();
}

void Sampler::find() {
  for (auto& sensor : find_()) {
    const auto& series = sensor->series();
    const std::string identity = sensor->identity();
    const bool is_known =
        identity.empty()
            ? std::any_of(series.begin(), series.end(), [this](const SeriesSpec& s) { return names_.contains(s.name); })
            : identities_.contains(identity);
    const bool is_unwanted = !series.empty() && std::all_of(series.begin(), series.end(), [this](const SeriesSpec& s) {
      return is_disabled_series(s.name, options_.disabled);
    });
    if (is_known || is_unwanted) continue;
    if (entries_.size() >= kMostSensors) {
      is_full_ = true;
      break;
    }
    if (!identity.empty()) identities_.insert(identity);
    if (options_.arrived) sensor->tell_arrivals(options_.arrived);
    Entry entry;
    entry.sensor = std::move(sensor);
    look_at_series(entry);
    entries_.push_back(std::move(entry));
  }
}

std::int64_t Sampler::interval_of(const Entry& entry) const {
  const std::int64_t own = entry.sensor->interval_us();
  return own > 0 ? own : std::max(options_.interval_us, entry.sensor->least_interval_us());
}

void Sampler::look_at_series(Entry& entry) {
  const auto& series = entry.sensor->series();
  for (std::size_t i = entry.wanted.size(); i < series.size(); ++i) {
    const bool has_place = names_.size() < kMostSeries;
    is_full_ = is_full_ || !has_place;
    const bool is_disabled = is_disabled_series(series[i].name, options_.disabled);
    const bool is_wanted = !is_disabled && has_place && names_.insert(series[i].name).second;
    if (!is_wanted && !is_disabled && has_place && entry.taken_name.empty()) entry.taken_name = series[i].name;
    entry.wanted.push_back(is_wanted);
  }
}

std::int64_t Sampler::next_due_us(std::int64_t wall_us) const {
  std::int64_t next = (wall_us / options_.interval_us + 1) * options_.interval_us;
  for (const auto& entry : entries_) {
    const std::int64_t interval = interval_of(entry);
    next = std::min(next, (wall_us / interval + 1) * interval);
  }
  return next;
}

std::int64_t Sampler::note_turn(std::int64_t due_us, const SampleTime& now) {
  ++turns_;
  const std::int64_t offset = now.wall_us - now.boot_us;
  const bool was_set = wall_minus_boot_us_ && std::abs(offset - *wall_minus_boot_us_) > kClockSetUs;
  wall_minus_boot_us_ = offset;
  if (was_set) return now.boot_us;
  late_us_ = std::max<std::int64_t>(0, now.wall_us - due_us);
  latest_us_ = std::max(latest_us_, late_us_);
  if (lateness_.size() < kTurnsKept) lateness_.resize(lateness_.size() + 1);
  lateness_[lateness_next_] = late_us_;
  lateness_next_ = (lateness_next_ + 1) % kTurnsKept;
  return due_us - offset;
}

void Sampler::sample_due(std::int64_t due_us, const SampleTime& now, const Sink& sink) {
  const std::int64_t due_boot_us = note_turn(due_us, now);
  std::vector<Entry*> due;
  for (auto& entry : entries_) {
    const std::int64_t interval = interval_of(entry);
    const bool is_due = due_us % interval == 0;
    // A turn may be missed: the agent was busy, or the clock was put forward.
    const bool is_overdue = due_us / interval > entry.sampled_due_us / interval;
    if (!is_due && !is_overdue) continue;
    // By boot time, where a clock that is set misses nothing.
    if (entry.sampled_due_us >= 0) {
      const std::int64_t turns = (due_boot_us - entry.due_boot_us + interval / 2) / interval;
      if (turns > 1) missed_ += static_cast<std::uint64_t>(turns - 1);
    }
    entry.sampled_due_us = due_us;
    entry.due_boot_us = due_boot_us;
    due.push_back(&entry);
  }
  sample_in_order(due, now, sink);
}

bool Sampler::has_arrivals() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.sensor->has_arrivals(); });
}

void Sampler::sample_arrivals(const SampleTime& now, const Sink& sink) {
  std::vector<Entry*> arrived;
  for (auto& entry : entries_) {
    if (entry.sensor->has_arrivals()) arrived.push_back(&entry);
  }
  sample_in_order(arrived, now, sink);
}

void Sampler::sample_all(const SampleTime& now, const Sink& sink) {
  std::vector<Entry*> all;
  for (auto& entry : entries_) all.push_back(&entry);
  sample_in_order(all, now, sink);
}

void Sampler::sample_in_order(const std::vector<Entry*>& due, const SampleTime& now, const Sink& sink) {
  if (options_.boot_us) began_us_ = options_.boot_us();
  std::vector<Entry*> slow;
  for (Entry* entry : due) {
    if (entry->took_us > kQuickUs)
      slow.push_back(entry);
    else
      sample(*entry, now, sink);
  }
  for (Entry* entry : slow) sample(*entry, now, sink);
}

void Sampler::sample(Entry& entry, const SampleTime& turn, const Sink& sink) {
  // All of a turn have its time, which keeps frames small, unless somebody before took so long that it would be a lie.
  const std::int64_t begins_us = options_.boot_us ? options_.boot_us() : 0;
  const std::int64_t elapsed_us = options_.boot_us ? (begins_us - began_us_) / 1'000 * 1'000 : 0;
  const std::int64_t shift_us = elapsed_us > kQuickUs ? elapsed_us : 0;
  samples_.clear();
  entry.sensor->sample({turn.wall_us + shift_us, turn.boot_us + shift_us}, samples_);
  if (options_.boot_us) {
    entry.took_us = options_.boot_us() - begins_us;
    entry.longest_us = std::max(entry.longest_us, entry.took_us);
  }
  look_at_series(entry);
  const auto interval_ms = static_cast<std::uint32_t>(entry.sensor->promised_us().value_or(interval_of(entry)) / 1'000);
  for (const auto& sample : samples_) {
    if (!entry.wanted[sample.index]) continue;
    const auto* number = std::get_if<double>(&sample.value);
    if (number != nullptr && !std::isfinite(*number)) continue;
    sink({entry.sensor->series()[sample.index], interval_ms, sample.value, sample.age_us - shift_us});
  }
}

std::string Sampler::name_of(const Entry& entry) {
  if (std::string identity = entry.sensor->identity(); !identity.empty()) return identity;
  const auto& series = entry.sensor->series();
  return series.empty() ? "a sensor" : series[0].name;
}

SamplingTimes Sampler::times() const {
  SamplingTimes times{turns_, missed_, late_us_, 0, latest_us_, {}, 0};
  if (!lateness_.empty()) {
    auto sorted = lateness_;
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 99 / 100);
    std::nth_element(sorted.begin(), at, sorted.end());
    times.late_p99_us = *at;
  }
  for (const auto& entry : entries_) {
    if (entry.longest_us <= times.slowest_us) continue;
    times.slowest_us = entry.longest_us;
    times.slowest = name_of(entry);
  }
  return times;
}

std::vector<std::string> Sampler::take_warnings() {
  std::vector<std::string> out;
  for (auto& entry : entries_) {
    if (entry.longest_us > kSlowUs && !entry.is_said_slow) {
      entry.is_said_slow = true;
      out.push_back(name_of(entry) + ": took " + std::to_string(entry.longest_us / 1'000) +
                    " ms to read; it has its turn after all others from now on");
    }
  }
  return out;
}

std::vector<std::string> Sampler::problems() const {
  std::vector<std::string> out;
  for (const auto& entry : entries_) {
    if (std::string problem = entry.sensor->problem(); !problem.empty()) out.push_back(std::move(problem));
    // Whoever wrote the script can give the series another name; of host sensors it is nobody's mistake.
    if (const std::string who = entry.sensor->identity(); !who.empty() && !entry.taken_name.empty()) {
      out.push_back(who + ": " + entry.taken_name + " is left out, another sensor has that name");
    }
  }
  if (is_full_) out.push_back("more sensors or series than a device may have: 512 and 4096; the rest is left out");
  return out;
}

}  // namespace agent
