#include "hub/live/series_router.h"

#include <algorithm>
#include <utility>

namespace hub::live {
namespace {

constexpr std::int64_t kGraceUs = 1'000'000;

/// Cuts a column at the borders between readings that go on from `newest_us` and late ones.
struct SplitColumn {
  std::vector<ReadingRun> on_time, late;
  std::int64_t newest_us;
};
SplitColumn split(const SeriesColumn& column, std::int64_t newest_us) {
  SplitColumn result{{}, {}, newest_us};
  const auto& times = *column.times;
  bool was_late = false;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool is_late = times[i] < result.newest_us;
    auto& runs = is_late ? result.late : result.on_time;
    if (i == 0 || is_late != was_late) runs.push_back({column.series, times, &column.values, i, i});
    ++runs.back().end;
    was_late = is_late;
    result.newest_us = std::max(result.newest_us, times[i]);
  }
  return result;
}

}  // namespace

void SeriesRouter::listen(const std::shared_ptr<ViewerEnd>& viewer, SeriesId series, const DeviceId& device,
                          std::uint32_t interval_ms, std::size_t tier, std::int64_t newest_us) {
  auto [feed_at, is_new] = feeds_.try_emplace(series);
  Feed& feed = feed_at->second;
  if (is_new) {
    feed.device = device;
    feed.interval_ms = interval_ms;
    const std::int64_t now = clock_.now_us();
    feed.seen_us = newest_us == 0 ? now : std::min(newest_us, now);
  }
  feed.newest_us = std::max(feed.newest_us, newest_us);
  auto [at, joins] = viewer->listening.try_emplace(series);
  Listening& listening = at->second;
  if (joins) {
    listening.index = static_cast<std::uint32_t>(feed.listeners.size());
    listening.mode = listening.mode_before = viewer->lowered ? kSlots : kRaw;
    ++viewer->modes_version;
    feed.listeners.push_back({viewer, listening.mode});
    ++by_device_[feed.device][viewer.get()];
  }
  ++listening.wants[tier];
  settle(*viewer, series);
}

void SeriesRouter::unlisten(ViewerEnd& viewer, SeriesId series, std::size_t tier) {
  const auto at = viewer.listening.find(series);
  if (at == viewer.listening.end() || at->second.wants[tier] == 0) return;
  --at->second.wants[tier];
  if (!at->second.wanted()) {
    leave(viewer, series);
  } else {
    settle(viewer, series);
  }
}

void SeriesRouter::leave(ViewerEnd& viewer, SeriesId series) {
  const auto at = viewer.listening.find(series);
  const auto feed_at = feeds_.find(series);
  Feed& feed = feed_at->second;
  set_mode(feed, series, viewer, kRaw, 0);
  const std::uint32_t index = at->second.index;
  viewer.listening.erase(at);
  viewer.slots.forget(series);
  for (auto& tier : tiers_) {
    const auto changes = tier.changes.find(&viewer);
    if (changes == tier.changes.end()) continue;
    changes->second.erase(series);
    if (changes->second.empty()) tier.changes.erase(changes);
  }
  const auto device = by_device_.find(feed.device);
  if (const auto count = device->second.find(&viewer); --count->second == 0) device->second.erase(count);
  if (device->second.empty()) by_device_.erase(device);
  if (index + 1 != feed.listeners.size()) {
    std::swap(feed.listeners[index], feed.listeners.back());
    feed.listeners[index].viewer->listening.at(series).index = index;
  }
  feed.listeners.pop_back();
  if (feed.listeners.empty()) feeds_.erase(feed_at);
}

void SeriesRouter::remove(ViewerEnd& viewer) {
  std::vector<SeriesId> all;
  for (const auto& [series, listening] : viewer.listening) all.push_back(series);
  for (const SeriesId series : all) leave(viewer, series);
}

void SeriesRouter::set_lowered(const std::shared_ptr<ViewerEnd>& viewer, bool lowered, CommitNumber delivered) {
  viewer->lowered = lowered;
  for (const auto& [series, listening] : viewer->listening) {
    set_mode(feeds_.at(series), series, *viewer, lowered ? kSlots : kRaw, delivered);
    if (!lowered) settle(*viewer, series);
  }
  viewer->slots.clear();
  viewer->forget_late();
}

void SeriesRouter::set_mode(Feed& feed, SeriesId series, ViewerEnd& viewer, std::uint8_t mode, CommitNumber since) {
  Listening& listening = viewer.listening.at(series);
  const std::uint8_t before = std::exchange(listening.mode, mode);
  listening.mode_before = before;
  listening.since = since;
  ++viewer.modes_version;
  feed.listeners[listening.index].mode = mode;
  const auto is_tier = [](std::uint8_t m) { return m != kRaw && m != kSlots; };
  if (is_tier(before)) {
    --tiers_[before].listeners;
    if (--feed.in_tier[before] == 0) tiers_[before].conflator.forget(series);
  }
  if (is_tier(mode)) {
    ++tiers_[mode].listeners;
    ++feed.in_tier[mode];
  }
}

/// Queues a change of mode for the tick at which nothing is half told: to a tier at its tick, from a tier at its tick.
void SeriesRouter::settle(ViewerEnd& viewer, SeriesId series) {
  const Listening& listening = viewer.listening.at(series);
  if (listening.mode == kSlots || listening.mode == listening.finest()) return;
  const std::uint8_t tier = listening.mode == kRaw ? listening.finest() : listening.mode;
  tiers_[tier].changes[&viewer].insert(series);
}

