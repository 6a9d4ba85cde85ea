#include "hub/live/viewer_session.h"

#include <boost/asio/this_coro.hpp>
#include <limits>
#include <set>

#include "hub/live/session_position.h"
#include "wire/errc.h"

namespace hub::live {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t kHeartbeatMs = 15'000;
constexpr std::int64_t kPositionIntervalUs = 10'000'000;  // an idle viewer hears its position so often
constexpr std::size_t kMaxControlPieces = 1'000, kMaxControlBytes = 64 * 1024;

}  // namespace

ViewerSession::Sizes ViewerSession::sizes_for(LiveLink link, const LiveLimits& limits) {
  const std::size_t part = limits.history_part_bytes, backlog = limits.backlog_bytes;
  if (link == LiveLink::websocket) return {part, backlog, backlog};
  // As JSON a reading is some four times as long (eleven at the worst: booleans close together).
  return {part / 2, backlog / 8, backlog / 4};
}

ViewerSession::ViewerSession(LiveShared& shared, std::unique_ptr<wire::Connection> connection, Principal who,
                             LiveLink link)
    : shared_(shared),
      sizes_(sizes_for(link, shared.limits)),
      connection_(std::move(connection)),
      who_(std::move(who)),
      tasks_(shared.executor, [this](const std::exception&) { close(1011, "internal error"); }),
      regroupings_(shared.devices.regroupings()),
      in_sight_(devices_in_sight()),
      flushed_us_(std::numeric_limits<std::int64_t>::min() / 2),
      progress_us_(shared.clock.boot_us()) {}

wire::Awaitable<void> ViewerSession::run() {
  push_control(hub_fragment(kHeartbeatMs, shared_.clock.now_us()));
  flush();
  co_await read_loop();
  ended_ = true;
  for (auto& [id, subscription] : subscriptions_) {
    for (auto& stitcher : subscription.stitchers) stitcher->cancel();
    shared_.subscriptions -= 1;
  }
  shared_.router.remove(*this);
  if (!closing_) connection_->abort();
  shared_.recent.moved().notify();
  co_await tasks_.join();
}

wire::Awaitable<void> ViewerSession::read_loop() {
  std::string bytes;
  pb::ViewerMessage message;
  for (;;) {
    if (const auto ec = co_await connection_->read(bytes)) co_return;
    if (closing_) continue;
    if (!message.ParseFromString(bytes)) {
      close(1007, "not a ViewerMessage of telemetry.live.v1");
      continue;
    }
    handle(message);
  }
}

void ViewerSession::close(std::uint16_t code, std::string reason) {
  if (std::exchange(closing_, true) || ended_) return;
  // What a viewer needs to come back, where there is still room for it.
  if (connection_->backlog_bytes() <= shared_.limits.backlog_bytes) write_message(trailer(false));
  tasks_.spawn([](wire::Connection& connection, wire::CloseReason why) -> wire::Awaitable<void> {
    co_await connection.close(std::move(why));
  }(*connection_, wire::CloseReason{code, std::move(reason)}));
}

error_code ViewerSession::write(std::span<const asio::const_buffer> buffers) {
  std::size_t bytes = 0;
  for (const auto& buffer : buffers) bytes += buffer.size();
  const auto ec = connection_->write(buffers);
  if (!ec) {
    shared_.messages_sent += 1;
    shared_.bytes_sent += bytes;
  } else if (ec != wire::errc::backlog_full) {
    connection_->abort();  // the pending read ends the session
  }
  return ec;
}

error_code ViewerSession::write_message(const std::string& message) {
  const asio::const_buffer buffer = asio::buffer(message);
  return write(std::span(&buffer, 1));
}

/// Writes what waits. False: the viewer is slow, closing or gone, and what is live is held.
bool ViewerSession::flush() {
  if (ended_ || closing_) {
    outbox.clear();
    return false;
  }
  const std::size_t limit = shared_.limits.backlog_bytes;
  const std::size_t backlog = connection_->backlog_bytes();
  const std::size_t droppable = outbox.bytes() - outbox.bytes(Outbox::Kind::control);
  const bool is_too_much = backlog + outbox.bytes() > limit || outbox.bytes() > sizes_.message_bytes;
  if (!stalled_ && droppable != 0 && is_too_much) stall();
  if (stalled_) {
    if (outbox.count(Outbox::Kind::control) > kMaxControlPieces ||
        outbox.bytes(Outbox::Kind::control) > kMaxControlBytes) {
      shared_.slow_closed += 1;
      close(4200, "slow");
      return false;
    }
    if (backlog + outbox.bytes() > limit) return false;  // recover() writes it
  }
  if (!outbox.empty()) {
    const bool has_readings = outbox.bytes(Outbox::Kind::telemetry) != 0;
    note_positions();
    event_written_ = event_pushed_;
    const auto ec = outbox.write_all(trailer(has_readings),
                                     [this](const std::vector<asio::const_buffer>& buffers) { return write(buffers); });
    flushed_us_ = shared_.clock.boot_us();
    if (ec == wire::errc::backlog_full) {
      // The connection takes less than LiveLimits says: part of it is lost, so this session cannot go on.
      shared_.slow_closed += 1;
      close(4200, "slow");
    }
    if (ec) return false;
  } else {
    note_positions();
  }
  return !stalled_;
}

