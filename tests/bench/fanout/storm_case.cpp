// Devices and viewers that come back by themselves when their hub was killed.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>

#include "cases.h"
#include "hub_sessions.h"
#include "opener.h"

namespace bench {
namespace {

constexpr std::int64_t kLastedNs = 10 * kSecondNs;   // a session of this length starts the back-off anew
constexpr std::int64_t kAttemptNs = 15 * kSecondNs;  // given up when it is not ready by then
constexpr double kViewerLeastBackoff = 0.5, kViewerMostBackoff = 15;

/// A device or a viewer, over all its connections.
struct Member {
  std::unique_ptr<DeviceStream> stream;  // null: a viewer
  std::string token, position;
  std::unique_ptr<Connection> connection;
  unsigned failures = 0;
  std::uint64_t attempt = 0;
  std::int64_t ready_ns = 0;
  bool is_ready = false;
};

class StormCase final : public ConnectionOwner {
 public:
  explicit StormCase(const StormOptions& options) : options_(options), tls_(options.server.ca_file) {
    std::ifstream tokens(options.tokens_file);
    std::string token;
    while (std::getline(tokens, token)) {
      Member& device = members_.emplace_back();
      device.token = token;
      device.stream = std::make_unique<DeviceStream>(Readings{kStampBytes, 0}, random_());
      device.stream->make(now_ns());
    }
    devices_ = members_.size();
    if (devices_ == 0) throw std::runtime_error(options.tokens_file + ": no device tokens");
    for (std::size_t i = 0; i < options.viewers; ++i) members_.emplace_back().token = options.server.viewer_token;
  }

  int run() {
    began_ns_ = now_ns();
    for (std::size_t i = 0; i < devices_; ++i) want(i);
    loop_.read_lines([this](const std::string* line) { command(line); });
    loop_.run();
    return 0;
  }

  void ready(Connection& connection) override {
    Member& member = members_[connection.number];
    --in_progress_;
    member.is_ready = true;
    member.ready_ns = now_ns();
    ++ready_;
    ready_s_.push_back(static_cast<double>(member.ready_ns - began_ns_) / 1e9);
    if (!viewers_began_ && ready_ == devices_) {  // the first device's series is there
      viewers_began_ = true;
      for (std::size_t i = devices_; i < members_.size(); ++i) want(i);
    }
    if (ready_ == members_.size()) all_ready();
    open_wanted();
  }

  void ended(Connection& connection, const std::string& why) override {
    Member& member = members_[connection.number];
    if (why.starts_with("LOST")) throw std::runtime_error(why);
    if (!was_connected_ && why != "lost") std::fprintf(stderr, "fanout_load: %s\n", why.c_str());
    ++ends_[why];
    if (std::exchange(member.is_ready, false)) {
      --ready_;
      if (now_ns() - member.ready_ns >= kLastedNs) member.failures = 0;
    } else {
      --in_progress_;
    }
    back_off(connection.number);
    open_wanted();
  }

 private:
  void want(std::size_t number) {
    wanted_.push_back(number);
    open_wanted();
  }

  void open_wanted() {
    // Not from within a connection that has just ended: it is destroyed here.
    if (std::exchange(opening_, true)) return;
    loop_.after(0, [this] {
      opening_ = false;
      while (in_progress_ < options_.at_once && !wanted_.empty()) {
        open(wanted_.front());
        wanted_.pop_front();
      }
    });
  }

  void open(std::size_t number) {
    Member& member = members_[number];
    std::unique_ptr<Session> session;
    if (member.stream) {
      session = std::make_unique<HubDeviceSession>(*member.stream, member.token, "");
    } else {
      session =
          std::make_unique<HubViewerSession>(member.token, options_.server.device, "bench.text", &member.position);
    }
    member.connection = std::make_unique<Connection>(loop_, receipts_, *this, std::move(session));
    member.connection->number = number;
    ++in_progress_;
    ++attempts_;
    const std::uint64_t attempt = ++member.attempt;
    member.connection->open({options_.server.port, &tls_}, source_of(number));
    loop_.after(kAttemptNs, [this, number, attempt] {
      Member& late = members_[number];
      if (late.attempt != attempt || late.is_ready || late.connection->has_ended()) return;
      late.connection->close();
      --in_progress_;
      ++ends_["not ready in time"];
      back_off(number);
    });
  }

  /// Full jitter: a random time in [0, min(most, least · 2^n)].
  void back_off(std::size_t number) {
    Member& member = members_[number];
    const double least = member.stream ? options_.least_backoff_s : kViewerLeastBackoff;
    const double most = member.stream ? options_.most_backoff_s : kViewerMostBackoff;
    const double limit = std::min(most, least * static_cast<double>(1u << std::min(member.failures, 16u)));
    ++member.failures;
    const double wait_s = std::uniform_real_distribution<double>(0, limit)(random_);
    loop_.after(ns_of(wait_s), [this, number] { want(number); });
  }

