// [[exec]]: a program that is run again and again, prints readings and ends.
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

constexpr std::size_t kMostOutput = 256 * 1'024;  // what it prints past that is read and thrown away
constexpr std::size_t kExecChunk = 64 * 1'024;
constexpr auto kExecLook = std::chrono::milliseconds(200);
constexpr auto kRest = std::chrono::milliseconds(10);  // between reads of what is thrown away

struct Run {
  std::string output;
  std::string problem;  // empty: it ended with 0
  bool is_overlong = false, ends_mid_line = false;
};

/// Keeps what comes up to the bound.
void take_output(ScriptChild& child, Run& run) {
  std::string part;
  child.read(part, kExecChunk);
  const std::size_t room = kMostOutput - run.output.size();
  run.is_overlong = run.is_overlong || part.size() > room;
  run.output.append(part, 0, room);
}

asio::awaitable<Run> run_once(const ChildSetup& setup, std::int64_t timeout_us) {
  Run run;
  const Child started = start_child(setup);
  if (!started.error.empty()) {
    run.problem = "cannot start " + setup.argv[0] + ": " + started.error;
    co_return run;
  }
  ScriptChild child(co_await asio::this_coro::executor, started);
  const auto end = Steady::now() + microseconds(timeout_us);
  while (!child.has_ended()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now());
    const bool was_cancelled = co_await is_cancelled();
    if (was_cancelled || left.count() <= 0) {
      (void)co_await child.end();
      take_output(child, run);
      const std::string said = child.last_error();
      run.problem = "killed after " + std::to_string(timeout_us / 1'000) + " ms" +
                    (said.empty() ? std::string() : ", it said: " + said);
      run.ends_mid_line = true;
      co_return run;
    }
    co_await child.wait(std::min(kExecLook, left));
    take_output(child, run);
    if (run.is_overlong) (void)co_await pause_for(kRest);
  }
  const int code = child.reap();
  // At least once: a quick one has ended before the first look.
  std::size_t before = 0;
  do {
    before = run.output.size();
    take_output(child, run);
  } while (before != run.output.size());
  if (code != 0) run.problem = words_of_exit(code, child.last_error());
  co_return run;
}

/// Readings of a run that failed count as well: each line stands for itself, and the failure is said.
std::string hand_over(const ExecConfig& config, Run& run, const Heard& began, ReportInbox& inbox) {
  if (run.is_overlong || run.ends_mid_line) run.output.resize(run.output.find_last_of('\n') + 1);  // npos + 1: nothing
  ReadReports read = read_reports(config.format, run.output);
  std::string problem = run.problem;
  const auto say = [&problem](const std::string& more) {
    if (!more.empty()) problem += (problem.empty() ? "" : "; ") + more;
  };
  say(read.all_problems());
  if (run.is_overlong) say("it printed more than 256 KiB, the rest was thrown away");
  if (read.reports.empty() && problem.empty()) say("it printed nothing");
  for (auto& report : read.reports) (void)inbox.offer(std::move(report), began);  // the inbox says what it refuses
  return problem;
}

asio::awaitable<void> run_exec(ExecConfig config, std::string label, const base::Clock& clock,
                               std::shared_ptr<ReportInbox> inbox) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const ChildSetup setup = script_setup(config.run, config.environment, label);
  while (true) {
    const Heard began = heard_now(clock);
    Run run = co_await run_once(setup, config.timeout_us);
    const bool is_over = co_await is_cancelled();
    if (is_over) co_return;
    std::string problem = hand_over(config, run, began, *inbox);
    const std::int64_t took_us = clock.boot_us() - began.boot_us;
    if (took_us > config.interval_us) {
      problem += (problem.empty() ? "" : "; ") + std::string("a run took ") + coarse(took_us / 1'000) +
                 " ms, longer than its interval";
    }
    inbox->set_problem(problem);
    inbox->set_pending(false);
    // At the same instants on all devices, as other sensors are.
    const std::int64_t now = clock.now_us();
    const std::int64_t due = (now / config.interval_us + 1) * config.interval_us;
    const bool goes_on = co_await pause_for(microseconds(due - now));
    if (!goes_on) co_return;
  }
}

}  // namespace

ReportRules rules_of(const ReportConfig& config, const std::string& label) {
  ReportRules rules;
  rules.label = label;
  rules.prefix = config.name;
  rules.unit = config.unit;
  rules.units = config.units;
  return rules;
}

ChildSetup script_setup(const std::vector<std::string>& run, const std::vector<std::string>& environment,
                        const std::string& name) {
  ChildSetup setup;
  setup.argv = run;
  setup.separate_errors = true;
  setup.environment["DEVICE_AGENT_SOURCE"] = name;
  for (const auto& variable : environment) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos) setup.environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return setup;
}

std::string joined(const std::vector<std::string>& run) {
  std::string text;
  for (const auto& word : run) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string label_of(const ExecConfig& config) {
  return "exec " + (config.report.name.empty() ? joined(config.run) : config.report.name);
}

std::unique_ptr<Sensor> make_exec_sensor(const ReportParts& parts, const ExecConfig& config) {
  const std::string label = label_of(config);
  return std::make_unique<ReportSensor>(parts, rules_of(config.report, label), config.interval_us,
                                        [config, label, &clock = parts.clock](std::shared_ptr<ReportInbox> inbox) {
                                          return run_exec(config, label, clock, std::move(inbox));
                                        });
}

}  // namespace agent
