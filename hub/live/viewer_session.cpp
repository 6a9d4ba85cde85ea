#include "hub/live/viewer_session.h"

#include <boost/asio/this_coro.hpp>
#include <limits>
#include <set>

#include "wire/errc.h"

namespace hub::live {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t kHeartbeatMs = 15'000;
constexpr std::int64_t kPositionIntervalUs = 10'000'000;  // an idle viewer hears its position so often
constexpr std::chrono::milliseconds kClosePatience{2'000};
constexpr std::size_t kMaxAgeSamples = 64;
constexpr std::size_t kMaxControlPieces = 1'000, kMaxControlBytes = 64 * 1024;

}  // namespace

ViewerSession::Sizes ViewerSession::sizes_for(LiveLink link, const LiveLimits& limits) {
  const std::size_t part = limits.history_part_bytes, backlog = limits.backlog_bytes;
  if (link == LiveLink::websocket) return {part, backlog, backlog, limits.backlog_age_us};
  // A poll is when its client likes; one that stays away ends by slow_close_us.
  const std::int64_t age_us = link == LiveLink::poll ? std::numeric_limits<std::int64_t>::max() : limits.backlog_age_us;
  // As JSON a reading is some four times as long (eleven at the worst: booleans close together).
  return {part / 2, backlog / 8, backlog / 4, age_us};
}

ViewerSession::ViewerSession(LiveShared& shared, std::unique_ptr<wire::Connection> connection, Principal who,
                             LiveLink link)
    : shared_(shared),
      sizes_(sizes_for(link, shared.limits)),
      connection_(std::move(connection)),
      who_(std::move(who)),
      tasks_(shared.executor, [this](const std::exception&) { close(1011, "internal error"); }),
      regroupings_(shared.devices.regroupings()),
      memberships_(shared.devices.memberships_version()),
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
  shared_.backlogs.changed(std::exchange(backlog_noted_, 0), 0);
  if (std::exchange(lingers_, false)) shared_.lingering -= 1;
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
  close(code, std::move(reason), kClosePatience);
}

void ViewerSession::close(std::uint16_t code, std::string reason, std::chrono::milliseconds patience) {
  if (std::exchange(closing_, true) || ended_) return;
  // What a viewer needs to come back, where there is still room for it.
  if (connection_->backlog_bytes() <= shared_.limits.backlog_bytes) write_message(trailer(false));
  shared_.router.remove(*this);
  tasks_.spawn([](wire::Connection& connection, wire::CloseReason why,
                  std::chrono::milliseconds limit) -> wire::Awaitable<void> {
    co_await connection.close(std::move(why), limit);
  }(*connection_, wire::CloseReason{code, std::move(reason)}, patience));
}

/// Its socket is full, so it can hear why only when it reads again.
void ViewerSession::close_slow() {
  if (closing_ || ended_) return;
  shared_.slow_closed += 1;
  lingers_ = shared_.lingering < shared_.limits.slow_lingering;
  if (lingers_) shared_.lingering += 1;
  const std::chrono::microseconds linger(shared_.limits.slow_linger_us);
  close(4200, "slow", lingers_ ? std::chrono::duration_cast<std::chrono::milliseconds>(linger) : kClosePatience);
}

void ViewerSession::shut_down() {
  if (lingers_ && closing_) {
    connection_->abort();
  } else {
    close(4203, "shutting down");
  }
}

error_code ViewerSession::write(std::span<const asio::const_buffer> buffers) {
  std::size_t bytes = 0;
  for (const auto& buffer : buffers) bytes += buffer.size();
  const auto ec = connection_->write(buffers);
  if (!ec) {
    shared_.messages_sent += 1;
    shared_.bytes_sent += bytes;
    bytes_written_ += bytes;
  } else if (ec != wire::errc::backlog_full) {
    connection_->abort();  // the pending read ends the session
  }
  note_backlog();
  return ec;
}

