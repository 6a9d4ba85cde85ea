// [[execd]]: a program that stays and prints a line for each reading.
#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "device-agent/reports/report_reader.h"
#include "device-agent/reports/report_value.h"
#include "device-agent/reports/script_child.h"
#include "device-agent/reports/script_sources.h"

namespace agent {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::size_t kExecdChunk = 64 * 1'024;
constexpr std::size_t kExecdMostASecond = 1'024 * 1'024;  // more is left in the pipe: who floods is slowed, nobody else
constexpr auto kExecdLook = std::chrono::seconds(1);
constexpr auto kProblemLasts = std::chrono::minutes(1);
constexpr auto kStableAfter = std::chrono::minutes(1);
constexpr std::int64_t kLongestRestartUs = 60'000'000;

/// What the current child does, and what there is to say about it.
class Stream {
 public:
  Stream(const ExecdConfig& config, const base::Clock& clock, ReportInbox& inbox)
      : config_(config), clock_(clock), inbox_(inbox), reader_(config.format) {}

  void take(std::string_view bytes) {
    ReadReports read;
    reader_.feed(bytes, read);
    hand_over(read);
  }
  void end() {
    ReadReports read;
    reader_.end(read);
    hand_over(read);
  }
  /// A bad line is spoken of for a minute, silence while it lasts.
  std::string problem() const {
    const auto now = Steady::now();
    std::string text =
        bad_until_ > now ? bad_ + " (" + coarse(static_cast<std::int64_t>(bad_lines_)) + " bad lines so far)" : "";
    if (config_.interval_us > 0 && now - heard_ > 3 * microseconds(config_.interval_us) + kExecdLook) {
      const auto silent = std::chrono::duration_cast<std::chrono::seconds>(now - heard_).count();
      text += (text.empty() ? "" : "; ") + std::string("has printed nothing for ") + coarse(silent) + " s";
    }
    return text;
  }
  bool is_silent_too_long() const {
    return config_.timeout_us > 0 && Steady::now() - heard_ > microseconds(config_.timeout_us);
  }

 private:
  void hand_over(ReadReports& read) {
    if (read.bad_lines > 0) {
      bad_lines_ += read.bad_lines;
      bad_ = read.problem;
      bad_until_ = Steady::now() + kProblemLasts;
    }
    if (read.reports.empty()) return;
    heard_ = Steady::now();
    const Heard now = heard_now(clock_);
    for (auto& report : read.reports) (void)inbox_.offer(std::move(report), now);
    inbox_.set_pending(false);
  }

  const ExecdConfig& config_;
  const base::Clock& clock_;
  ReportInbox& inbox_;
  ReportReader reader_;
  Steady::time_point heard_ = Steady::now(), bad_until_{};
  std::string bad_;
  std::uint64_t bad_lines_ = 0;
};

/// Until the child is gone; why. Empty: the task was cancelled.
asio::awaitable<std::string> follow(const ChildSetup& setup, Stream& stream, ReportInbox& inbox) {
  const Child started = start_child(setup);
  if (!started.error.empty()) co_return "cannot start " + setup.argv[0] + ": " + started.error;
  ScriptChild child(co_await asio::this_coro::executor, started);
  std::string bytes;
  auto second_ends = Steady::now() + kExecdLook;
  std::size_t this_second = 0;
  while (!child.has_ended()) {
    co_await child.wait(kExecdLook);
    bytes.clear();
    this_second += child.read(bytes, kExecdChunk);
    stream.take(bytes);
    const bool was_cancelled = co_await is_cancelled();
    if (was_cancelled) {
      (void)co_await child.end();
      co_return std::string();
    }
    if (stream.is_silent_too_long()) {
      (void)co_await child.end();
      co_return "killed: it printed no reading for too long";
    }
    if (Steady::now() >= second_ends) {
      second_ends = Steady::now() + kExecdLook;
      this_second = 0;
      inbox.set_problem(stream.problem());
    } else if (this_second >= kExecdMostASecond) {
      (void)co_await pause_for(second_ends - Steady::now());
    }
  }
  const int code = child.reap();
  for (int i = 0; i < 16; ++i) {  // a pipe holds at most that
    bytes.clear();
    if (child.read(bytes, kExecdChunk) == 0) break;
    stream.take(bytes);
  }
  stream.end();
  co_return "it ended: " + words_of_exit(code, child.last_error());
}

asio::awaitable<void> run_execd(ExecdConfig config, std::string label, const base::Clock& clock,
                                std::shared_ptr<ReportInbox> inbox) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const ChildSetup setup = script_setup(config.run, config.environment, label);
  std::int64_t wait_us = config.restart_us;
  while (true) {
    Stream stream(config, clock, *inbox);
    const auto began = Steady::now();
    const std::string why = co_await follow(setup, stream, *inbox);
    const bool is_over = co_await is_cancelled();
    if (is_over) co_return;
    if (Steady::now() - began > kStableAfter) wait_us = config.restart_us;
    const std::string line = stream.problem();
    inbox->set_problem(why + "; it is started again after " + std::to_string(wait_us / 1'000) + " ms" +
                       (line.empty() ? std::string() : "; " + line));
    inbox->set_pending(false);
    const bool goes_on = co_await pause_for(microseconds(wait_us));
    if (!goes_on) co_return;
    wait_us = std::min(wait_us * 2, std::max(kLongestRestartUs, config.restart_us));
  }
}

}  // namespace

std::string label_of(const ExecdConfig& config) {
  return "execd " + (config.report.name.empty() ? joined(config.run) : config.report.name);
}

std::unique_ptr<Sensor> make_execd_sensor(const ReportParts& parts, const ExecdConfig& config) {
  const std::string label = label_of(config);
  ReportRules rules = rules_of(config.report, label);
  rules.is_prompt = true;
  return std::make_unique<ReportSensor>(parts, std::move(rules), config.interval_us,
                                        [config, label, &clock = parts.clock](std::shared_ptr<ReportInbox> inbox) {
                                          return run_execd(config, label, clock, std::move(inbox));
                                        });
}

}  // namespace agent
