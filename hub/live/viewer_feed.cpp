// The part of ViewerSession that pulls: history and catch-up, presence, kept events, conflated values of slow viewers.
#include <boost/asio/post.hpp>

#include "hub/live/viewer_session.h"
#include "wire/run_on.h"

namespace hub::live {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kPresencePage = 256;
constexpr std::size_t kEventPage = 256;
constexpr std::chrono::milliseconds kBusyPause{100};

}  // namespace

/// Most viewers are idle most of the time: the feed is there only while it has something to do.
void ViewerSession::wake_feed() {
  if (ended_ || closing_ || dead_ || std::exchange(feeding_, true)) return;
  tasks_.spawn(feed_loop());
}

wire::Awaitable<void> ViewerSession::feed_loop() {
  // In a turn of its own: whoever woke it is in the middle of something.
  co_await asio::post(shared_.executor, asio::use_awaitable);
  while (!ended_ && !closing_ && !dead_) {
    if (stalled_) {
      co_await ready();
    } else if (events_due_) {
      co_await send_events();
    } else if (presence_due_) {
      co_await send_presence();
    } else if (std::exchange(slots_due_, false)) {
      if (lowered) co_await send_slots();
    } else {
      auto next = next_stitcher();
      if (!next.second) break;
      co_await work_on(next.first, std::move(next.second));
    }
  }
  feeding_ = false;
}

/// Subscriptions take turns, so that a long history keeps nobody waiting.
std::pair<std::uint32_t, std::shared_ptr<Stitcher>> ViewerSession::next_stitcher() {
  auto it = subscriptions_.upper_bound(turn_);
  for (std::size_t i = 0; i < subscriptions_.size(); ++i, ++it) {
    if (it == subscriptions_.end()) it = subscriptions_.begin();
    if (it->second.stitchers.empty()) continue;
    turn_ = it->first;
    return {it->first, it->second.stitchers.front()};
  }
  return {0, nullptr};
}

wire::Awaitable<void> ViewerSession::work_on(std::uint32_t id, std::shared_ptr<Stitcher> stitcher) {
  const auto step = co_await stitcher->step();
  if (ended_ || closing_ || dead_ || stitcher->cancelled()) co_return;
  Subscription& subscription = subscriptions_.at(id);  // it is there as long as its stitcher is not cancelled
  switch (step) {
    case Stitcher::Step::more:
      if (stitcher->is_losing_ground() && !stitcher->conflates()) {
        lower();
        stitcher->conflate();
      }
      break;
    case Stitcher::Step::at_head:
      if (try_attach(subscription, stitcher)) break;
      if (std::exchange(waits_for_core_, false)) {
        co_await shared_.recent.moved().wait();
      } else if (connection_->backlog_bytes() > shared_.backlogs.limit() / 2) {
        co_await ready();  // asking again before the peer has taken some of it would go round in circles
      } else {
        co_await asio::post(shared_.executor, asio::use_awaitable);  // others get their turn
      }
      break;
    case Stitcher::Step::done:
      subscription.stitchers.remove(stitcher);
      say_phase(subscription, pb::LivePhase::PHASE_PAUSED);
      break;
    case Stitcher::Step::gone:
      restart(subscription);
      break;
    case Stitcher::Step::failed:
      refuse(id, {stitcher->failure(), "The stored readings cannot be read now; subscribe again later.", ""});
      remove(id);
      break;
    case Stitcher::Step::cancelled:
      break;
  }
}

/// Waits until the connection has taken everything, and live series have been flushed. False: nothing more is sent.
wire::Awaitable<bool> ViewerSession::ready() {
  for (;;) {
    const auto ec = co_await connection_->drained();
    if (ended_ || closing_) co_return false;
    if (ec) {
      dead_ = true;
      co_return false;
    }
    if (stalled_) recover();
    if (flush()) co_return true;
    if (!stalled_) {
      dead_ = true;
      co_return false;
    }
  }
}

wire::Awaitable<bool> ViewerSession::send(std::string message, Stitcher& from) {
  if (from.cancelled()) co_return false;
  const bool is_ready = co_await ready();
  if (!is_ready || from.cancelled()) co_return false;
  from.writing();
  message += trailer(true);
  co_return !write_message(message);
}

wire::Awaitable<bool> ViewerSession::send_part(std::string message) {
  if (const bool ok = co_await ready(); !ok) co_return false;
  message += trailer(false);
  co_return !write_message(message);
}

wire::Awaitable<void> ViewerSession::send_presence() {
  presence_due_ = false;
  std::string after;
  for (;;) {
    const auto page = shared_.devices.list(after, kPresencePage);
    if (page.empty()) co_return;
    after = page.back().name;
    std::string message;
    for (const auto& device : page) {
      if (!authorize(who_, Operation::read_devices, device.id, shared_.devices)) continue;
      append_presence(message, {device.id, device.name, shared_.devices.presence(device.id),
                                shared_.devices.last_seen_us(device.id), false});
    }
    if (message.empty()) continue;
    const bool sent = co_await send_part(std::move(message));
    if (!sent) co_return;
  }
}