/// What waits in the connection, for all to know.
std::size_t ViewerSession::note_backlog() {
  const std::size_t now = ended_ ? 0 : connection_->backlog_bytes();
  shared_.backlogs.changed(std::exchange(backlog_noted_, now), now);
  return now;
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
  const std::size_t backlog = note_backlog();
  const std::size_t limit = shared_.backlogs.limit();
  const std::size_t droppable = outbox.bytes() - outbox.bytes(Outbox::Kind::control) + slots_late_bytes;
  const bool is_too_much = backlog + outbox.bytes() + slots_late_bytes > limit || outbox.bytes() > sizes_.message_bytes;
  // With an empty socket, or room left, it is no slow viewer but a burst: the catch-up sends it in parts.
  if (!stalled_ && droppable != 0 && is_too_much) stall(backlog == 0 || backlog + outbox.bytes() <= limit);
  if (slots_late_bytes > limit / 4 && !std::exchange(slots_due_, true)) wake_feed();
  if (stalled_) {
    if (outbox.count(Outbox::Kind::control) > kMaxControlPieces ||
        outbox.bytes(Outbox::Kind::control) > kMaxControlBytes) {
      close_slow();
      return false;
    }
    if (backlog + outbox.bytes() > limit) return false;  // recover() writes it
  }
  if (!outbox.empty()) {
    const bool has_readings = outbox.bytes(Outbox::Kind::telemetry) != 0;
    note_positions();
    event_written_ = event_pushed_;
    const std::string partial = outbox.is_cut() && has_readings ? trailer(true, true) : std::string();
    const auto ec = outbox.write_all(trailer(has_readings), partial, shared_.buffers,
                                     [this](const Outbox::Buffers& buffers) { return write(buffers); });
    flushed_us_ = shared_.clock.boot_us();
    if (ec == wire::errc::backlog_full) {
      // The connection takes less than LiveLimits says: part of it is lost, so this session cannot go on.
      close_slow();
    }
    if (ec) return false;
  } else {
    note_positions();
  }
  return !stalled_;
}

/// `is_partial`: of a message with readings that has others of the same flush behind it.
std::string ViewerSession::trailer(bool has_readings, bool is_partial) const {
  auto& message = shared_.trailer;
  message.Clear();
  if (!subscriptions_.empty()) message.set_position(position(is_partial));
  if (is_partial) return message.SerializeAsString();
  message.set_event_id(event_written_);
  message.set_sent_us(static_cast<double>(shared_.clock.now_us()));
  if (has_readings) message.set_commit_us(static_cast<double>(shared_.recent.committed_at_us()));
  return message.SerializeAsString();
}

/// In two turns, since the second needs what the first has brought.
void ViewerSession::prefetch_itself() const {
  constexpr std::size_t kLine = 64;
  for (std::size_t at = 0; at < sizeof(ViewerSession); at += kLine) {
    __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
  }
}
void ViewerSession::prefetch_connection() const {
  __builtin_prefetch(connection_.get());
  __builtin_prefetch(reinterpret_cast<const char*>(connection_.get()) + 64);
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
  if (is_same && !is_regrouped) {
    refresh_members();
    return true;
  }
  const std::size_t saw = std::exchange(in_sight_, devices_in_sight());
  if (is_same && saw == in_sight_) {
    refresh_members();
    return true;
  }
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

/// Of the oldest byte that waits, at least. Looks at it once a second; costs nothing while nothing waits.
std::int64_t ViewerSession::backlog_age_us(std::int64_t now_us) {
  const std::size_t backlog = connection_->backlog_bytes();
  if (backlog == 0) {
    written_by_ = {};
    return 0;
  }
  // In ciphertext, which is a little more than was written: what is taken for gone has left.
  const std::uint64_t gone = bytes_written_ - std::min<std::uint64_t>(backlog, bytes_written_);
  std::erase_if(written_by_, [gone](const auto& sample) { return sample.second <= gone; });
  if (written_by_.size() < kMaxAgeSamples) written_by_.emplace_back(now_us, bytes_written_);
  return now_us - written_by_.front().first;
}

void ViewerSession::each_second(std::int64_t boot_us) {
  const std::size_t backlog = note_backlog();
  if (closing_ || ended_) return;
  if (!check_rights()) return;
  if (backlog == 0 || backlog < backlog_seen_) progress_us_ = boot_us;
  backlog_seen_ = backlog;
  if (boot_us - progress_us_ > shared_.limits.slow_close_us) return close_slow();
  if (backlog_age_us(boot_us) > sizes_.age_us && !stalled_) {
    stall(false);
    flush();
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