  void all_ready() {
    const double seconds = static_cast<double>(now_ns() - began_ns_) / 1e9;
    std::string ends;
    for (const auto& [why, count] : ends_) {
      ends += (ends.empty() ? "\"" : ",\"") + why + "\":" + std::to_string(count);
    }
    std::sort(ready_s_.begin(), ready_s_.end());
    std::printf(
        "{\"event\":\"%s\",\"members\":%zu,\"seconds\":%.3f,\"half_s\":%.3f,\"most_s\":%.3f,\"most_in_a_second\":%zu,"
        "\"attempts\":%llu,\"ends\":{%s}}\n",
        was_connected_ ? "back" : "connected", members_.size(), seconds, ready_s_[ready_s_.size() / 2],
        ready_s_[ready_s_.size() * 99 / 100], most_in_a_second(), static_cast<unsigned long long>(attempts_),
        ends.c_str());
    std::fflush(stdout);
    receipts_.latencies.clear();
    receipts_.from_ns = now_ns();
    if (std::exchange(was_connected_, true)) return;
    const auto period = ns_of(options_.period_s);
    const std::int64_t begin = now_ns() + kSecondNs / 10;
    for (std::size_t i = 0; i < devices_; ++i) {
      read_at(i, begin + period * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(devices_), period);
    }
  }

  /// Of the sorted ready_s_.
  std::size_t most_in_a_second() const {
    std::size_t most = 0, first = 0;
    for (std::size_t i = 0; i < ready_s_.size(); ++i) {
      while (ready_s_[i] - ready_s_[first] > 1) ++first;
      most = std::max(most, i + 1 - first);
    }
    return most;
  }

  void read_at(std::size_t number, std::int64_t due_ns, std::int64_t period_ns) {
    loop_.at(due_ns, [this, number, due_ns, period_ns] {
      if (finishing_) return;
      Member& member = members_[number];
      if (member.is_ready) {
        member.connection->session().publish(due_ns, member.connection->out());
        member.connection->flush();
      } else {
        member.stream->make(due_ns);
      }
      read_at(number, due_ns + period_ns, period_ns);
    });
  }

  /// "killed": the hub is gone; "mark NAME": say the latencies since the last mark; "finish".
  void command(const std::string* line) {
    if (line == nullptr) return loop_.stop();
    if (*line == "killed") {
      began_ns_ = now_ns();
      attempts_ = 0;
      ready_s_.clear();
      ends_.clear();
    } else if (line->starts_with("mark ")) {
      const auto& latencies = receipts_.latencies;
      std::printf(
          "{\"event\":\"mark\",\"name\":\"%s\",\"count\":%llu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
          line->substr(5).c_str(), static_cast<unsigned long long>(latencies.count()), latencies.quantile_ms(0.5),
          latencies.quantile_ms(0.99), latencies.max_ms());
      std::fflush(stdout);
      receipts_.latencies.clear();
      receipts_.from_ns = now_ns();
    } else if (*line == "finish") {
      finishing_ = true;
      finish(now_ns() + 30 * kSecondNs);
    }
  }

  /// Once everything is acknowledged and seen, or that takes too long.
  void finish(std::int64_t limit_ns) {
    std::uint64_t made = 0, acknowledged = 0;
    for (std::size_t i = 0; i < devices_; ++i) {
      made += members_[i].stream->made();
      acknowledged += members_[i].stream->acknowledged();
    }
    const std::uint64_t wanted = members_[0].stream->made() * options_.viewers;
    if ((acknowledged < made || receipts_.count < wanted) && now_ns() < limit_ns) {
      loop_.after(kSecondNs / 10, [this, limit_ns] { finish(limit_ns); });
      return;
    }
    if (!options_.acknowledged_file.empty()) {
      std::ofstream out(options_.acknowledged_file);
      for (std::size_t i = 0; i < devices_; ++i) out << members_[i].stream->acknowledged() << "\n";
    }
    std::printf("{\"event\":\"end\",\"made\":%llu,\"acknowledged\":%llu,\"seen\":%llu,\"to_be_seen\":%llu}\n",
                static_cast<unsigned long long>(made), static_cast<unsigned long long>(acknowledged),
                static_cast<unsigned long long>(receipts_.count), static_cast<unsigned long long>(wanted));
    std::fflush(stdout);
    loop_.stop();
  }

  const StormOptions options_;
  EventLoop loop_;
  Receipts receipts_;
  const TlsClient tls_;
  std::mt19937_64 random_{std::random_device{}()};
  std::vector<Member> members_;  // devices first
  std::size_t devices_ = 0, ready_ = 0, in_progress_ = 0;
  std::deque<std::size_t> wanted_;  // members that wait for a place; each at most once
  bool opening_ = false, viewers_began_ = false, was_connected_ = false, finishing_ = false;
  std::int64_t began_ns_ = 0;
  std::uint64_t attempts_ = 0;
  std::vector<double> ready_s_;                // since the beginning, or the kill: when a member became ready
  std::map<std::string, std::uint64_t> ends_;  // by why; the kinds are few
};

}  // namespace

int run_storm(const StormOptions& options) {
  return StormCase(options).run();
}

}  // namespace bench
