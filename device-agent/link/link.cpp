#include "device-agent/link/link.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "device-agent/link/printable.h"
#include "wire/errc.h"

namespace agent {
namespace {

constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr std::uint16_t kProtocolError = 1002;

}  // namespace

Link::Link(boost::asio::any_io_executor executor, CredentialKeeper& keeper, Spool& spool, const base::Clock& clock,
           base::Random& random, std::shared_ptr<spdlog::logger> log, LinkEvents events, ConnectToHub connect,
           LinkLimits limits)
    : keeper_(keeper),
      connect_(std::move(connect)),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      events_(std::move(events)),
      limits_(limits),
      frames_(spool, clock, log_, limits.hello_streams),
      timer_(executor),
      connecting_(executor, [this](const std::exception& e) { refusal_ = e.what(); }),
      closers_(executor, [](const std::exception&) {}),
      process_id_(random.next_id()),
      deadline_(executor) {}

Link::~Link() = default;

void Link::stop() {
  stopping_ = true;
  timer_.cancel();
  connecting_.cancel();
  if (!connection_) return;
  wire::CloseReason bye(1001, "the agent stops");
  closers_.spawn(connection_->close(std::move(bye)));
}

void Link::reconnect() {
  if (!welcomed_ || stopping_ || reconnecting_) return;
  reconnecting_ = true;
  wire::CloseReason bye(1000, "the device introduces itself anew");
  closers_.spawn(connection_->close(std::move(bye)));
}

boost::asio::awaitable<void> Link::run() {
  while (!stopping_) {
    state_ = "connecting";
    refusal_.clear();
    violation_.clear();
    close_code_ = 0;
    hint_us_ = 0;
    co_await session();
    end_session();
    co_await closers_.join();
    connection_ = nullptr;
    if (stopping_) break;
    if (std::exchange(reconnecting_, false) && close_code_ < 4000) continue;
    co_await wait_for_next();
  }
  state_ = "stopped";
}

void Link::end_session() {
  deadline_.disarm();
  if (connection_) {
    counters_.wire_sent_bytes += connection_->traffic().sent_bytes;
    counters_.wire_received_bytes += connection_->traffic().received_bytes;
  }
  counters_.address.clear();
  counters_.last_error = refusal_.empty() ? "no connection" : refusal_;
  if (std::exchange(welcomed_, false)) {
    back_off_.session_lasted(clock_.boot_us() - welcomed_us_);
    frames_.ended(close_code_);
    if (events_.disconnected) events_.disconnected();
  }
  keeper_.disconnected();
}

boost::asio::awaitable<void> Link::wait_for_next() {
  const std::string why = counters_.last_error;
  // A newer one may lie ready already; and what could not be renewed is not tried again each second.
  const bool tried = std::exchange(renew_first_, false);
  if (close_code_ == kCertificateExpired && shown_ == keeper_.current().certificate_pem) {
    renew_first_ = !tried;
    if (tried) close_code_ = 4001;
  }
  const Retry retry = retry_after_close(close_code_);
  if (retry == Retry::never) {
    log_->error(
        "the hub refused this device ({}): {}; not trying again for an hour, `device-agent enroll` makes a new "
        "credential",
        close_code_, why);
  }
  const std::int64_t us = back_off_.next_us(retry, hint_us_, random_);
  const std::string shown = retry == Retry::never ? "refused: " + why : why;
  state_ = "waiting " + std::to_string((us + 999'999) / 1'000'000) + " s: " + shown;
  timer_.expires_after(std::chrono::microseconds(us));
  co_await timer_.async_wait(kWait);
}

boost::asio::awaitable<void> Link::connect_once(HubConnection& made) {
  Credential credential = keeper_.current();
  const HandshakeTime time = keeper_.handshake_time();
  made = co_await connect_(std::move(credential), time);
}

/// A task of its own, so that stop() can cancel whatever stage it is in.
boost::asio::awaitable<bool> Link::open() {
  ++counters_.attempts;
  shown_ = keeper_.current().certificate_pem;
  HubConnection hub;
  connecting_.spawn(connect_once(hub));
  co_await connecting_.join();
  if (stopping_) co_return false;
  if (hub.connection == nullptr) {
    if (!hub.problem.empty()) refusal_ = printable(hub.problem, 1'000);
    if (hub.refused) close_code_ = 4001;
    hint_us_ = hub.retry_after_s * 1'000'000;
    log_->warn("cannot reach the hub at {}:{}: {}", keeper_.current().host, keeper_.current().port, refusal_);
    co_return false;
  }
  connection_ = std::move(hub.connection);
  counters_.address = hub.address;
  co_return true;
}

boost::asio::awaitable<void> Link::session() {
  const bool is_open = co_await open();
  if (!is_open) co_return;
  deadline_.arm(limits_.welcome, [this] {
    refusal_ = "the hub did not answer Hello in time";
    connection_->abort();
  });
  if (!introduce()) co_return;
  std::string bytes;
  telemetry::v1::HubMessage message;
  for (;;) {
    const auto ec = co_await connection_->read(bytes);
    if (ec) {
      const auto closed = connection_->peer_close();
      if (close_code_ == 0) close_code_ = closed.code;
      if (refusal_.empty()) refusal_ = closed.reason.empty() ? ec.message() : printable(closed.reason);
      if (ec == base::error_code(wire::errc::timed_out)) refusal_ = "the hub has been silent for too long";
      if (!stopping_ && !reconnecting_ && closed.code != 1000)
        log_->warn("the link ended: {} {}", closed.code, refusal_);
      break;
    }
    if (!message.ParseFromString(bytes)) violation_ = "the hub sent what is no message";
    if (violation_.empty() && handle(message)) continue;
    if (violation_.empty()) break;
    refusal_ = violation_;
    log_->error("{}", violation_);
    co_await leave(kProtocolError);
    break;
  }
  connection_->abort();
}

boost::asio::awaitable<void> Link::leave(std::uint16_t code) {
  wire::CloseReason why(code, refusal_);
  co_await connection_->close(std::move(why));
}

/// False: the session is over; with a violation_: because of what the hub did.
bool Link::handle(const telemetry::v1::HubMessage& message) {
  if (message.has_welcome()) return on_welcome(message.welcome());
  if (message.has_refusal()) {
    on_refusal(message.refusal());
    return true;
  }
  if (message.has_renewed_certificate()) {
    keeper_.renewed(message.renewed_certificate());
    if (!renew_first_) return true;
    // Nothing more is to come on this connection. The next one is welcome at once where there is a new certificate.
    refusal_ = "the certificate had expired";
    close_code_ = kCertificateExpired;
    return false;
  }
  if (message.has_ack()) return accept(frames_.acknowledged(message.ack()));
  if (message.has_need_definitions()) return accept(frames_.needs(message.need_definitions()));
  if (message.has_credits()) {
    frames_.credits(message.credits());
  } else if (welcomed_ && events_.message) {
    events_.message(message);
  }
  return true;
}

bool Link::accept(std::string problem) {
  violation_ = std::move(problem);
  return violation_.empty();
}

bool Link::introduce() {
  return renew_first_ ? ask_for_certificate(keeper_.request()) : hello();
}

bool Link::ask_for_certificate(std::optional<telemetry::v1::RenewCertificate> request) {
  if (!request) return false;
  telemetry::v1::DeviceMessage message;
  *message.mutable_renew_certificate() = std::move(*request);
  return !connection_->write(message.SerializeAsString());
}

void Link::tick() {
  if (!welcomed_ || stopping_) return;
  if (auto request = keeper_.due()) (void)ask_for_certificate(std::move(request));
  const std::int64_t unanswered_us = frames_.unanswered_us();
  if (unanswered_us > std::chrono::microseconds(limits_.acknowledge).count()) {
    refusal_ = "the hub has acknowledged nothing for " + std::to_string(unanswered_us / 1'000'000) + " s";
    connection_->abort();
    return;
  }
  if (frames_.next_hello_due()) reconnect();
}

std::string Link::problem() const {
  constexpr std::int64_t kTold = 10'000'000;
  if (!welcomed_) return {};
  const auto seconds = [](std::int64_t us) { return std::to_string(us / 1'000'000) + " s"; };
  if (frames_.without_credit_us() > kTold) {
    return "the hub has given no credit for " + seconds(frames_.without_credit_us()) + ": nothing is sent";
  }
  if (frames_.unanswered_us() > kTold) {
    return "the hub has acknowledged nothing for " + seconds(frames_.unanswered_us());
  }
  return {};
}

LinkCounters Link::counters() const {
  LinkCounters all = counters_;
  if (connection_ && !counters_.address.empty()) {
    all.wire_sent_bytes += connection_->traffic().sent_bytes;
    all.wire_received_bytes += connection_->traffic().received_bytes;
  }
  return all;
}

bool Link::hello() {
  telemetry::v1::DeviceMessage message;
  auto& hello = *message.mutable_hello();
  hello.set_protocol_version(1);
  hello.set_agent_version(TELEMETRY_VERSION);
  hello.set_process_id(std::string(base::as_chars(process_id_)));
  hello.set_clock_synchronised(clock_.synchronised());
  hello.set_ca_bundle_sha256(keeper_.ca_bundle_sha256());
  frames_.describe(hello);
  if (events_.describe) events_.describe(hello);
  return !connection_->write(message.SerializeAsString());
}

bool Link::on_welcome(const telemetry::v1::Welcome& welcome) {
  if (renew_first_) return accept("the hub sent a Welcome without a Hello");
  if (!accept(frames_.welcomed(welcome, *connection_))) return false;
  deadline_.disarm();
  welcomed_ = true;
  welcomed_us_ = clock_.boot_us();
  ++counters_.sessions;
  state_ = "connected";
  const Credential& credential = keeper_.current();
  log_->info("connected to {}:{} ({}) as {}", credential.host, credential.port, counters_.address,
             printable(welcome.device_name()));
  keeper_.welcomed(welcome);
  if (events_.welcomed) events_.welcomed(welcome);
  frames_.pump();
  return true;
}

/// The close that it announces is to follow; what was acknowledged on the way still counts.
void Link::on_refusal(const telemetry::v1::Refusal& refusal) {
  refusal_ = printable(refusal.reason());
  hint_us_ = refusal.retry_after_ms() * std::int64_t{1'000};
  const bool is_code = refusal.close_code() >= 1'000 && refusal.close_code() < 5'000;
  close_code_ = is_code ? static_cast<std::uint16_t>(refusal.close_code()) : std::uint16_t{1'008};
  deadline_.arm(limits_.goodbye, [this] { connection_->abort(); });
}

bool Link::send(const telemetry::v1::DeviceMessage& message) {
  return welcomed_ && connection_ && !connection_->write(message.SerializeAsString());
}

}  // namespace agent
