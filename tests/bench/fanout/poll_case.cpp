// What the live link stands beside: viewers that ask REST for new readings again and again.
#include <time.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

#include "cases.h"
#include "http_session.h"
#include "hub_sessions.h"
#include "opener.h"
#include "process_cost.h"
#include "publisher.h"

namespace bench {
namespace {

std::int64_t wall_us() {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  return wall.tv_sec * 1'000'000 + wall.tv_nsec / 1'000;
}

class PollCase {
 public:
  explicit PollCase(const PollOptions& options)
      : options_(options),
        tls_(options.server.ca_file),
        stream_({0, 1}, static_cast<std::uint64_t>(now_ns())),
        publishers_(loop_, receipts_, target(), 1, 1,
                    [this](std::size_t) {
                      return std::make_unique<HubDeviceSession>(
                          stream_, options_.server.device_token,
                          options_.server.device_by_name ? options_.server.device : "");
                    }),
        viewers_(loop_, receipts_, target(), options.viewers, options.at_once,
                 [this](std::size_t) {
                   return std::make_unique<PollingSession>(options_.server.viewer_token, options_.server.device,
                                                           "bench.n0", wall_us());
                 }),
        cpu_(options.server.pid) {}

  int run() {
    stream_.make(now_ns());
    publishers_.start([this] { viewers_.start([this] { loop_.after(kSecondNs, [this] { opened(); }); }); });
    loop_.run();
    return 0;
  }

 private:
  Target target() const { return {options_.server.port, &tls_}; }

  void opened() {
    publisher_ = std::make_unique<Publisher>(loop_, *publishers_.all().front());
    publisher_->start(options_.rate);
    const std::int64_t begin = now_ns();
    const auto period = ns_of(options_.period_s);
    const auto count = static_cast<std::int64_t>(options_.viewers);
    for (std::int64_t i = 0; i < count; ++i) ask_at(static_cast<std::size_t>(i), begin + period * i / count, period);
    loop_.after(ns_of(options_.warm_s), [this] { begin_window(); });
  }

  /// Evenly spread over the period; one whose last answer has not come waits for its next turn.
  void ask_at(std::size_t viewer, std::int64_t due_ns, std::int64_t period_ns) {
    loop_.at(due_ns, [this, viewer, due_ns, period_ns] {
      Connection& connection = *viewers_.all()[viewer];
      if (connection.has_ended()) throw std::runtime_error("a polling connection was closed");
      auto& session = static_cast<PollingSession&>(connection.session());
      ++(session.ask(connection.out()) ? asked_ : skipped_);
      connection.flush();
      ask_at(viewer, due_ns + period_ns, period_ns);
    });
  }

  void begin_window() {
    receipts_.latencies.clear();
    count_ = receipts_.count;
    received_ = viewers_.received_bytes();
    sent_ = viewers_.sent_bytes();
    asked_ = skipped_ = 0;
    cpu_.begin();
    loop_.after(ns_of(options_.seconds), [this] { end_window(); });
  }

  void end_window() {
    cpu_.end();
    const auto delivered = static_cast<double>(receipts_.count - count_);
    const double viewer_seconds = cpu_.seconds * static_cast<double>(options_.viewers);
    std::printf(
        "{\"rate\":%g,\"subscribers\":%zu,\"polls_per_s\":%.1f,\"skipped\":%llu,\"delivered_per_s\":%.0f,"
        "\"server_cpu_us_per_message\":%.3f,\"server_cpu_percent\":%.1f,\"client_cpu_percent\":%.1f,\"others_cpu_"
        "percent\":%.1f,"
        "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"received_bytes_per_viewer_s\":%.1f,\"sent_bytes_per_viewer_"
        "s\":%.1f}\n",
        options_.rate, options_.viewers, static_cast<double>(asked_) / cpu_.seconds,
        static_cast<unsigned long long>(skipped_), delivered / cpu_.seconds,
        delivered > 0 ? cpu_.server_s * 1e6 / delivered : -1, cpu_.server_s / cpu_.seconds * 100,
        cpu_.client_s / cpu_.seconds * 100, cpu_.others_percent, receipts_.latencies.quantile_ms(0.5),
        receipts_.latencies.quantile_ms(0.99), receipts_.latencies.max_ms(),
        static_cast<double>(viewers_.received_bytes() - received_) / viewer_seconds,
        static_cast<double>(viewers_.sent_bytes() - sent_) / viewer_seconds);
    std::fflush(stdout);
    loop_.stop();
  }

  const PollOptions options_;
  EventLoop loop_;
  Receipts receipts_;
  const TlsClient tls_;
  DeviceStream stream_;
  Opener publishers_, viewers_;
  std::unique_ptr<Publisher> publisher_;
  CpuWindow cpu_;
  std::uint64_t count_ = 0, received_ = 0, sent_ = 0, asked_ = 0, skipped_ = 0;
};

}  // namespace

int run_poll(const PollOptions& options) {
  return PollCase(options).run();
}

}  // namespace bench
