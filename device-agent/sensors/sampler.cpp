#include "device-agent/sensors/sampler.h"

#include <algorithm>
#include <cmath>

#include "device-agent/sensors/disabled_series.h"

namespace agent {
namespace {

constexpr std::size_t kMostSensors = 512;
constexpr std::size_t kMostSeries = 4'096;

}  // namespace

Sampler::Sampler(SamplerOptions options, Find find) : options_(std::move(options)), find_(std::move(find)) {
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
    Entry entry;
    entry.sensor = std::move(sensor);
    look_at_series(entry);
    entries_.push_back(std::move(entry));
  }
}

std::int64_t Sampler::interval_of(const Entry& entry) const {
  const std::int64_t own = entry.sensor->interval_us();
  return own > 0 ? own : options_.interval_us;
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

void Sampler::sample_due(std::int64_t due_us, const SampleTime& now, const Sink& sink) {
  for (auto& entry : entries_) {
    const std::int64_t interval = interval_of(entry);
    const bool is_due = due_us % interval == 0;
    // A turn may be missed: the agent was busy, or the clock was put forward.
    const bool is_overdue = due_us / interval > entry.sampled_due_us / interval;
    if (!is_due && !is_overdue) continue;
    entry.sampled_due_us = due_us;
    sample(entry, now, sink);
  }
}

void Sampler::sample_all(const SampleTime& now, const Sink& sink) {
  for (auto& entry : entries_) sample(entry, now, sink);
}

void Sampler::sample(Entry& entry, const SampleTime& now, const Sink& sink) {
  samples_.clear();
  entry.sensor->sample(now, samples_);
  look_at_series(entry);
  const auto interval_ms = static_cast<std::uint32_t>(entry.sensor->promised_us().value_or(interval_of(entry)) / 1'000);
  for (const auto& sample : samples_) {
    if (!entry.wanted[sample.index]) continue;
    const auto* number = std::get_if<double>(&sample.value);
    if (number != nullptr && !std::isfinite(*number)) continue;
    sink({entry.sensor->series()[sample.index], interval_ms, sample.value, sample.age_us});
  }
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
