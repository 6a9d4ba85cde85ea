#include "hub/live/live_core.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "hub/live/bus_inbox.h"
#include "hub/live/live_shared.h"
#include "hub/live/viewer_session.h"

namespace hub {

namespace asio = boost::asio;
using live::BusInbox;
using live::ViewerSession;

/// Single-threaded but for the inbox and the counters. Shared, so that its timers and the inbox can hold it weakly.
struct LiveCore::State final : live::LiveShared, std::enable_shared_from_this<State> {
  State(asio::any_io_executor core, ReadingsStore& store, DeviceRegistry& registry, Identity& who,
        EventStore& event_store, base::Worker& worker, Bus& used_bus, const base::Clock& used_clock, LiveLimits given)
      : LiveShared(core, store, registry, who, event_store, worker, used_clock, given),
        bus(used_bus),
        tick_timer(core),
        second_timer(core),
        viewer_left(core) {
    for (std::size_t tier = 0; tier < live::kTiers; ++tier) tier_timers.emplace_back(core);
  }

  Bus& bus;
  std::shared_ptr<BusInbox> inbox;
  std::vector<std::shared_ptr<ViewerSession>> sessions;
  std::vector<ViewerSession*> dirty;
  asio::steady_timer tick_timer, second_timer;
  std::vector<asio::steady_timer> tier_timers;
  std::array<bool, live::kTiers> tier_ticking{};
  live::Signal viewer_left;
  std::int64_t batch_us = 0;  // when the batch in hand was begun
  bool ticking = false, flush_posted = false, in_batch = false, stopping = false;

  template <class Action>
  void after(asio::steady_timer& timer, Action action) {
    timer.async_wait([weak = weak_from_this(), action](error_code ec) {
      if (ec) return;
      if (const auto self = weak.lock(); self && !self->stopping) action(*self);
    });
  }

  void start() {
    inbox = std::make_shared<BusInbox>(executor, [weak = weak_from_this()](BusInbox::Batch batch) {
      if (const auto self = weak.lock(); self && !self->stopping) self->take(std::move(batch));
    });
    bus.subscribe(inbox);
    recent.jump(readings.head().commit);
    next_second();
  }

  void next_second() {
    second_timer.expires_after(std::chrono::seconds(1));
    after(second_timer, [](State& self) {
      self.router.look_at_freshness();
      const std::int64_t now = self.clock.boot_us();
      for (const auto& session : self.sessions) session->each_second(now);
      self.recent.moved().notify();  // those who wait for a commit look whether they should still wait
      self.next_second();
    });
  }

  void take(BusInbox::Batch batch) {
    in_batch = true;
    batch_us = clock.boot_us();
    for (const auto& item : batch.items) {
      std::visit([this](const auto& one) { take_one(one); }, item);
      flush_overfull();
    }
    if (batch.last_dropped > recent.delivered()) miss_until(batch.last_dropped);
    for (const auto& session : sessions) {
      if (batch.dropped_events) session->events_missed();
      if (batch.dropped_state) session->state_missed();
    }
    in_batch = false;
    flush_dirty();
  }

  void take_one(const CommitPtr& commit) {
    if (commit->number <= recent.delivered()) return;
    if (commit->number > recent.delivered() + 1) miss_until(commit->number - 1);
    router.route(*commit);
    recent.add(commit);
    for (std::size_t tier = 1; tier < live::kTiers; ++tier) {
      if (router.is_overfull(tier)) tick_tier(tier);
    }
  }
  void take_one(const EventPtr& event) {
    last_event_id = std::max(last_event_id, event->id);
    const auto fragment = live::event_fragment(*event);
    for (const auto& session : sessions) session->event(*event, fragment);
  }
  void take_one(const std::shared_ptr<const PresenceChange>& change) {
    const auto fragment = live::presence_fragment(*change);
    for (const auto& session : sessions) session->presence(*change, fragment);
  }
  void take_one(const std::shared_ptr<const std::vector<SeriesRecord>>& series) {
    for (const auto& session : sessions) session->series_added(*series);
  }

  /// Commits up to `number` never came by the bus: everyone reads them from the store.
  void miss_until(CommitNumber number) {
    for (const auto& session : sessions) session->fall_back();
    router.missed();
    recent.jump(number);
  }

  void touched(ViewerSession& session) override {
    if (!std::exchange(session.dirty, true)) {
      session.note_touch(in_batch ? batch_us : clock.boot_us(), 2 * limits.tick_us);
      dirty.push_back(&session);
    }
    if (in_batch || std::exchange(flush_posted, true)) return;
    asio::post(executor, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->flush_dirty();
    });
  }

