// Who listens to which series, and how a commit's columns reach them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "hub/live/viewer_end.h"

namespace hub::live {

/// Core only; one a core. Encodes a column once however many listen raw, folds it once a tier, and tells freshness.
/// Holds an entry a series that somebody listens to, and nothing else.
class SeriesRouter {
 public:
  SeriesRouter(const DeviceRegistry& devices, const base::Clock& clock) : devices_(devices), clock_(clock) {
    for (std::size_t tier = 1; tier < kTiers; ++tier) tiers_[tier].conflator = Conflator(tier_period_us(tier));
  }

  /// From the next commit on. `newest_us`: the series' latest reading as far as known (0: none), which tells what is
  /// late and how fresh it is. A viewer that listens twice gets the finest of the rates, once. A coarser rate than the
  /// present one takes effect at the tier's next tick: until then readings come raw, so that none is told twice.
  void listen(const std::shared_ptr<ViewerEnd>& viewer, SeriesId series, const DeviceId& device,
              std::uint32_t interval_ms, std::size_t tier, std::int64_t newest_us);
  void unlisten(ViewerEnd& viewer, SeriesId series, std::size_t tier);
  /// The viewer's series go to its own slots, or back, from behind commit `delivered` on.
  void set_lowered(const std::shared_ptr<ViewerEnd>& viewer, bool lowered, CommitNumber delivered);
  /// Forgets the viewer altogether.
  void remove(ViewerEnd& viewer);

  void route(const Commit& commit);
  /// Commits went by unseen.
  void missed() {
    for (auto& tier : tiers_) tier.conflator.forget_values();
  }
  /// Late readings wait for this tier's tick, and there are many: it should come now.
  bool is_overfull(std::size_t tier) const { return tiers_[tier].late_bytes > kMaxLateBytes; }
  /// Tells the viewer which of its series are stale now.
  void tell_stale(ViewerEnd& viewer, SeriesId series);
  /// Each second: series that missed three intervals and a second more are stale, once.
  void look_at_freshness();

  /// A tier's tick, after commit `delivered`: one fragment a series to all of the tier, and what came late. Answers who
  /// got something, or gets a series in another way from here on: they are to be flushed.
  std::vector<std::shared_ptr<ViewerEnd>> tick(std::size_t tier, CommitNumber delivered);
  bool is_used(std::size_t tier) const { return tiers_[tier].listeners > 0 || !tiers_[tier].changes.empty(); }
  std::size_t series() const { return feeds_.size(); }

 private:
  static constexpr std::size_t kMaxLateBytes = 1024 * 1024;  // a tier; past it its tick comes early

  struct Listener {
    std::shared_ptr<ViewerEnd> viewer;
    std::uint8_t mode;
  };
  struct Feed {
    std::vector<Listener> listeners;
    DeviceId device;
    std::int64_t newest_us = 0;  // event time
    std::int64_t seen_us = 0;    // hub time of the last fresh reading
    std::uint32_t interval_ms = 0;
    bool stale = false;
    std::array<std::uint32_t, kTiers> in_tier{};
  };
  struct Tier {
    Conflator conflator;
    // Not conflated, but told at the tick all the same: a viewer's position is that of its last tick.
    std::vector<std::pair<SeriesId, Fragment>> late;
    std::size_t late_bytes = 0;
    std::size_t listeners = 0;                                             // (viewer, series) pairs
    std::unordered_map<ViewerEnd*, std::unordered_set<SeriesId>> changes;  // to be looked at behind the next tick
  };

  void route(Feed& feed, const SeriesColumn& column);
  void route_gap(const Gap& gap);
  void set_mode(Feed& feed, SeriesId series, ViewerEnd& viewer, std::uint8_t mode, CommitNumber since);
  void settle(ViewerEnd& viewer, SeriesId series);
  void leave(ViewerEnd& viewer, SeriesId series);
  void tell_all(Feed& feed, const Fragment& fragment);

  const DeviceRegistry& devices_;
  const base::Clock& clock_;
  std::unordered_map<SeriesId, Feed> feeds_;
  std::unordered_map<DeviceId, std::unordered_map<ViewerEnd*, std::uint32_t>> by_device_;  // series listened to
  std::array<Tier, kTiers> tiers_;
};

}  // namespace hub::live