void SeriesRouter::route(const Commit& commit) {
  for (const auto& frame : commit.frames) {
    for (const auto& column : frame.columns) {
      const auto it = feeds_.find(column.series);
      if (it == feeds_.end() || column.times->empty()) continue;
      Feed& feed = it->second;
      if ((frame.flags & kBackfilled) == 0) {
        feed.seen_us = clock_.now_us();
        if (std::exchange(feed.stale, false)) tell_all(feed, freshness_fragment(column.series, false, feed.seen_us));
      }
      route(feed, column);
    }
    for (const auto& gap : frame.gaps) route_gap(gap);
  }
}

void SeriesRouter::route(Feed& feed, const SeriesColumn& column) {
  const auto& times = *column.times;
  const SplitColumn parts = split(column, feed.newest_us);
  feed.newest_us = parts.newest_us;
  Fragment whole, late;
  const auto encode = [&](const std::vector<ReadingRun>& runs, bool is_late) {
    std::string out;
    for (const auto& run : runs) append_update(out, run, is_late, 0);
    return std::make_shared<const std::string>(std::move(out));
  };
  for (const auto& listener : feed.listeners) {
    auto& viewer = *listener.viewer;
    if (listener.mode == kRaw) {
      if (!whole) whole = encode({{column.series, times, &column.values, 0, times.size()}}, !parts.late.empty());
      viewer.outbox.push(whole, Outbox::Kind::telemetry);
      viewer.touched();
      continue;
    }
    if (listener.mode != kSlots) continue;
    for (const auto& run : parts.on_time) viewer.slots.fold(run);
    // Late readings heal what is drawn already: never conflated.
    if (!parts.late.empty()) {
      if (!late) late = encode(parts.late, true);
      viewer.slots_late.push_back(late);
      viewer.slots_late_bytes += late->size();
      viewer.touched();
    }
  }
  for (std::size_t tier = 1; tier < kTiers; ++tier) {
    if (feed.in_tier[tier] == 0) continue;
    for (const auto& run : parts.on_time) tiers_[tier].conflator.fold(run);
    if (parts.late.empty()) continue;
    if (!late) late = encode(parts.late, true);
    tiers_[tier].late.emplace_back(column.series, late);
    tiers_[tier].late_bytes += late->size();
  }
}

void SeriesRouter::route_gap(const Gap& gap) {
  Fragment fragment;
  const auto tell = [&](ViewerEnd& viewer) {
    if (!fragment) fragment = gap_fragment(gap);
    viewer.outbox.push(fragment, Outbox::Kind::telemetry);
    viewer.touched();
  };
  if (raw(gap.series) != 0) {
    if (const auto it = feeds_.find(gap.series); it != feeds_.end()) {
      for (const auto& listener : it->second.listeners) tell(*listener.viewer);
    }
  } else if (const auto it = by_device_.find(gap.device); it != by_device_.end()) {
    for (const auto& [viewer, count] : it->second) tell(*viewer);
  }
}

void SeriesRouter::tell_all(Feed& feed, const Fragment& fragment) {
  for (const auto& listener : feed.listeners) {
    listener.viewer->outbox.push(fragment, Outbox::Kind::telemetry);
    listener.viewer->touched();
  }
}

void SeriesRouter::tell_stale(ViewerEnd& viewer, SeriesId series) {
  const auto it = feeds_.find(series);
  if (it == feeds_.end() || !it->second.stale) return;
  viewer.outbox.push(freshness_fragment(series, true, it->second.seen_us), Outbox::Kind::telemetry);
}

void SeriesRouter::look_at_freshness() {
  const std::int64_t now = clock_.now_us();
  const auto missed = [&](const Feed& feed) {
    return feed.interval_ms != 0 && now - feed.seen_us > std::int64_t{feed.interval_ms} * 3'000 + kGraceUs;
  };
  for (auto& [series, feed] : feeds_) {
    if (feed.stale || !missed(feed)) continue;
    // The device may have declared another interval since.
    if (const auto record = devices_.series(series)) feed.interval_ms = record->interval_ms;
    if (!missed(feed)) continue;
    feed.stale = true;
    tell_all(feed, freshness_fragment(series, true, feed.seen_us));
  }
}

std::vector<std::shared_ptr<ViewerEnd>> SeriesRouter::tick(std::size_t tier, CommitNumber delivered) {
  Tier& t = tiers_[tier];
  std::vector<std::shared_ptr<ViewerEnd>> told;
  const auto tell = [&](SeriesId series, const Fragment& fragment) {
    const auto it = feeds_.find(series);
    if (it == feeds_.end()) return;
    for (const auto& listener : it->second.listeners) {
      if (listener.mode != tier) continue;
      listener.viewer->outbox.push(fragment, Outbox::Kind::telemetry);
      listener.viewer->touched();
      told.push_back(listener.viewer);
    }
  };
  t.conflator.drain(0, tell);
  for (const auto& [series, fragment] : std::exchange(t.late, {})) tell(series, fragment);
  t.late_bytes = 0;
  for (auto& [viewer, changes] : std::exchange(t.changes, {})) {
    for (const SeriesId series : changes) {
      const Listening& listening = viewer->listening.at(series);
      if (listening.mode == kSlots) continue;
      const std::uint8_t finest = listening.finest();
      const std::uint8_t mode = listening.mode == tier && finest != tier   ? kRaw
                                : listening.mode == kRaw && finest == tier ? finest
                                                                           : listening.mode;
      Feed& feed = feeds_.at(series);
      if (mode != listening.mode) {
        set_mode(feed, series, *viewer, mode, delivered);
        told.push_back(feed.listeners[listening.index].viewer);
      }
      settle(*viewer, series);
    }
  }
  std::sort(told.begin(), told.end());
  told.erase(std::unique(told.begin(), told.end()), told.end());
  return told;
}

}  // namespace hub::live
