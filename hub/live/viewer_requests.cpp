// The part of ViewerSession that answers what the viewer asks.
#include <algorithm>

#include "hub/live/viewer_session.h"

namespace hub::live {

void ViewerSession::handle(const pb::ViewerMessage& message) {
  switch (message.message_case()) {
    case pb::ViewerMessage::kHello:
      handle(message.hello());
      break;
    case pb::ViewerMessage::kSubscribe:
      handle(pb::ViewerHello());
      handle(message.subscribe());
      break;
    case pb::ViewerMessage::kUnsubscribe:
      remove(message.unsubscribe().id());
      break;
    case pb::ViewerMessage::kPing:
      push_control(pong_fragment(message.ping(), shared_.clock.now_us()));
      break;
    case pb::ViewerMessage::MESSAGE_NOT_SET:
      break;  // of a newer schema
  }
}

/// The first Hello or Subscribe starts presence and events; later ones change nothing.
void ViewerSession::handle(const pb::ViewerHello& hello) {
  if (std::exchange(happenings_started_, true)) return;
  event_asked_ = hello.resume_event_id();
  presence_due_ = events_due_ = true;
  wake_feed();
}

void ViewerSession::refuse(std::uint32_t subscription, const Problem& problem) {
  const std::string text = problem.field.empty() ? problem.detail : problem.field + ": " + problem.detail;
  push_control(error_fragment(subscription, describe(problem.code).name, text));
}

void ViewerSession::handle(const pb::Subscribe& request) {
  auto wish = SubscriptionWish::from(request);
  if (!wish) return refuse(request.id(), wish.error());
  const auto known = subscriptions_.find(request.id());
  if (known != subscriptions_.end() && request.resume_position().empty() && wish->to_us == 0 &&
      wish->shows_as(known->second.wish) &&
      (wish->tier != known->second.wish.tier || wish->paused != known->second.wish.paused)) {
    set_tier(known->second, wish->tier);
    set_paused(known->second, wish->paused);
    return;
  }
  if (known == subscriptions_.end() && subscriptions_.size() >= shared_.limits.subscriptions_per_viewer) {
    return refuse(request.id(), {errc::too_large,
                                 "A session holds at most " + std::to_string(shared_.limits.subscriptions_per_viewer) +
                                     " subscriptions; end one first.",
                                 "id"});
  }
  if (!check_rights()) return;  // what is resolved below is compared with later
  const std::size_t others = series_count() - (known != subscriptions_.end() ? known->second.series.size() : 0);
  auto series = wish->selector.resolve(
      shared_.devices, who_, shared_.limits.series_per_viewer - std::min(shared_.limits.series_per_viewer, others));
  if (!series) return refuse(request.id(), series.error());
  if (known != subscriptions_.end()) {
    abandon(known->second);
  } else {
    shared_.subscriptions += 1;
  }
  Subscription& subscription = subscriptions_[request.id()];
  subscription.id = request.id();
  subscription.wish = std::move(*wish);
  subscription.members = members(subscription.wish.selector);
  in_sight_ = devices_in_sight();
  start(subscription, std::move(*series), request.resume_position());
}

void ViewerSession::start(Subscription& subscription, std::vector<SeriesRecord> series,
                          const std::string& resume_position) {
  subscription.series.clear();
  for (const auto& record : series) subscription.series.push_back(record.id);
  std::sort(subscription.series.begin(), subscription.series.end());
  StitchOrder order;
  order.series = std::move(series);
  order.announce = order.history = true;
  if (!resume_position.empty() && subscription.wish.to_us == 0) {
    const auto position = SessionPosition::from_bytes(resume_position);
    const Position head = shared_.readings.head();
    auto standing = position ? position->of(subscription.id, subscription.members) : std::nullopt;
    bool is_held = standing && position->base.journal_epoch == head.journal_epoch && standing->commit <= head.commit;
    for (const auto& [id, commit] : standing ? standing->ahead : std::map<SeriesId, CommitNumber>()) {
      is_held = is_held && commit <= head.commit;
    }
    if (is_held) {
      order.history = false;
      order.after = standing->commit;
      order.ahead = std::move(standing->ahead);
    } else {
      order.restarted = true;
    }
  }
  add_stitcher(subscription, std::move(order));
}

void ViewerSession::set_tier(Subscription& subscription, std::size_t tier) {
  const std::size_t before = std::exchange(subscription.wish.tier, tier);
  if (before == tier || !subscription.attached) return;
  for (const SeriesId series : subscription.live) {
    shared_.router.listen(shared_from_this(), series, {}, 0, tier, 0);
    shared_.router.unlisten(*this, series, before);
  }
  // What the tiers left hold is told now, so that from here on everything comes raw until the new tier's first tick.
  tick_tiers(tiers_half_told(subscription.live));
  shared_.tiers_changed();
  if (flush() && subscription.attached && !lowered) say_phase(subscription, pb::LivePhase::PHASE_LIVE, kTierHz[tier]);
}

void ViewerSession::set_paused(Subscription& subscription, bool paused) {
  if (std::exchange(subscription.wish.paused, paused) == paused) return;
  if (!paused) {
    if (!stalled_) resume_held(subscription);
    return;
  }
  if (subscription.attached) tick_tiers(tiers_half_told(subscription.live));
  if (lowered) (void)tell_slots();  // or what is late in them is told now and again when it goes on
  flush();
  if (subscription.attached) detach(subscription);
  if (subscription.stitchers.empty()) say_phase(subscription, pb::LivePhase::PHASE_PAUSED);
}

void ViewerSession::remove(std::uint32_t id) {
  const auto it = subscriptions_.find(id);
  if (it == subscriptions_.end()) return;
  abandon(it->second);
  subscriptions_.erase(it);
  shared_.subscriptions -= 1;
}

/// Takes its series from wherever they are.
void ViewerSession::abandon(Subscription& subscription) {
  for (auto& stitcher : subscription.stitchers) {
    stitcher->cancel();
    if (stitcher->owes_answer()) {
      // Each Subscribe has one answer, so that a viewer can count which request a message belongs to.
      std::string empty;
      append_series(empty, subscription.id, {}, false);
      push_control(std::make_shared<const std::string>(std::move(empty)));
    }
  }
  subscription.stitchers.clear();
  for (const SeriesId series : subscription.live) shared_.router.unlisten(*this, series, subscription.wish.tier);
  subscription.live.clear();
  shared_.tiers_changed();  // others of this viewer may hold the series at a tier that nobody used
  subscription.held.clear();
  subscription.attached = false;
  ++modes_version;  // whatever was known of its series is over
}

std::size_t ViewerSession::series_count() const {
  std::size_t count = 0;
  for (const auto& [id, subscription] : subscriptions_) count += subscription.series.size();
  return count;
}

void ViewerSession::series_added(const std::vector<SeriesRecord>& added) {
  for (auto& [id, subscription] : subscriptions_) {
    if (subscription.wish.to_us != 0) continue;
    std::vector<SeriesRecord> joins;
    for (const auto& record : added) {
      if (!subscription.wish.selector.matches(record, shared_.devices, who_)) continue;
      const auto at = std::lower_bound(subscription.series.begin(), subscription.series.end(), record.id);
      if (at != subscription.series.end() && *at == record.id) continue;
      if (series_count() >= shared_.limits.series_per_viewer) {
        refuse(id, {errc::too_large,
                    "The series " + record.name + " matches, but this session holds " +
                        std::to_string(shared_.limits.series_per_viewer) + " already.",
                    "selector"});
        break;
      }
      subscription.series.insert(at, record.id);
      joins.push_back(record);
    }
    if (joins.empty()) continue;
    // Live already by another subscription that was quicker: this one would take what comes meanwhile twice.
    const bool is_live = std::any_of(joins.begin(), joins.end(),
                                     [this](const SeriesRecord& record) { return listening.contains(record.id); });
    if (subscription.attached && is_live) {
      std::string joined;
      append_series(joined, id, joins, true);
      push_control(std::make_shared<const std::string>(std::move(joined)));
      restart(subscription);
      continue;
    }
    StitchOrder order;
    order.series = std::move(joins);
    order.announce = order.added = order.history = true;
    add_stitcher(subscription, std::move(order));
  }
}

}  // namespace hub::live