  /// Of thousands of viewers each one's state lies somewhere else and has left the caches since the last tick. So what
  /// the next ones need is asked for while one is worked on.
  void flush_all(const std::vector<ViewerSession*>& due) {
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (i + 6 < due.size()) due[i + 6]->prefetch_itself();
      if (i + 4 < due.size()) due[i + 4]->prefetch_connection();
      if (i + 2 < due.size()) due[i + 2]->prefetch_socket();
      flush_one(*due[i]);
    }
  }

  void flush_one(ViewerSession& session) {
    session.dirty = false;
    session.flush();
  }

  /// What was pushed in one turn may be more than a viewer may have waiting: it is not kept until the tick.
  void flush_overfull() {
    std::vector<ViewerSession*> overfull;
    for (auto* session : dirty) {
      if (session->is_overfull()) overfull.push_back(session);
    }
    for (auto* session : overfull) {
      std::erase(dirty, session);
      flush_one(*session);
    }
  }

  /// Idle viewers get theirs at once; the others at the tick, with what comes until then in the same write.
  void flush_dirty() {
    flush_posted = false;
    std::vector<ViewerSession*> now_due, later;
    for (auto* session : dirty) {
      (session->was_quiet() ? now_due : later).push_back(session);
    }
    dirty = std::move(later);
    flush_all(now_due);
    if (!dirty.empty() && !std::exchange(ticking, true)) {
      tick_timer.expires_after(std::chrono::microseconds(limits.tick_us));
      after(tick_timer, [](State& self) { self.tick(); });
    }
  }

  void tick() {
    ticking = false;
    auto due = std::move(dirty);
    dirty.clear();
    flush_all(due);
  }

  void tick_tier(std::size_t tier) override {
    const bool was_in_batch = std::exchange(in_batch, true);
    batch_us = clock.boot_us();
    const auto told = router.tick(tier, recent.delivered());
    tier_position[tier] = recent.delivered();
    for (const auto& viewer : told) viewer->flush();
    in_batch = was_in_batch;
  }

  void tiers_changed() override {
    for (std::size_t tier = 1; tier < live::kTiers; ++tier) {
      if (!router.is_used(tier) || std::exchange(tier_ticking[tier], true)) continue;
      tier_timers[tier].expires_after(std::chrono::microseconds(live::tier_period_us(tier)));
      wait_for_tier(tier);
    }
  }
  void wait_for_tier(std::size_t tier) {
    after(tier_timers[tier], [tier](State& self) {
      self.tick_tier(tier);
      self.tiers_changed();  // who leaves this tier may go to one that nobody used
      self.tier_ticking[tier] = self.router.is_used(tier);
      if (!self.tier_ticking[tier]) return;
      auto& timer = self.tier_timers[tier];
      timer.expires_at(std::max(timer.expiry() + std::chrono::microseconds(live::tier_period_us(tier)),
                                asio::steady_timer::clock_type::now()));
      self.wait_for_tier(tier);
    });
  }

  void leave(const std::shared_ptr<ViewerSession>& session) {
    std::erase(sessions, session);
    std::erase(dirty, session.get());
    viewers = sessions.size();
    viewer_left.notify();
  }

  void unsubscribe() {
    if (!inbox) return;
    bus.unsubscribe(inbox);
    inbox->close();
    inbox.reset();
  }
};

LiveCore::LiveCore(asio::any_io_executor executor, ReadingsStore& readings, DeviceRegistry& devices, Identity& identity,
                   EventStore& events, base::Worker& control, Bus& bus, const base::Clock& clock, LiveLimits limits)
    : state_(std::make_shared<State>(std::move(executor), readings, devices, identity, events, control, bus, clock,
                                     limits)) {}

LiveCore::~LiveCore() {
  state_->unsubscribe();
}

void LiveCore::start() {
  state_->start();
}

asio::awaitable<void> LiveCore::serve(std::unique_ptr<wire::Connection> connection, Principal who, LiveLink link) {
  const auto state = state_;
  // A cancelled server makes the reads fail; the session then ends in order, which must not throw half-way.
  const bool was_throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  if (state->stopping || state->sessions.size() >= state->limits.viewers) {
    wire::CloseReason reason{4102, "too many viewers"};
    if (state->stopping) reason = {4203, "shutting down"};
    co_await connection->close(std::move(reason));
  } else {
    auto session = std::make_shared<ViewerSession>(*state, std::move(connection), std::move(who), link);
    state->sessions.push_back(session);
    state->viewers = state->sessions.size();
    if (link == LiveLink::event_stream) state->event_streams += 1;
    if (link == LiveLink::poll) state->polls += 1;
    co_await session->run();
    if (link == LiveLink::event_stream) state->event_streams -= 1;
    if (link == LiveLink::poll) state->polls -= 1;
    state->leave(session);
  }
  co_await asio::this_coro::throw_if_cancelled(was_throwing);
}

asio::awaitable<void> LiveCore::stop() {
  const auto state = state_;
  state->stopping = true;
  state->unsubscribe();
  state->tick_timer.cancel();
  state->second_timer.cancel();
  for (auto& timer : state->tier_timers) timer.cancel();
  const auto sessions = state->sessions;
  for (const auto& session : sessions) session->shut_down();
  while (!state->sessions.empty()) co_await state->viewer_left.wait();
}

LiveCore::Counters LiveCore::counters() const {
  Counters counters;
  counters.viewers = state_->viewers;
  counters.event_streams = state_->event_streams;
  counters.polls = state_->polls;
  counters.subscriptions = state_->subscriptions;
  counters.messages_sent = state_->messages_sent;
  counters.bytes_sent = state_->bytes_sent;
  counters.slow_closed = state_->slow_closed;
  counters.backlog_bytes = state_->backlogs.used_bytes();
  return counters;
}

}  // namespace hub
