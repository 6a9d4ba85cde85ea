// [push]: a Unix socket at which anything on this machine may report. What is said there: docs/agent.md.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>

#include "device-agent/reports/push_socket.h"
#include "device-agent/reports/report_reader.h"
#include "device-agent/reports/script_child.h"
#include "device-agent/reports/script_sources.h"
#include "wire/task_group.h"

namespace agent {
namespace {

namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using Local = asio::local::stream_protocol;
using Steady = std::chrono::steady_clock;

constexpr auto kQuietly = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMostConnections = 16;
constexpr std::size_t kMostSeries = 1'024;
constexpr std::size_t kPushMostASecond = 1'024 * 1'024;       // of one connection; more waits in its socket
constexpr auto kAnswerAfter = std::chrono::milliseconds(50);  // of silence behind whole lines
constexpr auto kIdle = std::chrono::seconds(5);
constexpr auto kTryAgain = std::chrono::seconds(10);
constexpr std::string_view kDirective = "#format ";

/// One connection: lines in, an answer at each pause and at the end.
class Conversation {
 public:
  Conversation(ReportInbox& inbox, const base::Clock& clock) : inbox_(inbox), clock_(clock) {}

  /// False: the first line asks for something that there is not; answer() says so.
  bool take(std::string_view bytes) {
    if (is_first_) {
      head_ += bytes;
      const std::size_t end = head_.find('\n');
      const bool may_be_directive = kDirective.starts_with(std::string_view(head_).substr(0, kDirective.size()));
      if (may_be_directive && end == std::string::npos && head_.size() < 64) return true;
      is_first_ = false;
      std::string_view text = head_;
      if (text.starts_with(kDirective)) {
        const std::string_view format = text.substr(0, end).substr(kDirective.size());
        if (format != "influx" && format != "json") {
          problem_ = "line 1: #format must be influx or json";
          bad_ = 1;
          return false;
        }
        reader_.set_format(format == "json" ? ReportFormat::json : ReportFormat::influx);
        text.remove_prefix(end + 1);
      }
      feed(text);
      head_.clear();
      return true;
    }
    feed(bytes);
    return true;
  }
  /// What was said and not answered is to be answered, and a client that has said nothing at all as well.
  void end() {
    is_open_ = is_open_ || !has_answered_ || !reader_.is_between_lines();
    if (is_first_) feed(head_);
    ReadReports read;
    reader_.end(read);
    hand_over(read);
  }
  /// Something was said that is to be answered, and no line is half said.
  bool is_at_pause() const { return is_open_ && reader_.is_between_lines(); }
  bool has_open() const { return is_open_; }
  std::string answer() {
    std::string text = "ok " + std::to_string(taken_) + "\n";
    if (bad_ > 0) {
      text = "error " + problem_ + (bad_ > 1 ? " (and " + std::to_string(bad_ - 1) + " more)" : "") + "; " +
             std::to_string(taken_) + " readings taken\n";
    }
    has_answered_ = true;
    taken_ = bad_ = 0;
    problem_.clear();
    is_open_ = false;
    return text;
  }

 private:
  void feed(std::string_view bytes) {
    if (bytes.empty()) return;
    is_open_ = true;
    ReadReports read;
    reader_.feed(bytes, read);
    hand_over(read);
  }
  void note(std::uint64_t count, const std::string& problem) {
    if (bad_ == 0) problem_ = problem;
    bad_ += count;
  }
  void hand_over(ReadReports& read) {
    if (read.bad_lines > 0) note(read.bad_lines, read.problem);
    const Heard now = heard_now(clock_);
    for (std::size_t i = 0; i < read.reports.size(); ++i) {
      const std::string why = inbox_.offer(std::move(read.reports[i]), now);
      if (why.empty()) {
        ++taken_;
      } else {
        note(1, "line " + std::to_string(read.lines[i]) + ": " + why);
      }
    }
  }

