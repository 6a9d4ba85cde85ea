// One publisher, many subscribers: what a delivered message costs the server, and how late it is.
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "cases.h"
#include "hub_sessions.h"
#include "opener.h"
#include "process_cost.h"
#include "publisher.h"

namespace bench {
namespace {

constexpr int kStalledReceiveBytes = 192 * 1024;  // full soon; well above two segments of loopback, or TCP itself halts
constexpr double kDeliveredEnough = 0.98;
constexpr std::int64_t kQuietNs = 2 * kSecondNs;  // so long without a receipt, and what is missing will not come

class FanCase {
 public:
  explicit FanCase(const FanOptions& options)
      : options_(options),
        is_hub_(options.protocol == "hub"),
        tls_(options.server.ca_file.empty() ? nullptr : std::make_unique<TlsClient>(options.server.ca_file)),
        stream_({options.payload_bytes, options.numbers}, static_cast<std::uint64_t>(now_ns())),
        publishers_(loop_, receipts_, target(), options.series.empty() ? 1 : 0, 1,
                    [this](std::size_t) { return session(Role::publisher, options_.subscribers); }),
        subscribers_(loop_, receipts_, target(), options.subscribers, options.at_once,
                     [this](std::size_t i) { return session(Role::subscriber, i); }),
        stalled_(loop_, receipts_, {options.server.port, tls_.get(), kStalledReceiveBytes}, options.stalled,
                 options.at_once, [this](std::size_t) { return viewer(); }),
        cpu_(options.server.pid) {}

  int run() {
    stream_.make(now_ns());  // the hub knows the series once it has a reading
    publishers_.start([this] {
      before_bytes_ = anonymous_bytes(options_.server.pid);
      subscribers_.start([this] {
        stalled_.start([this] {
          for (const auto& connection : stalled_.all()) connection->stall();
          loop_.after(kSecondNs, [this] { opened(); });
        });
      });
    });
    loop_.run();
    return 0;
  }

 private:
  Target target() const { return {options_.server.port, tls_.get()}; }

  std::unique_ptr<Session> session(Role role, std::size_t number) {
    const auto& server = options_.server;
    const std::size_t bytes = options_.payload_bytes;
    if (options_.protocol == "ws") return make_node_ws_session(role, bytes);
    if (options_.protocol == "socketio") return make_socket_io_session(role, bytes);
    if (options_.protocol == "mqtt") return make_mqtt_session(role, bytes, static_cast<unsigned>(number));
    if (options_.protocol == "nats") return make_nats_session(role, bytes, tls_ != nullptr);
    if (role == Role::publisher) {
      return std::make_unique<HubDeviceSession>(stream_, server.device_token,
                                                server.device_by_name ? server.device : "");
    }
    return viewer();
  }

  std::unique_ptr<Session> viewer() {
    const auto& server = options_.server;
    const std::string pattern = options_.series.empty() ? stream_.readings().pattern() : options_.series;
    return std::make_unique<HubViewerSession>(server.viewer_token, server.device, pattern, nullptr,
                                              options_.since_commit ? Since::commit : Since::due);
  }

  void opened() {
    const double growth =
        static_cast<double>(anonymous_bytes(options_.server.pid)) - static_cast<double>(before_bytes_);
    std::printf("{\"opened\":%zu,\"seconds\":%.3f,\"server_bytes_per_connection\":%.0f}\n", options_.subscribers,
                subscribers_.seconds(), growth / static_cast<double>(options_.subscribers));
    std::fflush(stdout);
    if (options_.series.empty()) publisher_ = std::make_unique<Publisher>(loop_, *publishers_.all().front());
    begin_step();
  }

  /// Readings that one message brings to one subscriber.
  std::uint64_t each() const { return is_hub_ && options_.numbers > 0 ? options_.numbers : 1; }

  void begin_step() {
    if (publisher_) {
      published_before_ = publisher_->published();
      publisher_->start(options_.rates[step_]);
    }
    step_count_ = receipts_.count;
    loop_.after(ns_of(options_.warm_s), [this] { begin_window(); });
  }

  void begin_window() {
    receipts_.latencies.clear();
    window_count_ = receipts_.count;
    window_received_ = subscribers_.received_bytes();
    window_sent_ = subscribers_.sent_bytes();
    held_back_ = publisher_ ? publisher_->held_back() : 0;
    cpu_.begin();
    loop_.after(ns_of(options_.seconds), [this] { end_window(); });
  }

