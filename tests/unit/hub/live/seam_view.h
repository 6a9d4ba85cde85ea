// What a viewer knows after a stream of LiveMessages, every detail kept: the client's side of docs/live.md.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/hub/live/seam_model.h"

namespace hub::seam {

struct View {
  struct Bucket {
    std::uint32_t count = 0;
    double minimum = 0, maximum = 0, sum = 0;
    std::string first, last;
    bool operator==(const Bucket&) const = default;
  };
  struct Folded {
    std::int64_t time_us = 0;
    pb::Conflated of;
  };
  struct Series {
    pb::SeriesInfo info;
    std::vector<std::pair<std::int64_t, std::string>> single;  // (time, value), as they came
    std::vector<Folded> folded;
    std::map<std::uint32_t, Bucket> buckets;
    std::int64_t from_us = 0, to_us = 0;  // of the history
    std::uint32_t width = 0;
    bool is_told_twice = false;  // a bucket was
  };
  struct Subscription {
    std::map<std::uint32_t, Series> series;
    pb::LivePhase::Phase phase = pb::LivePhase::PHASE_UNSPECIFIED;
    std::size_t answers = 0;
    bool takes_live() const {
      return phase == pb::LivePhase::PHASE_LIVE || phase == pb::LivePhase::PHASE_CONFLATED ||
             phase == pb::LivePhase::PHASE_LATEST_ONLY;
    }
  };

  std::map<std::uint32_t, Subscription> subscriptions;
  std::map<std::string, pb::Presence> presence;
  std::set<GapKey> gaps;
  std::vector<std::string> errors;
  std::string position;
  bool was_slow = false, was_restarted = false, was_conflated = false;

  /// A new connection: nothing is live before its phase says so, and presence comes anew.
  void disconnected() {
    for (auto& [id, subscription] : subscriptions) subscription.phase = pb::LivePhase::PHASE_UNSPECIFIED;
    presence.clear();
  }

  bool apply(const std::string& bytes) {
    pb::LiveMessage message;
    if (!message.ParseFromString(bytes)) return false;
    for (const auto& said : message.subscribed()) answer(said);
    for (const auto& said : message.phases()) enter(said);
    for (const auto& part : message.history()) add(part);
    for (const auto& update : message.updates()) {
      for (auto& [id, subscription] : subscriptions) {
        if (update.subscription() != 0 ? update.subscription() != id : !subscription.takes_live()) continue;
        const auto it = subscription.series.find(update.series());
        if (it == subscription.series.end()) continue;
        if (update.has_conflated()) {
          it->second.folded.push_back({static_cast<std::int64_t>(update.time_us()), update.conflated()});
        }
        add_single(it->second, update);
      }
    }
    for (const auto& state : message.presence()) {
      presence[state.device_id()] = state.presence();
      if (state.removed()) presence.erase(state.device_id());
    }
    for (const auto& gap : message.gaps()) {
      gaps.emplace(gap.series(), gap.device_id(), static_cast<std::int64_t>(gap.from_us()),
                   static_cast<std::int64_t>(gap.to_us()), static_cast<int>(gap.reason()));
    }
    if (message.has_error()) errors.push_back(message.error().code() + ": " + message.error().message());
    if (!message.position().empty()) position = message.position();
    return true;
  }

 private:
  void answer(const pb::Subscribed& said) {
    auto& subscription = subscriptions[said.id()];
    if (!said.added()) {
      ++subscription.answers;
      std::set<std::uint32_t> stays;
      for (const auto& info : said.series()) stays.insert(info.series());
      std::erase_if(subscription.series, [&](const auto& one) { return !stays.contains(one.first); });
    }
    for (const auto& info : said.series()) subscription.series[info.series()].info = info;
  }

  void enter(const pb::LivePhase& said) {
    auto& subscription = subscriptions[said.subscription()];
    subscription.phase = said.phase();
    was_slow = was_slow || said.phase() == pb::LivePhase::PHASE_LATEST_ONLY;
    was_conflated = was_conflated || said.phase() == pb::LivePhase::PHASE_CONFLATED;
    was_restarted = was_restarted || said.phase() == pb::LivePhase::PHASE_RESTARTED;
    if (said.phase() != pb::LivePhase::PHASE_HISTORY && said.phase() != pb::LivePhase::PHASE_RESTARTED) return;
    for (auto& [id, series] : subscription.series) {
      const auto info = series.info;
      series = {};
      series.info = info;
    }
  }

  void add(const pb::HistoryPart& part) {
    const auto known = subscriptions[part.subscription()].series.find(part.series());
    if (known == subscriptions[part.subscription()].series.end()) return;  // of a request that was overtaken
    auto& series = known->second;
    series.from_us = static_cast<std::int64_t>(part.from_us());
    series.to_us = static_cast<std::int64_t>(part.to_us());
    series.width = part.width();
    if (part.width() == 0) return add_single(series, part);
    for (int i = 0; i < part.bucket_size(); ++i) {
      Bucket bucket;
      bucket.count = part.count(i);
      if (i < part.minimum_size()) {
        bucket.minimum = part.minimum(i), bucket.maximum = part.maximum(i), bucket.sum = part.sum(i);
      }
      const auto pair = [&](const auto& first, const auto& last) { bucket.first = first, bucket.last = last; };
      const auto place = [&](int at) {
        return text(Location{part.coordinates(at), part.coordinates(at + 1), part.coordinates(at + 2)});
      };
      if (part.strings_size() > 0) {
        pair(part.strings(2 * i), part.strings(2 * i + 1));
      } else if (part.booleans_size() > 0) {
        pair(text(Value(part.booleans(2 * i))), text(Value(part.booleans(2 * i + 1))));
      } else if (part.coordinates_size() > 0) {
        pair(place(6 * i), place(6 * i + 3));
      } else if (i < part.first_size()) {
        pair(text(part.first(i)), text(part.last(i)));
      }
      if (!series.buckets.emplace(part.bucket(i), bucket).second) series.is_told_twice = true;
    }
  }

  template <class Columns>
  static void add_single(Series& series, const Columns& from) {
    auto time = static_cast<std::int64_t>(from.time_us());
    const auto each = [&](int n, const auto& value) {
      for (int i = 0; i < n; ++i) {
        if (i > 0) time += from.time_delta_us(i - 1);
        series.single.emplace_back(time, value(i));
      }
    };
    each(from.numbers_size(), [&](int i) { return text(from.numbers(i)); });
    each(from.booleans_size(), [&](int i) { return text(Value(from.booleans(i))); });
    each(from.strings_size(), [&](int i) { return from.strings(i); });
    each(from.coordinates_size() / 3, [&](int i) {
      return text(Location{from.coordinates(3 * i), from.coordinates(3 * i + 1), from.coordinates(3 * i + 2)});
    });
  }
};

}  // namespace hub::seam
