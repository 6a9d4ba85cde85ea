#include "device-agent/link/link.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "device-agent/link/back_off.h"
#include "wire/errc.h"

namespace agent {
namespace {

constexpr std::size_t kBacklog = 64 * 1024;             // past it, sending waits for acknowledgements
constexpr std::int64_t kRefusedWait = 3'600'000'000LL;  // a refused credential is not tried again soon
constexpr std::int64_t kLongestHint = 3'600'000'000LL;
constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace

Link::Link(boost::asio::any_io_executor executor, CredentialKeeper& keeper, Spool& spool, const base::Clock& clock,
           base::Random& random, std::shared_ptr<spdlog::logger> log, LinkEvents events, ConnectToHub connect)
    : keeper_(keeper),
      connect_(std::move(connect)),
      spool_(spool),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      events_(std::move(events)),
      timer_(executor),
      closers_(executor, [](const std::exception&) {}),
      process_id_(random.next_id()) {}

Link::~Link() = default;

void Link::stop() {
  stopping_ = true;
  timer_.cancel();
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

boost::asio::awaitable<void> Link::wait(std::int64_t us, const std::string& why) {
  state_ = "waiting " + std::to_string((us + 999'999) / 1'000'000) + " s: " + why;
  timer_.expires_after(std::chrono::microseconds(us));
  co_await timer_.async_wait(kWait);
}

boost::asio::awaitable<void> Link::run() {
  while (!stopping_) {
    state_ = "connecting";
    refusal_.clear();
    close_code_ = 0;
    retry_after_ms_ = 0;
    co_await session();
    const bool was_welcomed = std::exchange(welcomed_, false);
    if (was_welcomed) {
      attempt_ = 0;
      if (const auto frame = unreadable_.ended(close_code_, under_way())) {
        log_->error("the hub cannot read frame {} (close {}): it becomes a gap", frame->sequence, close_code_);
        give_up(*frame);
      }
      if (events_.disconnected) events_.disconnected();
    }
    keeper_.disconnected();
    co_await closers_.join();
    connection_ = nullptr;
    if (stopping_) break;
    if (std::exchange(reconnecting_, false) && close_code_ < 4000) continue;
    const std::string why = refusal_.empty() ? "no connection" : refusal_;
    const std::int64_t hint_us = std::min(retry_after_ms_ * std::int64_t{1'000}, kLongestHint);
    // A newer one may lie ready already; and what could not be renewed is not tried again each second.
    const bool tried = std::exchange(renew_first_, false);
    if (close_code_ == kCertificateExpired && shown_ == keeper_.current().certificate_pem) {
      renew_first_ = !tried;
      if (tried) close_code_ = 4001;
    }
    switch (retry_after_close(close_code_)) {
      case Retry::never:
        log_->error(
            "the hub refused this device ({}): {}; not trying again for an hour, `device-agent enroll` makes a new "
            "credential",
            close_code_, why);
        co_await wait(kRefusedWait, "refused: " + why);
        break;
      case Retry::now:
        co_await wait(std::max(static_cast<std::int64_t>(random_.next_unit() * 1e6), hint_us), why);
        break;
      case Retry::back_off:
        co_await wait(std::max(back_off_us(attempt_++, random_), hint_us), why);
        break;
    }
  }
  state_ = "stopped";
}

boost::asio::awaitable<void> Link::session() {
  Credential credential = keeper_.current();
  const HandshakeTime time = keeper_.handshake_time();
  shown_ = credential.certificate_pem;
  const std::string where = credential.host + ":" + std::to_string(credential.port);
  HubConnection hub = co_await connect_(std::move(credential), time);
  if (hub.connection == nullptr) {
    refusal_ = hub.problem;
    if (hub.refused) close_code_ = 4001;
    log_->warn("cannot reach the hub at {}: {}", where, refusal_);
    co_return;
  }
  connection_ = std::move(hub.connection);
  if (stopping_ || !introduce()) co_return;
  std::string bytes;
  telemetry::v1::HubMessage message;
  for (;;) {
    const auto ec = co_await connection_->read(bytes);
    if (ec) {
      const auto closed = connection_->peer_close();
      if (close_code_ == 0) close_code_ = closed.code;
      if (refusal_.empty()) refusal_ = closed.reason.empty() ? ec.message() : closed.reason;
      if (!stopping_ && !reconnecting_ && closed.code != 1000)
        log_->warn("the link ended: {} {}", closed.code, refusal_);
      break;
    }
    if (!message.ParseFromString(bytes)) {
      refusal_ = "the hub sent what is no message";
      log_->error("{}", refusal_);
      break;
    }
    if (message.has_welcome()) {
      if (!on_welcome(message.welcome())) break;
    } else if (message.has_ack()) {
      on_ack(message.ack());
    } else if (message.has_need_definitions()) {
      on_need(message.need_definitions());
    } else if (message.has_credits()) {
      on_credits(message.credits());
    } else if (message.has_renewed_certificate()) {
      keeper_.renewed(message.renewed_certificate());
      if (!renew_first_) continue;
      // Nothing more is to come on this connection. The next one is welcome at once where there is a new certificate.
      refusal_ = "the certificate had expired";
      close_code_ = kCertificateExpired;
      break;
    } else if (message.has_refusal()) {
      refusal_ = message.refusal().reason();
      retry_after_ms_ = message.refusal().retry_after_ms();
      close_code_ = static_cast<std::uint16_t>(message.refusal().close_code());
    } else if (events_.message) {
      events_.message(message);
    }
  }
  connection_->abort();
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
}

bool Link::hello() {
  telemetry::v1::DeviceMessage message;
  auto& hello = *message.mutable_hello();
  hello.set_protocol_version(1);
  hello.set_agent_version(TELEMETRY_VERSION);
  hello.set_process_id(std::string(base::as_chars(process_id_)));
  hello.set_clock_synchronised(clock_.synchronised());
  hello.set_ca_bundle_sha256(keeper_.ca_bundle_sha256());
  streams_.clear();
  unacked_[0] = unacked_[1] = 0;
  for (const auto& held : spool_.streams()) {
    auto& stream = *hello.add_streams();
    stream.set_epoch(std::string(base::as_chars(held.epoch)));
    stream.set_boot_id(std::string(base::as_chars(held.boot_id)));
    stream.set_lane(static_cast<telemetry::v1::Lane>(held.lane));
    stream.set_first_held(held.first_held);
    stream.set_next(held.next);
    hello.set_boot_id(std::string(base::as_chars(held.boot_id)));  // the last is the current boot's
    streams_.push_back({held, held.first_held, {}, 0});
  }
  if (events_.describe) events_.describe(hello);
  return !connection_->write(message.SerializeAsString());
}

bool Link::on_welcome(const telemetry::v1::Welcome& welcome) {
  if (welcomed_ || welcome.streams_size() != static_cast<int>(streams_.size())) {
    refusal_ = "the hub's Welcome does not fit the Hello";
    log_->error("{}", refusal_);
    return false;
  }
  message_limit_ = welcome.message_limit_bytes();
  credit_[0] = welcome.credit_bytes_live();
  credit_[1] = welcome.credit_bytes_backfill();
  base::Id128 defined{};
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    auto& stream = streams_[i];
    const std::uint64_t stored = welcome.streams(static_cast<int>(i)).stored();
    spool_.acknowledged(stream.spool.epoch, stream.spool.lane, stored);
    stream.next = stored + 1;
    // The hub knows an epoch's aliases for a session: told once, it need not ask.
    const auto definitions = spool_.definitions(stream.spool.epoch);
    if (stream.spool.epoch != defined && definitions.definitions_size() > 0) {
      defined = stream.spool.epoch;
      telemetry::v1::DeviceMessage message;
      *message.mutable_definitions() = definitions;
      message.mutable_definitions()->set_stream(static_cast<std::uint32_t>(i));
      if (connection_->write(message.SerializeAsString())) return false;
    }
  }
  welcomed_ = true;
  state_ = "connected";
  const Credential& credential = keeper_.current();
  log_->info("connected to {}:{} as {}", credential.host, credential.port, welcome.device_name());
  keeper_.welcomed(welcome);
  if (events_.welcomed) events_.welcomed(welcome);
  pump();
  return true;
}

void Link::on_credits(const telemetry::v1::Credits& credits) {
  credit_[0] = credits.live_bytes();
  credit_[1] = credits.backfill_bytes();
  pump();
}

void Link::on_ack(const telemetry::v1::FrameAck& ack) {
  for (const auto& a : ack.streams()) {
    if (a.stream() >= streams_.size()) continue;
    auto& stream = streams_[a.stream()];
    while (!stream.unacked.empty() && stream.unacked.front().first <= a.stored()) {
      unacked_[stream.spool.lane] -= stream.unacked.front().second;
      stream.unacked.pop_front();
      unreadable_.acknowledged(1);
    }
    spool_.acknowledged(stream.spool.epoch, stream.spool.lane, a.stored());
  }
  for (const auto& r : ack.rejected()) {
    ++rejected_;
    log_->warn("the hub refused frame {} of stream {}: {}", r.sequence(), r.stream(), r.detail());
  }
  pump();
}

void Link::on_need(const telemetry::v1::NeedDefinitions& need) {
  if (need.stream() >= streams_.size()) return;
  auto& stream = streams_[need.stream()];
  const telemetry::v1::Definitions known = spool_.definitions(stream.spool.epoch);
  // Definitions that are lost, or did not help: without this the frame would go back and forth for ever.
  const bool told_already = std::exchange(stream.told_for, need.sequence()) == need.sequence();
  const bool defined = std::all_of(need.aliases().begin(), need.aliases().end(), [&known](std::uint32_t alias) {
    return std::any_of(known.definitions().begin(), known.definitions().end(),
                       [alias](const auto& d) { return d.alias() == alias; });
  });
  if (told_already || !defined) {
    log_->error("frame {} of stream {} uses series that nobody can define any more: it becomes a gap", need.sequence(),
                need.stream());
    give_up({stream.spool.epoch, stream.spool.lane, need.sequence()});
  } else {
    telemetry::v1::DeviceMessage message;
    *message.mutable_definitions() = known;
    message.mutable_definitions()->set_stream(need.stream());
    (void)send(message);
  }
  while (!stream.unacked.empty() && stream.unacked.back().first >= need.sequence()) {
    unacked_[stream.spool.lane] -= stream.unacked.back().second;
    stream.unacked.pop_back();
  }
  stream.next = need.sequence();
  pump();
}

bool Link::send(const telemetry::v1::DeviceMessage& message) {
  return welcomed_ && connection_ && !connection_->write(message.SerializeAsString());
}

void Link::pump() {
  if (!welcomed_ || stopping_) return;
  for (const std::uint8_t lane : {0, 1}) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[i].spool.lane == lane && !send_from(i)) return;
    }
  }
}

/// The spool sends a gap `refused` in its place from now on.
void Link::give_up(const FrameKey& frame) {
  ++rejected_;
  spool_.refuse(frame.epoch, frame.lane, frame.sequence);
}

std::vector<FrameKey> Link::under_way() const {
  std::vector<FrameKey> frames;
  for (const auto& stream : streams_) {
    for (const auto& [last, bytes] : stream.unacked) frames.push_back({stream.spool.epoch, stream.spool.lane, last});
  }
  return frames;
}

/// False: nothing more can be sent now.
bool Link::send_from(std::size_t index) {
  auto& stream = streams_[index];
  while (unacked_[stream.spool.lane] < credit_[stream.spool.lane]) {
    if (connection_->backlog_bytes() > kBacklog) return false;
    if (unreadable_.one_at_a_time() && !under_way().empty()) return false;
    auto item = spool_.read(stream.spool.epoch, stream.spool.lane, stream.next);
    if (!item) return true;
    telemetry::v1::DeviceMessage message;
    const std::size_t size = item->bytes.size();
    if (item->is_gap) {
      auto& gap = *message.mutable_gap();
      if (!gap.ParseFromString(item->bytes)) gap.Clear();
      gap.set_stream(static_cast<std::uint32_t>(index));
      gap.set_first(item->first);
      gap.set_last(item->last);
    } else {
      auto& frame = *message.mutable_frame();
      frame.set_stream(static_cast<std::uint32_t>(index));
      frame.set_sequence(item->first);
      frame.set_body(std::move(item->bytes));
    }
    const std::string bytes = message.SerializeAsString();
    if (!item->is_gap && message_limit_ != 0 && bytes.size() > message_limit_) {
      log_->error("frame {} has {} bytes, more than the hub takes ({}): it becomes a gap", item->first, bytes.size(),
                  message_limit_);
      give_up({stream.spool.epoch, stream.spool.lane, item->first});
      continue;
    }
    if (connection_->write(bytes)) return false;
    sent_bytes_ += bytes.size();
    unacked_[stream.spool.lane] += size;
    stream.unacked.push_back({item->last, size});
    stream.next = item->last + 1;
  }
  return true;
}

}  // namespace agent
