// The part of ViewerSession that moves series between stitched, live and held, and keeps pace with the viewer.
#include <algorithm>

#include "hub/live/viewer_session.h"

namespace hub::live {
namespace {

constexpr std::int64_t kStallWindowUs = 60'000'000;
constexpr std::int64_t kLoweredUs = 10'000'000, kLoweredMaxUs = 300'000'000;
constexpr std::int64_t kForgiveUs =
    600'000'000;  // so long without a stall, and the first measure is the small one again
constexpr double kLoweredHz = 1;

}  // namespace

void ViewerSession::detach(Subscription& subscription) {
  subscription.attached = false;
  // Without series there is nothing to hold, but a place to go on from all the same.
  auto standing = standing_written(subscription);
  for (const SeriesId series : subscription.live) shared_.router.unlisten(*this, series, subscription.wish.tier);
  subscription.held.push_back({std::move(subscription.live), std::move(standing)});
  subscription.live.clear();
  ++modes_version;
}

void ViewerSession::detach_all() {
  for (auto& [id, subscription] : subscriptions_) {
    if (subscription.attached || !subscription.live.empty()) detach(subscription);
  }
  outbox.drop(Outbox::Kind::telemetry);
  forget_late();
  slots_half_told_ = false;
}

/// More waits than the viewer may have waiting.
void ViewerSession::stall(bool is_burst) {
  std::vector<std::uint32_t> told;
  for (auto& [id, subscription] : subscriptions_) {
    if (subscription.attached) told.push_back(id);
  }
  detach_all();
  if (outbox.count(Outbox::Kind::state) != 0) presence_due_ = true;
  if (outbox.count(Outbox::Kind::event) != 0) {
    events_due_ = true;
    events_live_ = false;
    event_pushed_ = event_written_;
  }
  outbox.drop(Outbox::Kind::state);
  outbox.drop(Outbox::Kind::event);
  if (is_burst) {
    for (auto& [id, subscription] : subscriptions_) {
      if (!subscription.wish.paused) resume_held(subscription);
    }
  } else {
    stalled_ = true;
    const std::int64_t now = shared_.clock.boot_us();
    std::erase_if(stalls_us_, [&](std::int64_t at) { return now - at > kStallWindowUs; });
    if (stalls_us_.size() < shared_.limits.stalls_before_conflated) stalls_us_.push_back(now);
    for (const std::uint32_t id : told) say_phase(subscriptions_.at(id), pb::LivePhase::PHASE_LATEST_ONLY);
  }
  wake_feed();
}

/// The socket is empty again.
void ViewerSession::recover() {
  stalled_ = false;
  if (stalls_us_.size() >= shared_.limits.stalls_before_conflated) {
    stalls_us_.clear();
    lower();
  }
  for (auto& [id, subscription] : subscriptions_) {
    if (!subscription.wish.paused) resume_held(subscription);
  }
  flush();
}

void ViewerSession::fall_back() {
  if (!flush() && !stalled_) return;
  for (auto& [id, subscription] : subscriptions_) {
    if (subscription.attached || !subscription.live.empty()) detach(subscription);
    if (!subscription.wish.paused && !stalled_) resume_held(subscription);
  }
  // The catch-up tells again what the slots had not told yet.
  forget_late();
  slots_half_told_ = false;
}

void ViewerSession::resume_held(Subscription& subscription) {
  for (const auto& held : subscription.held) {
    if (!held.standing.is_known) return restart(subscription);
  }
  for (auto& held : std::exchange(subscription.held, {})) {
    StitchOrder order;
    order.series = records(held.series);
    order.after = held.standing.commit;
    order.ahead = std::move(held.standing.ahead);
    order.conflate = lowered;
    add_stitcher(subscription, std::move(order));
  }
}

void ViewerSession::add_stitcher(Subscription& subscription, StitchOrder order) {
  order.subscription = subscription.id;
  order.from_us = subscription.wish.from_us;
  order.to_us = subscription.wish.to_us;
  order.width = subscription.wish.width;
  subscription.stitchers.push_back(
      std::make_shared<Stitcher>(std::move(order), shared_.readings, shared_.clock, *this, sizes_.part_bytes));
  wake_feed();
}

void ViewerSession::restart(Subscription& subscription) {
  for (const auto& stitcher : subscription.stitchers) {
    if (!stitcher->owes_announcement()) continue;
    std::vector<SeriesId> ids;
    for (const auto& series : stitcher->series()) ids.push_back(series.id);
    std::string joined;
    append_series(joined, subscription.id, records(ids), true);
    push_control(std::make_shared<const std::string>(std::move(joined)));
  }
  abandon(subscription);
  StitchOrder order;
  order.series = records(subscription.series);
  order.history = order.restarted = true;
  add_stitcher(subscription, std::move(order));
}

std::vector<SeriesRecord> ViewerSession::records(const std::vector<SeriesId>& ids) const {
  std::vector<SeriesRecord> found;
  for (const SeriesId id : ids) {
    if (auto record = shared_.devices.series(id)) found.push_back(std::move(*record));
  }
  return found;
}

/// Those that have to go live in the same turn. All of a subscription that is not live yet, since its viewer takes live
/// updates only from its phase on; and of those that are, each that brings a series which would come live beside it.
ViewerSession::Stitchers ViewerSession::attached_with(Subscription& subscription,
                                                      const std::shared_ptr<Stitcher>& stitcher) {
  Stitchers together;
  const auto add = [&together](Subscription& of, const std::shared_ptr<Stitcher>& one) {
    for (const auto& [known_of, known] : together) {
      if (known == one) return;
    }
    together.emplace_back(&of, one);
  };
  add(subscription, stitcher);
  if (!subscription.attached) {
    for (const auto& one : subscription.stitchers) add(subscription, one);
  }
  for (std::size_t i = 0; i < together.size(); ++i) {
    for (auto& [id, other] : subscriptions_) {
      if (!other.attached || other.stitchers.empty()) continue;
      for (const auto& one : other.stitchers) {
        const auto& series = together[i].second->series();
        const bool is_shared =
            std::any_of(series.begin(), series.end(), [&](const auto& s) { return one->holds(s.id); });
        if (is_shared) add(other, one);
      }
    }
  }
  return together;
}

/// At the head of the journal: from here on the core's commits reach these series. All in one turn of the core.
bool ViewerSession::try_attach(Subscription& subscription, const std::shared_ptr<Stitcher>& stitcher) {
  if (subscription.wish.paused) {
    std::vector<SeriesId> ids;
    for (const auto& series : stitcher->series()) ids.push_back(series.id);
    subscription.held.push_back({std::move(ids), {stitcher->position()}});
    subscription.stitchers.remove(stitcher);
    if (subscription.stitchers.empty()) say_phase(subscription, pb::LivePhase::PHASE_PAUSED);
    return true;
  }
  // Those behind it get their turn until all are at the head.
  subscription.stitchers.remove(stitcher);
  subscription.stitchers.push_back(stitcher);
  if (!flush() || connection_->backlog_bytes() > shared_.backlogs.limit() / 2) return false;
  const auto together = attached_with(subscription, stitcher);
  std::vector<SeriesId> ids;
  for (const auto& [of, one] : together) {
    if (!one->is_catching_up()) return false;
    for (const auto& series : one->series()) ids.push_back(series.id);
  }
  if (lowered && !tell_slots()) return false;
  // Another subscription may hold some of the series at a tier: what that has not told yet is in the catch-up.
  const auto half_told = tiers_half_told(ids);
  tick_tiers(half_told);
  // What that wrote may have been too much at once, and all that was live is held again.
  if (!flush() || attached_with(subscription, stitcher) != together || stitcher->cancelled()) return false;
  if (!catch_up_at_once(together)) return false;
  for (const auto& [of, one] : together) {
    for (const auto& series : one->series()) {
      shared_.router.listen(shared_from_this(), series.id, one->device(series), series.interval_ms, of->wish.tier,
                            std::max(series.newest_us, series.latest_us));
      of->live.push_back(series.id);
    }
    of->stitchers.remove(one);
  }
  ++modes_version;
  tick_tiers(half_told);  // with nothing to tell: a finer rate holds from here on
  for (const auto& [of, one] : together) {
    if (!of->stitchers.empty() || std::exchange(of->attached, true)) continue;
    if (lowered) {
      say_phase(*of, pb::LivePhase::PHASE_CONFLATED, kLoweredHz);
    } else {
      say_phase(*of, pb::LivePhase::PHASE_LIVE, kTierHz[of->wish.tier]);
    }
  }
  for (const SeriesId id : ids) shared_.router.tell_stale(*this, id);
  touched();
  shared_.tiers_changed();
  return true;
}

/// Sends what the last commits have for these. False: there is more than fits now.
bool ViewerSession::catch_up_at_once(const Stitchers& together) {
  const CommitNumber delivered = shared_.recent.delivered();
  std::vector<std::vector<CommitPtr>> rests;
  std::size_t bytes = 0;
  for (const auto& [of, one] : together) {
    if (one->position() > delivered) {
      waits_for_core_ = true;
      return false;
    }
    auto rest = shared_.recent.after(one->position());
    if (!rest) return false;
    bytes += one->estimate(*rest);
    rests.push_back(std::move(*rest));
  }
  if (bytes > sizes_.part_bytes) return false;
  std::string message;
  for (std::size_t i = 0; i < together.size(); ++i) {
    message += together[i].second->catch_up_with(rests[i]);
    together[i].second->writing();
  }
  if (message.empty()) return true;
  message += trailer(true);
  return !write_message(message);
}

/// Too slow for every reading: from here on its series come conflated, for longer each time.
void ViewerSession::lower() {
  if (lowered) return;
  for (std::size_t tier = 1; tier < kTiers; ++tier) {
    if (shared_.router.is_used(tier)) shared_.tick_tier(tier);  // its series leave their tiers with nothing half told
  }
  flush();
  const std::int64_t now = shared_.clock.boot_us();
  lowered_for_us_ = lowered_for_us_ == 0 || now - recovered_us_ > kForgiveUs
                        ? kLoweredUs
                        : std::min(kLoweredMaxUs, lowered_for_us_ * 2);
  lowered_until_us_ = now + lowered_for_us_;
  slots_position_ = shared_.recent.delivered();
  shared_.router.set_lowered(shared_from_this(), true, slots_position_);
  written_[kSlots] = slots_position_;
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription.attached) say_phase(subscription, pb::LivePhase::PHASE_CONFLATED, kLoweredHz);
  }
}

