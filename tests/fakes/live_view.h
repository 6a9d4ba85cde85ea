// What a viewer knows after a stream of LiveMessages: the client's side of docs/live.md, in the simplest form.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "telemetry/v1/live.pb.h"

namespace fakes {

namespace pb = telemetry::v1;

struct LiveView {
  using Readings = std::map<std::pair<std::int64_t, double>, int>;  // (time, number) and how often

  struct Series {
    pb::SeriesInfo info;
    Readings readings;
    std::vector<pb::Conflated> conflated;
    std::vector<std::string> strings;
    std::vector<bool> booleans;
    std::set<std::uint32_t> buckets;
    std::uint64_t bucket_count = 0, late = 0;
    bool done = false;
    /// Readings told of, one by one or folded.
    std::uint64_t total() const {
      std::uint64_t n = readings.size();
      for (const auto& one : conflated) n += one.count();
      return n;
    }
  };
  struct Subscription {
    std::map<std::uint32_t, Series> series;
    std::vector<pb::LivePhase::Phase> phases;
    double tier_hz = 0;
    std::size_t answers = 0;  // Subscribed, not added
    pb::LivePhase::Phase phase() const { return phases.empty() ? pb::LivePhase::PHASE_UNSPECIFIED : phases.back(); }
    bool is_live() const { return phase() == pb::LivePhase::PHASE_LIVE || phase() == pb::LivePhase::PHASE_CONFLATED; }
    bool saw(pb::LivePhase::Phase wanted) const {
      for (const auto phase : phases) {
        if (phase == wanted) return true;
      }
      return false;
    }
  };

  std::map<std::uint32_t, Subscription> subscriptions;
  std::map<std::string, pb::PresenceState> presence;
  std::set<std::string> removed;  // devices
  std::vector<pb::HubEvent> events;
  std::vector<pb::LiveError> errors;
  std::vector<pb::GapSpan> gaps;
  std::vector<pb::Freshness> freshness;
  std::vector<pb::ViewerPong> pongs;
  std::string position;
  std::uint32_t event_id = 0;
  bool saw_hub = false;

  /// A new connection: nothing is live before its phase says so.
  void disconnected() {
    for (auto& [id, subscription] : subscriptions) subscription.phases.push_back(pb::LivePhase::PHASE_UNSPECIFIED);
  }

  /// False: not a LiveMessage.
  bool apply(const std::string& bytes) {
    pb::LiveMessage message;
    if (!message.ParseFromString(bytes)) return false;
    if (message.has_hub()) saw_hub = true;
    for (const auto& said : message.subscribed()) {
      auto& subscription = subscriptions[said.id()];
      if (!said.added()) {
        ++subscription.answers;
        std::set<std::uint32_t> stays;
        for (const auto& info : said.series()) stays.insert(info.series());
        std::erase_if(subscription.series, [&](const auto& one) { return !stays.contains(one.first); });
      }
      for (const auto& info : said.series()) subscription.series[info.series()].info = info;
    }
    for (const auto& said : message.phases()) {
      auto& subscription = subscriptions[said.subscription()];
      subscription.phases.push_back(said.phase());
      subscription.tier_hz = said.tier_hz();
      if (said.phase() != pb::LivePhase::PHASE_HISTORY && said.phase() != pb::LivePhase::PHASE_RESTARTED) continue;
      for (auto& [id, series] : subscription.series) {
        const auto info = series.info;
        series = {};
        series.info = info;
      }
    }
    for (const auto& part : message.history()) {
      auto& series = subscriptions[part.subscription()].series[part.series()];
      add(series, part);
      for (int i = 0; i < part.bucket_size(); ++i) {
        series.buckets.insert(part.bucket(i));
        series.bucket_count += part.count(i);
      }
      series.done = series.done || part.done();
    }
    for (const auto& update : message.updates()) {
      for (auto& [id, subscription] : subscriptions) {
        if (update.subscription() != 0 ? update.subscription() != id : !subscription.is_live()) continue;
        const auto it = subscription.series.find(update.series());
        if (it == subscription.series.end()) continue;
        if (update.has_conflated()) it->second.conflated.push_back(update.conflated());
        if (update.late()) ++it->second.late;
        add(it->second, update);
      }
    }
    for (const auto& state : message.presence()) {
      presence[state.device_id()] = state;
      if (!state.removed()) continue;
      presence.erase(state.device_id());
      removed.insert(state.device_id());
    }
    for (const auto& one : message.events()) events.push_back(one);
    for (const auto& one : message.gaps()) gaps.push_back(one);
    for (const auto& one : message.freshness()) freshness.push_back(one);
    if (message.has_error()) errors.push_back(message.error());
    if (message.has_pong()) pongs.push_back(message.pong());
    if (!message.position().empty()) position = message.position();
    if (message.event_id() != 0) event_id = message.event_id();
    return true;
  }

 private:
  template <class Columns>
  static void add(Series& series, const Columns& from) {
    auto time = static_cast<std::int64_t>(from.time_us());
    for (int i = 0; i < from.numbers_size(); ++i) {
      if (i > 0) time += from.time_delta_us(i - 1);
      ++series.readings[{time, from.numbers(i)}];
    }
    series.strings.insert(series.strings.end(), from.strings().begin(), from.strings().end());
    series.booleans.insert(series.booleans.end(), from.booleans().begin(), from.booleans().end());
  }
};

}  // namespace fakes
