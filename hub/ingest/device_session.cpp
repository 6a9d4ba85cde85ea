#include "hub/ingest/device_session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "hub/ingest/hello.h"
#include "wire/run_on.h"

namespace hub {
namespace {

constexpr std::size_t kLinkQueue = 256;
constexpr std::int64_t kRenewEvery_us = 10'000'000;  // each renewal is a signature and a commit
constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace

DeviceSession::DeviceSession(std::uint64_t number, boost::asio::any_io_executor executor,
                             const IngestServices& services, const IngestLimits& limits, IngestCounters& counters,
                             IngestBudget& budget, std::shared_ptr<AckInbox> inbox,
                             std::unique_ptr<wire::Connection> connection)
    : number_(number),
      executor_(executor),
      services_(services),
      limits_(limits),
      counters_(counters),
      budget_(budget),
      inbox_(std::move(inbox)),
      connection_(std::move(connection)),
      closers_(executor, [](const std::exception&) {}),
      hello_timer_(executor),
      budget_wait_(executor),
      pace_wait_(executor),
      pace_(limits.device_messages_per_s, limits.device_bytes_per_s, services.clock.boot_us()),
      self_(std::make_shared<DeviceSession*>(this)),
      posted_(std::make_shared<std::atomic<std::size_t>>(0)) {}

DeviceSession::~DeviceSession() {
  *self_ = nullptr;
}

void DeviceSession::close_soon(std::uint16_t code, std::string reason) {
  if (std::exchange(closing_, true)) return;
  wire::CloseReason why{code, std::move(reason)};
  if (why.reason.size() > 120) why.reason.resize(120);
  budget_wait_.cancel();
  pace_wait_.cancel();
  closers_.spawn(connection_->close(std::move(why)));
}

void DeviceSession::refuse(std::uint16_t code, const std::string& reason) {
  telemetry::v1::HubMessage message;
  message.mutable_refusal()->set_close_code(code);
  message.mutable_refusal()->set_reason(reason);
  (void)send(message);
  close_soon(code, reason);
}

bool DeviceSession::send(const telemetry::v1::HubMessage& message) {
  if (closing_) return false;
  if (const auto ec = connection_->write(message.SerializeAsString())) {
    close_soon(4200, "the device does not read what it is sent");
    return false;
  }
  return true;
}

bool DeviceSession::apply(IntakeAnswer answer) {
  if (answer.need_definitions) {
    telemetry::v1::HubMessage message;
    *message.mutable_need_definitions() = std::move(*answer.need_definitions);
    return send(message);
  }
  if (answer.close_code != 0) {
    refuse(answer.close_code, answer.reason);
    return false;
  }
  return true;
}

boost::asio::awaitable<bool> DeviceSession::read_message() {
  while (!closing_) {
    const auto ec = co_await connection_->read(buffer_);
    if (ec || closing_) co_return false;
    if (!message_.ParseFromString(buffer_)) {
      refuse(1007, "message of " + std::to_string(buffer_.size()) + " bytes is not a telemetry.v1.DeviceMessage");
      co_return false;
    }
    if (const auto rest_us = pace_.take(buffer_.size(), services_.clock.boot_us()); rest_us > 0) co_await rest(rest_us);
    // A message with nothing that this version knows is skipped, as unknown fields are.
    if (message_.message_case() != telemetry::v1::DeviceMessage::MESSAGE_NOT_SET) co_return !closing_;
  }
  co_return false;
}

// The device is faster than it may be: its socket is not read meanwhile.
boost::asio::awaitable<void> DeviceSession::rest(std::int64_t rest_us) {
  ++counters_.rests;
  pace_wait_.expires_after(std::chrono::microseconds(rest_us));
  co_await pace_wait_.async_wait(kWait);
}

void DeviceSession::start_hello_timer() {
  hello_timer_.expires_after(std::chrono::microseconds(limits_.hello_timeout_us));
  hello_timer_.async_wait([self = self_](boost::system::error_code ec) {
    if (!ec && *self != nullptr && !(*self)->welcomed_) {
      ++(*self)->counters_.hello_timeouts;
      (*self)->close_soon(4104, "no Hello in time");
    }
  });
}

boost::asio::awaitable<void> DeviceSession::run(std::optional<Principal> who) {
  start_hello_timer();
  const std::optional<Principal> device = co_await first_message(std::move(who));
  if (device) {
    if (const bool welcomed = co_await welcome(*device); welcomed) co_await serve();
  }
  hello_timer_.cancel();
  if (link_ != 0) {
    services_.links.detach(device_, link_);
    services_.devices.disconnected(device_);
    services_.control.post(
        [&commands = services_.commands, device = device_] { commands.device_disconnected(device); });
  }
  *self_ = nullptr;
  if (!closing_) connection_->abort();
  co_await closers_.join();
}

boost::asio::awaitable<std::optional<Principal>> DeviceSession::first_message(std::optional<Principal> who) {
  if (const bool ok = co_await read_message(); !ok) co_return std::nullopt;
  if (!who && message_.has_enroll()) {
    co_await enrol();
    co_return std::nullopt;
  }
  if (who && message_.has_renew_certificate()) {
    certificate_ = who->credential_id;
    co_await renew_certificate();
    close_soon(1000, "renewed");
    co_return std::nullopt;
  }
  if (!message_.has_hello()) {
    refuse(1008, "the first message must be Hello");
    co_return std::nullopt;
  }
  if (!who) who = services_.identity.device_by_token(message_.hello().token());
  if (!who) {
    refuse(4001, message_.hello().token().empty() ? "no credential: send a bearer token"
                                                  : "this token is not known or was revoked");
    co_return std::nullopt;
  }
  if (who->may_only_renew) {
    refuse(4012, "this certificate has expired: it may only be renewed");
    co_return std::nullopt;
  }
  if (auto allowed = authorize(*who, Operation::stream_telemetry); !allowed) {
    refuse(4003, allowed.error().detail);
    co_return std::nullopt;
  }
  if (const auto problem = check_hello(message_.hello())) {
    refuse(describe(problem->code).close_code, problem->detail);
    co_return std::nullopt;
  }
  co_return who;
}

boost::asio::awaitable<void> DeviceSession::enrol() {
  const auto& wish = message_.enroll();
  std::string token = wish.token();
  std::string name = wish.name();
  std::string csr = wish.csr_der();
  auto attributes = attributes_of(wish.attributes());
  auto ask = [this, token, name, attributes, csr](auto done) {
    services_.identity.redeem_enrolment(token, name, attributes, done, csr);
  };
  const auto grant = co_await wire::await_callback<Outcome<DeviceGrant>>(std::move(ask));
  if (!grant) {
    refuse(describe(grant.error().code).close_code, grant.error().detail);
    co_return;
  }
  telemetry::v1::HubMessage message;
  auto* enrolled = message.mutable_enrolled();
  enrolled->set_device_id(grant->device.str());
  enrolled->set_device_name(grant->name);
  enrolled->set_token(grant->token);
  enrolled->set_ca_bundle_pem(services_.ca_bundle.get()->pem);
  enrolled->set_certificate_pem(grant->certificate_pem);
  enrolled->set_server_name(services_.server_name);
  if (send(message)) close_soon(1000, "enrolled");
}

void DeviceSession::attach(const Principal& who) {
  DeviceLinks::Link link;
  if (who.is_token) link.api_token_key = who.session_key;
  link.ends_us = who.ends_us;
  link.send = [executor = executor_, self = self_, posted = posted_](HubMessagePtr message) {
    if (posted->fetch_add(1) >= kLinkQueue) {
      --*posted;
      return false;
    }
    boost::asio::post(executor, [self, posted, message = std::move(message)] {
      --*posted;
      DeviceSession* session = *self;
      if (session == nullptr || session->closing_) return;
      if (session->welcomed_) {
        (void)session->send(*message);
      } else if (session->before_welcome_.size() < kLinkQueue) {
        session->before_welcome_.push_back(message);
      }
    });
    return true;
  };
  link.close = [executor = executor_, self = self_](std::uint16_t code, const char* reason) {
    boost::asio::post(executor, [self, code, why = std::string(reason)] {
      if (*self != nullptr) (*self)->close_soon(code, why);
    });
  };
  link_ = services_.links.attach(device_, std::move(link));
}

boost::asio::awaitable<bool> DeviceSession::welcome(const Principal& who) {
  device_ = who.device;
  certificate_ = who.is_token ? std::string() : who.credential_id;
  const telemetry::v1::Hello hello = message_.hello();
  // First the link, so that an older session of this device is fenced before the cursors are read.
  attach(who);
  services_.devices.connected(device_);
  // Revoked between the upgrade and here: whoever revoked it found no link to close.
  if (!services_.identity.refreshed(who.session_key)) {
    refuse(4001, "this device's credential was revoked");
    co_return false;
  }
  // A program may be several, each with a process id of its own, and is known by its token.
  if (!who.is_token &&
      services_.clones.connected(device_, *base::to_id128(hello.process_id()), services_.clock.boot_us())) {
    // Where control is busy, the next return says it again.
    (void)services_.control.try_post(
        [&alerts = services_.alerts, device = device_] { alerts.notice(device, HubNotice::credential_used_twice); });
  }
  services_.devices.described(device_, attributes_of(hello.attributes()), commands_of(hello));
  intake_.emplace(number_, device_, services_, limits_, counters_, budget_, inbox_);

  telemetry::v1::HubMessage message;
  auto* welcome = message.mutable_welcome();
  const IntakeAnswer opened = co_await intake_->open(hello, *welcome);
  if (!apply(opened)) co_return false;

  auto active = [this] { return services_.alerts.leases(device_); };
  const auto leases = co_await wire::run_on(services_.control, std::move(active));
  if (!leases) {
    refuse(4102, "the hub is busy");
    co_return false;
  }
  for (const auto& lease : *leases) *welcome->add_leases() = lease;
  welcome->set_protocol_version(kProtocolVersion);
  welcome->set_hub_version(TELEMETRY_VERSION);
  welcome->set_device_id(device_.str());
  const auto record = services_.devices.find(device_.str());
  welcome->set_device_name(record ? record->name : who.name);
  welcome->set_server_time_us(static_cast<double>(services_.clock.now_us()));
  welcome->set_credit_bytes_live(static_cast<std::uint32_t>(limits_.credit_live_bytes));
  welcome->set_credit_bytes_backfill(static_cast<std::uint32_t>(limits_.credit_backfill_bytes));
  welcome->set_message_limit_bytes(static_cast<std::uint32_t>(limits_.message_bytes));
  welcome->set_heartbeat_ms(limits_.heartbeat_ms);
  const auto bundle = services_.ca_bundle.get();
  if (!hello.ca_bundle_sha256().empty() && hello.ca_bundle_sha256() != bundle->sha256) {
    welcome->set_ca_bundle_pem(bundle->pem);
  }
  if (!send(message)) co_return false;
  welcomed_ = true;
  hello_timer_.cancel();
  for (const auto& waiting : std::exchange(before_welcome_, {})) {
    if (!send(*waiting)) co_return false;
  }
  flush_acks();
  services_.control.post([&commands = services_.commands, device = device_] { commands.device_connected(device); });
  co_return true;
}

boost::asio::awaitable<void> DeviceSession::serve() {
  using Case = telemetry::v1::DeviceMessage;
  for (;;) {
    if (const bool more = co_await read_message(); !more) break;
    IntakeAnswer answer;
    switch (message_.message_case()) {
      case Case::kFrame:
        answer = co_await intake_->frame(message_.frame());
        services_.devices.seen(device_);
        break;
      case Case::kGap:
        answer = co_await intake_->gap(message_.gap());
        break;
      case Case::kDefinitions:
        answer = co_await intake_->definitions(message_.definitions());
        break;
      case Case::kExecution:
        handle_execution();
        break;
      case Case::kLeaseState:
        handle_lease_state();
        break;
      case Case::kAttributes: {
        const auto device = services_.devices.find(device_.str());
        services_.devices.described(device_, attributes_of(message_.attributes().attributes()),
                                    device ? device->commands : std::vector<CommandDescription>{});
        break;
      }
      case Case::kRenewCertificate:
        co_await renew_certificate();
        break;
      case Case::kHello:
      case Case::kEnroll:
        answer = {std::nullopt, 1008, "Hello and Enroll come first, once"};
        break;
      case Case::kTwin:  // no twin yet: what the device reports is not kept, and it is not told otherwise
      case Case::MESSAGE_NOT_SET:
        break;
    }
    if (!apply(std::move(answer))) co_return;
    if (intake_->is_over_budget()) co_await settle_budget();
  }
}

boost::asio::awaitable<void> DeviceSession::renew_certificate() {
  const std::int64_t now_us = services_.clock.boot_us();
  telemetry::v1::HubMessage message;
  auto* renewed = message.mutable_renewed_certificate();
  if (certificate_.empty()) {
    renewed->set_problem("only a certificate can be renewed; this session has none");
  } else if (renewed_boot_us_ != 0 && now_us - renewed_boot_us_ < kRenewEvery_us) {
    renewed->set_problem("a certificate was asked for just now; wait ten seconds");
  } else {
    renewed_boot_us_ = now_us;
    std::string csr = message_.renew_certificate().csr_der();
    auto ask = [this, csr](auto done) { services_.identity.renew_certificate(certificate_, csr, done); };
    const auto chain = co_await wire::await_callback<Outcome<std::string>>(std::move(ask));
    if (chain) {
      renewed->set_certificate_pem(*chain);
    } else {
      renewed->set_problem(chain.error().detail);
    }
  }
  (void)send(message);
}

// The hub-wide budget is spent: this socket rests until its own frames are answered, others likewise.
boost::asio::awaitable<void> DeviceSession::settle_budget() {
  while (!closing_ && intake_->is_over_budget() && intake_->outstanding_bytes() > 0) {
    budget_wait_.expires_after(std::chrono::seconds(1));
    co_await budget_wait_.async_wait(kWait);
  }
}

void DeviceSession::handle_execution() {
  auto task = [&commands = services_.commands, device = device_, update = message_.execution()] {
    commands.device_update(device, update);
  };
  if (!services_.control.try_post(std::move(task))) refuse(4102, "the hub is busy");
}

void DeviceSession::handle_lease_state() {
  auto task = [&alerts = services_.alerts, device = device_, state = message_.lease_state()] {
    alerts.device_lease_state(device, state);
  };
  if (!services_.control.try_post(std::move(task))) refuse(4102, "the hub is busy");
}

void DeviceSession::replied(const AppendReply& reply) {
  if (!intake_) return;
  (void)apply(intake_->replied(reply));
  budget_wait_.cancel();
}

void DeviceSession::flush_acks() {
  if (!welcomed_ || !intake_) return;
  auto ack = intake_->take_ack();
  if (!ack) return;
  telemetry::v1::HubMessage message;
  *message.mutable_ack() = std::move(*ack);
  (void)send(message);
}

}  // namespace hub