void ViewerSession::raise() {
  if (!tell_slots()) return;
  recovered_us_ = shared_.clock.boot_us();
  shared_.router.set_lowered(shared_from_this(), false, shared_.recent.delivered());
  for (auto& [id, subscription] : subscriptions_) {
    if (!subscription.attached) continue;
    say_phase(subscription, pb::LivePhase::PHASE_LIVE, kTierHz[subscription.wish.tier]);
  }
  shared_.tiers_changed();
}

/// The tiers in which some of these series come.
std::array<bool, kTiers> ViewerSession::tiers_half_told(const std::vector<SeriesId>& series) const {
  std::array<bool, kTiers> tiers{};
  for (const SeriesId id : series) {
    const auto at = listening.find(id);
    if (at != listening.end() && at->second.mode != kRaw && at->second.mode != kSlots) tiers[at->second.mode] = true;
  }
  return tiers;
}

void ViewerSession::tick_tiers(const std::array<bool, kTiers>& tiers) {
  for (std::size_t tier = 1; tier < kTiers; ++tier) {
    if (tiers[tier]) shared_.tick_tier(tier);
  }
}

/// What the slots hold, at once.
bool ViewerSession::tell_slots() {
  if (!flush() || slots_half_told_) return false;
  std::string message;
  slots.drain(0, [&](SeriesId, const Fragment& fragment) { message += *fragment; });
  for (const auto& fragment : slots_late) message += *fragment;
  forget_late();
  slots_position_ = shared_.recent.delivered();
  note_positions();
  if (message.empty()) return true;
  message += trailer(true);
  if (!write_message(message)) return true;
  close_slow();  // what was drained is lost
  return false;
}

}  // namespace hub::live