void ViewerSession::note_positions() {
  for (auto& [id, subscription] : subscriptions_) {
    if (!subscription.attached && subscription.live.empty()) continue;
    const std::size_t tier = subscription.wish.tier;
    CommitNumber position = shared_.recent.delivered();
    if (lowered) {
      position = slots_position_;
    } else if (tier != 0 && shared_.tier_ticks[tier] != subscription.attached_tick) {
      position = shared_.tier_position[tier];
    }
    subscription.position = std::max({subscription.position, subscription.attached_at, position});
  }
}

std::string ViewerSession::position() const {
  SessionPosition said;
  said.base.journal_epoch = shared_.readings.head().journal_epoch;
  said.base.commit = shared_.recent.delivered();
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription.wish.to_us != 0) continue;  // nothing to go on with
    CommitNumber commit = 0;
    if (subscription.is_settled()) {
      commit = subscription.position;
    } else if (!subscription.attached && subscription.stitchers.empty() && subscription.held.size() == 1) {
      commit = subscription.held.front().position;
    } else if (!subscription.attached && subscription.stitchers.size() == 1 && subscription.held.empty()) {
      commit = subscription.stitchers.front()->resumable().value_or(0);
    }
    if (commit != said.base.commit) said.behind[id] = commit;
  }
  return said.to_bytes();
}

std::string ViewerSession::trailer(bool has_readings) const {
  pb::LiveMessage message;
  if (!subscriptions_.empty()) message.set_position(position());
  message.set_event_id(event_written_);
  message.set_sent_us(static_cast<double>(shared_.clock.now_us()));
  if (has_readings) message.set_commit_us(static_cast<double>(shared_.recent.committed_at_us()));
  return message.SerializeAsString();
}

void ViewerSession::push_control(Fragment fragment) {
  outbox.push(std::move(fragment), Outbox::Kind::control);
  touched();
}

/// In a message of its own, so that a viewer knows on which side of it every reading lies.
void ViewerSession::say_phase(const Subscription& subscription, pb::LivePhase::Phase phase, double tier_hz) {
  outbox.cut();
  push_control(phase_fragment(subscription.id, phase, tier_hz));
}

/// Subscriptions are resolved once, with the rights of then: where those change the viewer comes again, and its
/// position tells where to go on. False: it was closed.
bool ViewerSession::check_rights() {
  bool is_same = true;
  if (!who_.session_key.empty()) {
    const auto now = shared_.identity.refreshed(who_.session_key);
    if (!now) {
      close(4001, "signed out");
      return false;
    }
    is_same = now->role == who_.role && now->groups == who_.groups;
  }
  const std::uint64_t regroupings = shared_.devices.regroupings();
  const bool is_regrouped = std::exchange(regroupings_, regroupings) != regroupings;
  if (is_same && !is_regrouped) return true;
  const std::size_t saw = std::exchange(in_sight_, devices_in_sight());
  if (is_same && saw == in_sight_) return true;
  close(4202, "rights changed");
  return false;
}

std::size_t ViewerSession::devices_in_sight() const {
  std::set<std::pair<std::string_view, DeviceId>> devices;
  const auto look_at = [&](const std::vector<std::string>& groups) {
    for (const auto& group : groups) {
      for (const auto& device : shared_.devices.devices_in(group)) devices.emplace(group, device.id);
    }
  };
  if (!sees_every_device(who_)) look_at(who_.groups);
  for (const auto& [id, subscription] : subscriptions_) look_at(subscription.wish.selector.groups());
  std::size_t sum = 0;
  for (const auto& [group, device] : devices) {
    sum += std::hash<std::string_view>()(group) * 31 + std::hash<DeviceId>()(device);
  }
  return sum;
}

void ViewerSession::each_second(std::int64_t boot_us) {
  if (closing_ || ended_) return;
  if (!check_rights()) return;
  const std::size_t backlog = connection_->backlog_bytes();
  if (backlog == 0 || backlog < backlog_seen_) progress_us_ = boot_us;
  backlog_seen_ = backlog;
  if (boot_us - progress_us_ > shared_.limits.slow_close_us) {
    shared_.slow_closed += 1;
    close(4200, "slow");
    return;
  }
  if (lowered) {
    slots_due_ = true;
    wake_feed();
  }
  if (boot_us - std::max(flushed_us_, position_said_us_) < kPositionIntervalUs || subscriptions_.empty()) return;
  position_said_us_ = boot_us;
  if (shared_.recent.delivered() == std::exchange(position_said_, shared_.recent.delivered())) return;
  if (flush() && connection_->backlog_bytes() == 0) write_message(trailer(false));
}

}  // namespace hub::live
