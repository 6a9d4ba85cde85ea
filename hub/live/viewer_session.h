// One viewer's connection, from its upgrade to its end.
#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/live/live_shared.h"
#include "hub/live/subscription.h"
#include "hub/live/viewer_end.h"
#include "wire/task_group.h"

namespace hub::live {

/// Core only. Owns the connection and its subscriptions; ends when the peer leaves, dies, is told to (close), or takes
/// nothing for limits.slow_close_us. Three things write: flush() (live, synchronous), the feed (history, catch-up,
/// presence, kept events: each part when the socket is empty) and close. Bounded: subscriptions, series and backlog by
/// LiveLimits, what waits in the outbox by what can be dropped and made again. How much may wait in the connection
/// depends on what waits for all viewers of the core (BacklogShare).
///
/// A viewer that does not keep up: what is live is given up and held at the last position written (LATEST_ONLY); when
/// the socket is empty again it catches up from there. Where that happens again and again, or a catch-up gains nothing
/// on the head, its series are conflated once a second (CONFLATED) for a while. Without progress: close 4200, which
/// waits behind the backlog for a viewer that reads again (limits.slow_linger_us); nothing is made for it meanwhile.
///
/// Shared: the router holds it while it listens, also when a tick ends it.
class ViewerSession final : public ViewerEnd, public StitchSink, public std::enable_shared_from_this<ViewerSession> {
 public:
  ViewerSession(LiveShared& shared, std::unique_ptr<wire::Connection> connection, Principal who, LiveLink link);

  wire::Awaitable<void> run();
  void close(std::uint16_t code, std::string reason);
  /// The hub stops: also who lingers leaves now.
  void shut_down();

  // Called by the core.
  bool flush() override;
  /// Gives live series up at what is written: the core has missed commits.
  void fall_back();
  void each_second(std::int64_t boot_us);
  void presence(const PresenceChange& change, const Fragment& fragment);
  void event(const Event& event, const Fragment& fragment);
  void series_added(const std::vector<SeriesRecord>& series);
  void state_missed();   // presence or series changes were dropped on the way
  void events_missed();  // events were
  bool is_overfull() const { return outbox.bytes() + slots_late_bytes > sizes_.flush_bytes; }
  /// Something has begun to wait. Quiet is who got nothing to send for so long: measured from what came, not from what
  /// was written, or one message that had to wait for its tick makes the next one wait too, at 20 a second for ever.
  void note_touch(std::int64_t now_us, std::int64_t quiet_us) {
    was_quiet_ = now_us - touched_us_ >= quiet_us;
    touched_us_ = now_us;
  }
  bool was_quiet() const { return was_quiet_; }
  /// Soon it is to be flushed, and its memory has not been looked at since the last time: see LiveCore's flush_all().
  void prefetch_itself() const;
  void prefetch_connection() const;
  void prefetch_socket() const { connection_->prefetch(); }
  bool dirty = false;  // the core's mark

  void touched() override { shared_.touched(*this); }
  wire::Awaitable<bool> send(std::string message, Stitcher& from) override;

 private:
  // viewer_session.cpp: the connection and what is written
  wire::Awaitable<void> read_loop();
  error_code write(std::span<const boost::asio::const_buffer> buffers);
  error_code write_message(const std::string& message);
  std::string trailer(bool has_readings, bool is_partial = false) const;
  void close_slow();
  void close(std::uint16_t code, std::string reason, std::chrono::milliseconds patience);
  std::int64_t backlog_age_us(std::int64_t now_us);
  std::size_t note_backlog();
  bool check_rights();
  std::size_t devices_in_sight() const;
  void push_control(Fragment fragment);
  void say_phase(const Subscription& subscription, pb::LivePhase::Phase phase, double tier_hz = 0);

  // viewer_position.cpp: where its subscriptions stand
  std::string position(bool is_partial) const;
  void note_positions();
  Standing standing(const Subscription& subscription) const;
  Standing standing_written(const Subscription& subscription) const;
  const Listening& how_it_comes(SeriesId series) const;
  CommitNumber written_in(const Listening& listening) const;
  std::uint32_t members(const Selector& selector) const;
  void refresh_members();

  // viewer_requests.cpp: what the viewer asks
  void handle(const pb::ViewerMessage& message);
  void handle(const pb::ViewerHello& hello);
  void handle(const pb::Subscribe& request);
  void refuse(std::uint32_t subscription, const Problem& problem);
  void start(Subscription& subscription, std::vector<SeriesRecord> series, const std::string& resume_position);
  void set_paused(Subscription& subscription, bool paused);
  void set_tier(Subscription& subscription, std::size_t tier);
  void remove(std::uint32_t id);
  void abandon(Subscription& subscription);
  std::size_t series_count() const;

