#include "device-agent/reports/report_inbox.h"

#include <algorithm>

#include "device-agent/reports/report_name.h"
#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

constexpr std::size_t kMostItems = 10'000;
constexpr std::size_t kMostTextBytes = 1'024 * 1'024;
constexpr std::int64_t kMostAheadUs = 60'000'000;
constexpr auto kRefusalLasts = std::chrono::minutes(10);

ValueType type_of(const Value& value) {
  return std::holds_alternative<double>(value) ? ValueType::number
         : std::holds_alternative<bool>(value) ? ValueType::boolean
                                               : ValueType::string;
}

const char* words_of(ValueType type) {
  return type == ValueType::number ? "a number" : type == ValueType::boolean ? "true or false" : "a text";
}

/// False: it does not become that.
bool become(Value& value, ValueType type) {
  if (type_of(value) == type) return true;
  if (type == ValueType::number && std::holds_alternative<bool>(value)) {
    value = std::get<bool>(value) ? 1.0 : 0.0;
    return true;
  }
  if (type == ValueType::boolean && (value == Value(0.0) || value == Value(1.0))) {
    value = value == Value(1.0);
    return true;
  }
  return false;
}

std::size_t text_size(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? 0 : text->size();
}

}  // namespace

std::string ReportInbox::refuse(const std::string& why) {
  ++refused_;
  last_refusal_ = why;
  refused_at_ = std::chrono::steady_clock::now();
  return why;
}

Heard heard_now(const base::Clock& clock) {
  return {clock.boot_us(), clock.now_us(), clock.synchronised()};
}

std::string ReportInbox::offer(Report report, const Heard& heard) {
  const std::string said = report.name;
  const std::string name =
      fit_name(said.empty() || rules_.prefix.empty() ? rules_.prefix + said : rules_.prefix + "." + said);
  const std::lock_guard lock(mutex_);
  if (name.empty()) return refuse("it has no name");
  if (const std::int64_t ahead_us = report.wall_us.value_or(0) - heard.wall_us; ahead_us > kMostAheadUs) {
    if (heard.is_wall_right) {
      return refuse(name + ": its time is " + std::to_string(ahead_us / 1'000'000) + " s in the future");
    }
    report.wall_us.reset();  // it knows the time, this machine does not yet
  }
  auto known = by_name_.find(name);
  if (known == by_name_.end()) {
    if (series_.size() >= rules_.most_series) {
      return refuse(name + ": more than " + std::to_string(rules_.most_series) + " series");
    }
    const auto own = rules_.units.find(said.empty() ? name : said);
    const std::string unit = own != rules_.units.end() ? own->second : report.unit.empty() ? rules_.unit : report.unit;
    known = by_name_.emplace(name, series_.size()).first;
    series_.push_back({name, unit, type_of(report.value)});
  }
  const SeriesSpec& spec = series_[known->second];
  if (!become(report.value, spec.type)) {
    return refuse(name + " was " + words_of(spec.type) + " before and is " + words_of(type_of(report.value)) + " now");
  }
  const std::size_t bytes = text_size(report.value);
  if (items_.size() >= kMostItems || text_bytes_ + bytes > kMostTextBytes) {
    return refuse(name + ": more readings than the agent takes, it was lost");
  }
  text_bytes_ += bytes;
  items_.push_back({known->second, std::move(report.value), report.wall_us, heard.boot_us});
  if (items_.size() == 1 && tell_arrivals_) tell_arrivals_();
  return {};
}

void ReportInbox::take(std::vector<SeriesSpec>& series, std::vector<Item>& items, std::size_t most) {
  const std::lock_guard lock(mutex_);
  series.insert(series.end(), series_.begin() + static_cast<std::ptrdiff_t>(series.size()), series_.end());
  for (most = std::min(most, items_.size()); most > 0; --most) {
    text_bytes_ -= text_size(items_.front().value);
    items.push_back(std::move(items_.front()));
    items_.pop_front();
  }
}

void ReportInbox::tell_arrivals(std::function<void()> tell) {
  const std::lock_guard lock(mutex_);
  tell_arrivals_ = std::move(tell);
}

bool ReportInbox::has_arrivals() const {
  const std::lock_guard lock(mutex_);
  return !items_.empty();
}

void ReportInbox::set_pending(bool pending) {
  const std::lock_guard lock(mutex_);
  is_pending_ = pending;
  if (!pending) not_pending_.notify_all();
}

bool ReportInbox::wait_until_not_pending(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return not_pending_.wait_for(lock, at_most, [this] { return !is_pending_; });
}

void ReportInbox::set_problem(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  problem_ = problem;
}

std::string ReportInbox::problem() const {
  const std::lock_guard lock(mutex_);
  std::string text = problem_;
  if (refused_ > 0 && std::chrono::steady_clock::now() - refused_at_ < kRefusalLasts) {
    text += (text.empty() ? "" : "; ") + coarse(static_cast<std::int64_t>(refused_)) +
            " readings refused so far, the last: " + last_refusal_;
  }
  if (text.empty()) return text;
  text = rules_.label + ": " + text;
  if (is_utf8(text)) return text;
  for (char& c : text) c = c >= ' ' && c <= '~' ? c : '?';  // a file's name may be any bytes, a status may not
  return text;
}

}  // namespace agent