  void end_window() {
    cpu_.end();
    const auto delivered = static_cast<double>(receipts_.count - window_count_);
    const double p99 = receipts_.latencies.quantile_ms(0.99);
    const double rate =
        publisher_ ? options_.rates[step_] : delivered / cpu_.seconds / static_cast<double>(options_.subscribers);
    const double offered = rate * static_cast<double>(options_.subscribers * each());
    // At the window's edges a message may be on its way.
    const double wanted =
        offered * cpu_.seconds * kDeliveredEnough - static_cast<double>(options_.subscribers * each());
    const double received = static_cast<double>(subscribers_.received_bytes() - window_received_);
    const double sent = static_cast<double>(subscribers_.sent_bytes() - window_sent_);
    const double viewer_seconds = cpu_.seconds * static_cast<double>(options_.subscribers);
    keeps_up_ = options_.bound_ms <= 0 || (delivered >= wanted && p99 >= 0 && p99 <= options_.bound_ms);
    std::printf(
        "{\"rate\":%g,\"subscribers\":%zu,\"offered_per_s\":%.0f,\"delivered_per_s\":%.0f,\"held_back\":%llu,"
        "\"server_cpu_us_per_message\":%.3f,\"server_cpu_percent\":%.1f,\"client_cpu_percent\":%.1f,\"others_cpu_"
        "percent\":%.1f,"
        "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"received_bytes_per_viewer_s\":%.1f,\"sent_bytes_per_viewer_"
        "s\":%.1f,"
        "\"server_anonymous_bytes\":%llu,\"lost_connections\":%zu,\"keeps_up\":%s",
        rate, options_.subscribers, offered, delivered / cpu_.seconds,
        static_cast<unsigned long long>(publisher_ ? publisher_->held_back() - held_back_ : 0),
        delivered > 0 ? cpu_.server_s * 1e6 / delivered : -1, cpu_.server_s / cpu_.seconds * 100,
        cpu_.client_s / cpu_.seconds * 100, cpu_.others_percent, receipts_.latencies.quantile_ms(0.5), p99,
        receipts_.latencies.max_ms(), received / viewer_seconds, sent / viewer_seconds,
        static_cast<unsigned long long>(anonymous_bytes(options_.server.pid)), subscribers_.lost(),
        keeps_up_ ? "true" : "false");
    if (publisher_) publisher_->stop();
    quiet_count_ = receipts_.count;
    quiet_since_ns_ = now_ns();
    drain();
  }

  /// Until everything is there or nothing comes any more.
  void drain() {
    const std::uint64_t wanted =
        publisher_ ? (publisher_->published() - published_before_) * options_.subscribers * each() : 0;
    const std::uint64_t got = receipts_.count - step_count_;
    if (std::exchange(quiet_count_, receipts_.count) != receipts_.count) quiet_since_ns_ = now_ns();
    if (got < wanted && now_ns() - quiet_since_ns_ < kQuietNs) {
      loop_.after(kSecondNs / 50, [this] { drain(); });
      return;
    }
    std::printf(",\"missing\":%lld}\n",
                publisher_ ? static_cast<long long>(wanted) - static_cast<long long>(got) : 0LL);
    std::fflush(stdout);
    if (++step_ < options_.rates.size() && (keeps_up_ || step_ == 1)) return begin_step();
    // Whether the hub still has the stalled ones can be seen at the hub alone, and only while they are there.
    if (options_.stalled == 0) return loop_.stop();
    loop_.read_lines([this](const std::string*) { loop_.stop(); });
  }

  const FanOptions options_;
  const bool is_hub_;
  EventLoop loop_;
  Receipts receipts_;
  const std::unique_ptr<TlsClient> tls_;
  DeviceStream stream_;
  Opener publishers_, subscribers_, stalled_;
  std::unique_ptr<Publisher> publisher_;
  CpuWindow cpu_;
  std::size_t step_ = 0;
  bool keeps_up_ = true;
  std::uint64_t before_bytes_ = 0, published_before_ = 0, step_count_ = 0, window_count_ = 0, held_back_ = 0;
  std::uint64_t window_received_ = 0, window_sent_ = 0, quiet_count_ = 0;
  std::int64_t quiet_since_ns_ = 0;
};

}  // namespace

int run_fan(const FanOptions& options) {
  if (options.protocol != "hub" && (options.stalled > 0 || options.since_commit)) {
    throw std::runtime_error("--stalled and --since-commit are of the hub alone");
  }
  return FanCase(options).run();
}

}  // namespace bench
