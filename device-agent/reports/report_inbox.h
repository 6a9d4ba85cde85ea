// Between a source that works aside and the sensor that hands its readings over.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device-agent/reports/report.h"

namespace agent {

/// What a source's reports become.
struct ReportRules {
  std::string label;                         // who it is, for people: "exec weather"
  std::string prefix;                        // stands with a dot before each name; the name of what has none
  std::string unit;                          // of series that say none
  std::map<std::string, std::string> units;  // of single ones, by the name as it is reported
  std::size_t most_series = 256;
  bool is_prompt = false;  // reported when something happens: no reading waits for the agent's next turn
};

/// When something was heard.
struct Heard {
  std::int64_t boot_us = 0, wall_us = 0;
  bool is_wall_right = false;  // the clock is synchronised
};
Heard heard_now(const base::Clock& clock);

/// Names series, keeps their type and unit, and holds readings until the sensor takes them. Thread-safe. At most
/// `most_series` series, 10,000 readings and 1 MiB of texts: what finds no place is refused with the reason, and
/// counted. The first value of a series says what it is; a number and a boolean become each other, anything else is
/// refused, as is a time more than a minute ahead of the clock.
class ReportInbox {
 public:
  struct Item {
    std::size_t series = 0;
    Value value;
    std::optional<std::int64_t> wall_us;  // its own time; else boot_us counts
    std::int64_t boot_us = 0;
  };

  explicit ReportInbox(ReportRules rules) : rules_(std::move(rules)) {}

  /// Why it was not taken; empty: it was.
  std::string offer(Report report, const Heard& heard);
  /// Appends the series that `series` does not have yet and moves at most `most` items out, oldest first.
  void take(std::vector<SeriesSpec>& series, std::vector<Item>& items, std::size_t most);

  /// Called within offer() when the inbox was empty; returns at once and calls nothing of the inbox. Null: nobody.
  void tell_arrivals(std::function<void()> tell);
  bool has_arrivals() const;

  /// What hinders the source now; empty: nothing.
  void set_problem(const std::string& problem);
  /// "exec weather: …", with what was refused in the last ten minutes; empty: nothing is wrong. UTF-8.
  std::string problem() const;
  /// The source has been asked and has not given its first readings yet.
  void set_pending(bool pending);
  /// False: it is still pending after `at_most`.
  bool wait_until_not_pending(std::chrono::milliseconds at_most);
  const std::string& label() const { return rules_.label; }
  bool is_prompt() const { return rules_.is_prompt; }

 private:
  std::string refuse(const std::string& why);

  const ReportRules rules_;
  mutable std::mutex mutex_;
  std::vector<SeriesSpec> series_;
  std::map<std::string, std::size_t> by_name_;
  std::deque<Item> items_;
  std::function<void()> tell_arrivals_;
  std::size_t text_bytes_ = 0;
  std::uint64_t refused_ = 0;
  std::string problem_, last_refusal_;
  std::chrono::steady_clock::time_point refused_at_;
  bool is_pending_ = false;
  std::condition_variable not_pending_;
};

}  // namespace agent
