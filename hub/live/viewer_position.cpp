// The part of ViewerSession that knows where its subscriptions stand, and tells the viewer.
#include <algorithm>

#include "hub/live/session_position.h"
#include "hub/live/viewer_session.h"

namespace hub::live {

/// Called when all that was pushed is being written.
void ViewerSession::note_positions() {
  written_[kRaw] = shared_.recent.delivered();
  for (std::size_t tier = 1; tier < kTiers; ++tier) written_[tier] = shared_.tier_position[tier];
  written_[kSlots] = slots_position_;
}

/// A series that has just changed its mode was told of in the mode before up to the last flush, and in its own since.
CommitNumber ViewerSession::written_in(const Listening& of) const {
  return written_[of.since > written_[of.mode] ? of.mode_before : of.mode];
}

/// A session that is being closed listens to nothing any more.
const Listening& ViewerSession::how_it_comes(SeriesId series) const {
  static const Listening none;
  const auto at = listening.find(series);
  return at == listening.end() ? none : at->second;
}

/// Exactly, series by series: for what is taken from live.
Standing ViewerSession::standing_written(const Subscription& subscription) const {
  Standing standing;
  standing.commit = written_[kRaw];
  if (subscription.live.empty()) return standing;
  std::map<CommitNumber, std::size_t> counts;
  for (const SeriesId series : subscription.live) ++counts[written_in(how_it_comes(series))];
  const auto usual =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  standing.commit = usual->first;
  for (const SeriesId series : subscription.live) {
    const auto& of = how_it_comes(series);
    if (of.mode == kSlots && slots_half_told_) standing.is_known = false;
    if (const CommitNumber commit = written_in(of); commit != standing.commit) standing.ahead[series] = commit;
  }
  return standing;
}

/// The same for what is being said with every message: series are looked at only where modes have changed.
Standing ViewerSession::standing(const Subscription& subscription) const {
  auto& modes = subscription.modes;
  if (modes.version != modes_version) {
    std::array<std::size_t, kTiers + 1> counts{};
    for (const SeriesId series : subscription.live) ++counts[how_it_comes(series).mode];
    modes.version = modes_version;
    modes.usual = static_cast<std::uint8_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
    modes.others.clear();
    for (const SeriesId series : subscription.live) {
      const std::uint8_t mode = how_it_comes(series).mode;
      if (mode != modes.usual) modes.others.emplace_back(series, mode);
      if (modes.others.size() > SessionPosition::kMaxAhead) break;
    }
  }
  Standing standing;
  standing.commit = written_[modes.usual];
  standing.is_known = modes.others.size() <= SessionPosition::kMaxAhead && !(slots_half_told_ && lowered);
  if (!standing.is_known) return standing;
  for (const auto& [series, mode] : modes.others) {
    if (written_[mode] != standing.commit) standing.ahead[series] = written_[mode];
  }
  return standing;
}

std::string ViewerSession::position(bool is_partial) const {
  SessionPosition said;
  said.base.journal_epoch = shared_.readings.head().journal_epoch;
  said.base.commit = shared_.recent.delivered();
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription.wish.to_us != 0) continue;  // nothing to go on with
    SessionPosition::Entry entry;
    entry.members = subscription.members;
    entry.standing.is_known = false;
    if (subscription.is_settled()) {
      entry.standing = standing(subscription);
      if (is_partial) entry.standing.is_known = false;
    } else if (!subscription.attached && subscription.stitchers.empty() && subscription.held.size() == 1) {
      entry.standing = subscription.held.front().standing;
    } else if (!subscription.attached && subscription.stitchers.size() == 1 && subscription.held.empty()) {
      const auto commit = subscription.stitchers.front()->resumable();
      entry.standing.is_known = commit.has_value();
      entry.standing.commit = commit.value_or(0);
    }
    if (entry.members != 0 || entry.standing != Standing{said.base.commit}) said.listed[id] = std::move(entry);
  }
  return said.to_bytes();
}

/// Which devices the groups have that decide what it selects, those of the viewer's rights among them.
std::uint32_t ViewerSession::members(const Selector& selector) const {
  std::set<std::pair<std::string_view, DeviceId>> devices;
  const auto look_at = [&](const std::vector<std::string>& groups) {
    for (const auto& group : groups) {
      for (const auto& device : shared_.devices.devices_in(group)) devices.emplace(group, device.id);
    }
  };
  if (!sees_every_device(who_)) look_at(who_.groups);
  look_at(selector.groups());
  // FNV-1a: the same in every build, as a position may outlive its hub's version.
  std::uint32_t hash = 2'166'136'261u;
  const auto add = [&hash](std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619u;
    hash = (hash ^ 0xffu) * 16'777'619u;
  };
  for (const auto& [group, device] : devices) {
    add(group);
    add(device.str());
  }
  const bool depends = !sees_every_device(who_) || !selector.groups().empty();
  return depends ? std::max(1u, hash) : 0;
}

/// A device that is new in a group brings its series by itself; from then on it belongs to what is resumed.
void ViewerSession::refresh_members() {
  const std::uint64_t version = shared_.devices.memberships_version();
  if (std::exchange(memberships_, version) == version) return;
  for (auto& [id, subscription] : subscriptions_) subscription.members = members(subscription.wish.selector);
}

}  // namespace hub::live