  ReportInbox& inbox_;
  const base::Clock& clock_;
  ReportReader reader_{ReportFormat::influx};
  std::string head_, problem_;
  std::uint64_t taken_ = 0, bad_ = 0;
  bool is_first_ = true, is_open_ = false, has_answered_ = false;
};

/// Answers are short: who does not read them is not waited for. False: it is gone.
bool say(Local::socket& socket, const std::string& text) {
  return ::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(text.size());
}

asio::awaitable<void> serve(Local::socket socket, ReportInbox& inbox, const base::Clock& clock) {
  co_await asio::this_coro::throw_if_cancelled(false);
  Conversation conversation(inbox, clock);
  asio::steady_timer timer(socket.get_executor());
  auto heard = Steady::now(), second_ends = heard + std::chrono::seconds(1);
  std::size_t this_second = 0;
  char buffer[16'384];
  while (true) {
    timer.expires_at(heard + (conversation.is_at_pause() ? Steady::duration(kAnswerAfter) : Steady::duration(kIdle)));
    co_await (socket.async_wait(Local::socket::wait_read, kQuietly) || timer.async_wait(kQuietly));
    const bool was_cancelled = co_await is_cancelled();
    if (was_cancelled) co_return;
    const ssize_t n = ::recv(socket.native_handle(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (conversation.is_at_pause()) {
        if (!say(socket, conversation.answer())) co_return;
      } else if (Steady::now() - heard >= kIdle) {
        conversation.end();
        if (conversation.has_open()) (void)say(socket, conversation.answer());
        co_return;
      }
      continue;
    }
    if (n <= 0) {
      conversation.end();
      if (n == 0 && conversation.has_open()) (void)say(socket, conversation.answer());
      co_return;
    }
    heard = Steady::now();
    if (!conversation.take({buffer, static_cast<std::size_t>(n)})) {
      (void)say(socket, conversation.answer());
      co_return;
    }
    this_second += static_cast<std::size_t>(n);
    if (heard >= second_ends) {
      second_ends = heard + std::chrono::seconds(1);
      this_second = 0;
    } else if (this_second >= kPushMostASecond) {
      (void)co_await pause_for(second_ends - heard);
    }
  }
}

asio::awaitable<void> accept_all(Local::acceptor& acceptor, const base::Clock& clock, ReportInbox& inbox) {
  const auto executor = co_await asio::this_coro::executor;
  wire::TaskGroup conversations(executor, [&inbox](const std::exception& e) { inbox.set_problem(e.what()); });
  while (true) {
    auto [ec, socket] = co_await acceptor.async_accept(kQuietly);
    const bool was_cancelled = co_await is_cancelled();
    if (was_cancelled) break;
    if (ec) {  // no descriptors left, most likely
      inbox.set_problem(ec.message());
      (void)co_await pause_for(std::chrono::seconds(1));
      inbox.set_problem("");
    } else if (conversations.size() >= kMostConnections) {
      (void)say(socket, "error more than 16 connections\n");
    } else {
      conversations.spawn(serve(std::move(socket), inbox, clock));
    }
  }
  conversations.cancel();
  co_await conversations.join();
}

asio::awaitable<void> run_push(PushConfig config, std::string path, const base::Clock& clock,
                               std::shared_ptr<ReportInbox> inbox) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto executor = co_await asio::this_coro::executor;
  inbox->set_pending(false);
  while (true) {
    std::string problem;
    auto acceptor = listen_at(executor, path, config.group, problem);
    inbox->set_problem(problem);
    if (acceptor) {
      co_await accept_all(*acceptor, clock, *inbox);
      ::unlink(path.c_str());
      co_return;
    }
    const bool goes_on = co_await pause_for(kTryAgain);
    if (!goes_on) co_return;
  }
}

}  // namespace

std::unique_ptr<Sensor> make_push_sensor(const ReportParts& parts, const PushConfig& config,
                                         const std::string& socket) {
  ReportRules rules;
  rules.label = "push";
  rules.most_series = kMostSeries;
  rules.is_prompt = true;
  return std::make_unique<ReportSensor>(parts, std::move(rules), 0,
                                        [config, socket, &clock = parts.clock](std::shared_ptr<ReportInbox> inbox) {
                                          return run_push(config, socket, clock, std::move(inbox));
                                        });
}

}  // namespace agent