  // viewer_pace.cpp: live, held, slow
  void detach(Subscription& subscription);
  void detach_all();
  void stall(bool is_burst);
  void recover();
  void resume_held(Subscription& subscription);
  std::array<bool, kTiers> tiers_half_told(const std::vector<SeriesId>& series) const;
  void tick_tiers(const std::array<bool, kTiers>& tiers);
  void lower();
  void raise();
  using Stitchers = std::vector<std::pair<Subscription*, std::shared_ptr<Stitcher>>>;
  Stitchers attached_with(Subscription& subscription, const std::shared_ptr<Stitcher>& stitcher);
  bool catch_up_at_once(const Stitchers& together);
  bool try_attach(Subscription& subscription, const std::shared_ptr<Stitcher>& stitcher);
  void restart(Subscription& subscription);
  void add_stitcher(Subscription& subscription, StitchOrder order);
  bool tell_slots();
  wire::Awaitable<void> send_slots();
  std::vector<SeriesRecord> records(const std::vector<SeriesId>& ids) const;

  // viewer_feed.cpp: what is pulled
  void wake_feed();
  wire::Awaitable<void> feed_loop();
  wire::Awaitable<void> work_on(std::uint32_t id, std::shared_ptr<Stitcher> stitcher);
  wire::Awaitable<bool> ready();
  wire::Awaitable<bool> send_part(std::string message);
  wire::Awaitable<void> send_presence();
  wire::Awaitable<void> send_events();
  bool may_see(const Event& event) const;
  std::pair<std::uint32_t, std::shared_ptr<Stitcher>> next_stitcher();

  /// How much one message holds, in the binary form, and how long it may wait.
  struct Sizes {
    std::size_t part_bytes;     // of history and catch-up
    std::size_t flush_bytes;    // so much live is written before the tick
    std::size_t message_bytes;  // more live at once is caught up with in parts instead
    std::int64_t age_us;        // what waits longer counts as too much
  };
  static Sizes sizes_for(LiveLink link, const LiveLimits& limits);

  LiveShared& shared_;
  const Sizes sizes_;
  std::unique_ptr<wire::Connection> connection_;
  const Principal who_;
  wire::TaskGroup tasks_;
  std::map<std::uint32_t, Subscription> subscriptions_;
  std::uint64_t regroupings_;  // of the registry, when in_sight_ was worked out
  std::uint64_t memberships_;  // its version, when the subscriptions' members were worked out
  std::size_t in_sight_;       // a sum of hashes of the devices in the groups that it depends on
  std::uint32_t turn_ = 0;     // the subscription whose stitcher worked last

  bool ended_ = false, closing_ = false;
  bool dead_ = false;            // the connection takes nothing any more; its read will say so
  bool lingers_ = false;         // closed as slow, and not heard it yet
  bool feeding_ = false;         // feed_loop() runs
  bool waits_for_core_ = false;  // a stitcher is ahead of the core's bus

  std::int64_t touched_us_ = std::numeric_limits<std::int64_t>::min() / 2;
  bool was_quiet_ = true;
  std::int64_t flushed_us_, position_said_us_ = 0;
  CommitNumber position_said_ = 0;

  // Pace.
  bool stalled_ = false;
  std::size_t backlog_seen_ = 0, backlog_noted_ = 0;
  std::uint64_t bytes_written_ = 0;
  // While something waits: how much had been written each second, so that its age is known; at most kMaxAgeSamples. No
  // deque: an empty one costs every idle viewer 600 bytes.
  std::vector<std::pair<std::int64_t, std::uint64_t>> written_by_;
  std::int64_t progress_us_ = 0;
  std::vector<std::int64_t> stalls_us_;  // of the last minute
  std::int64_t lowered_until_us_ = 0, lowered_for_us_ = 0, recovered_us_ = 0;
  bool slots_due_ = false;
  bool slots_half_told_ = false;     // an emission of slots is under way
  CommitNumber slots_position_ = 0;  // what the last emission of slots had told

  // By mode: all commits up to here are written to the connection.
  std::array<CommitNumber, kTiers + 1> written_{};

  // Presence and events.
  bool happenings_started_ = false;
  bool presence_due_ = false;
  bool events_due_ = false, events_live_ = false;
  std::uint32_t event_asked_ = 0;  // resume after this; 0: from now on
  bool event_base_known_ = false;
  std::uint32_t event_pushed_ = 0, event_written_ = 0;
};

}  // namespace hub::live