void ViewerSession::presence(const PresenceChange& change, const Fragment& fragment) {
  // By the groups told with it: the registry knows those of a removed device no more.
  if (!happenings_started_ || !authorize(who_, Operation::read_devices, change.groups)) return;
  if (change.removed) {
    push_control(fragment);
  } else if (stalled_) {
    presence_due_ = true;
  } else {
    outbox.push(fragment, Outbox::Kind::state);
    touched();
  }
}

bool ViewerSession::may_see(const Event& event) const {
  Operation operation = Operation::read_devices;
  if (event.kind == "alert") operation = Operation::read_alerts;
  if (event.kind == "execution") operation = Operation::read_executions;
  return authorize(who_, operation, event.device, shared_.devices).has_value();
}

/// Kept events behind the last one written, until the bus's newest is reached: then they come live.
wire::Awaitable<void> ViewerSession::send_events() {
  EventStore& events = shared_.events;
  if (!event_base_known_ && event_asked_ == 0) {
    auto ask_last = [&events] { return events.last_event_id(); };
    const auto last = co_await wire::run_on(shared_.control, std::move(ask_last));
    if (!last || !*last) {
      asio::steady_timer pause(shared_.executor, kBusyPause);
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      co_return;
    }
    event_asked_ = **last;
  }
  if (!std::exchange(event_base_known_, true)) event_written_ = event_pushed_ = event_asked_;
  const std::uint32_t after = event_written_;
  auto ask_page = [&events, after] { return events.events_after(after, kEventPage); };
  const auto page = co_await wire::run_on(shared_.control, std::move(ask_page));
  if (ended_) co_return;
  if (!page || !*page) {
    asio::steady_timer pause(shared_.executor, kBusyPause);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return;
  }
  std::string message;
  for (std::size_t i = 0; i < (*page)->size(); ++i) {
    const Event& event = (**page)[i];
    if (may_see(event)) message += *event_fragment(event);
    const bool is_last = i + 1 == (*page)->size();
    if (message.size() < sizes_.part_bytes && !(is_last && !message.empty())) {
      if (is_last) event_written_ = event_pushed_ = event.id;
      continue;
    }
    if (const bool ok = co_await ready(); !ok) co_return;
    event_written_ = event_pushed_ = event.id;
    message += trailer(false);
    if (write_message(message)) co_return;
    message.clear();
  }
  if ((*page)->size() < kEventPage && event_written_ >= shared_.last_event_id) {
    events_due_ = false;
    events_live_ = true;
  }
}

void ViewerSession::event(const Event& event, const Fragment& fragment) {
  if (!events_live_ || event.id <= event_pushed_) return;
  if (stalled_) {
    events_live_ = false;
    events_due_ = true;
    return;
  }
  event_pushed_ = event.id;
  if (!may_see(event)) return;
  outbox.push(fragment, Outbox::Kind::event);
  touched();
}

void ViewerSession::events_missed() {
  if (!happenings_started_) return;
  flush();
  events_live_ = false;
  events_due_ = true;
  wake_feed();
}

void ViewerSession::state_missed() {
  if (happenings_started_) presence_due_ = true;
  for (auto& [id, subscription] : subscriptions_) {
    if (subscription.wish.to_us != 0) continue;
    if (const auto all = subscription.wish.selector.resolve(shared_.devices, who_, shared_.limits.series_per_viewer)) {
      series_added(*all);
    }
  }
  wake_feed();
}

wire::Awaitable<void> ViewerSession::send_slots() {
  if (shared_.clock.boot_us() >= lowered_until_us_ && connection_->backlog_bytes() == 0) {
    raise();
    co_return;
  }
  if (const bool ok = co_await ready(); !ok || !lowered) co_return;
  std::vector<Fragment> fragments;
  slots.drain(0, [&](SeriesId, const Fragment& fragment) { fragments.push_back(fragment); });
  fragments.insert(fragments.end(), slots_late.begin(), slots_late.end());
  forget_late();
  const CommitNumber told = shared_.recent.delivered();
  if (fragments.empty()) slots_position_ = told;
  // Between its parts the viewer stands nowhere: who breaks off there, or becomes slow, starts anew.
  slots_half_told_ = !fragments.empty();
  std::string message;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    message += *fragments[i];
    const bool is_last = i + 1 == fragments.size();
    if (message.size() < sizes_.part_bytes && !is_last) continue;
    if (const bool ok = co_await ready(); !ok || !lowered || !slots_half_told_) break;
    if (is_last) {
      slots_half_told_ = false;
      slots_position_ = std::max(slots_position_, told);
      note_positions();
    }
    message += trailer(true);
    if (write_message(message)) co_return;
    message.clear();
  }
  slots_half_told_ = false;
}

}  // namespace hub::live
