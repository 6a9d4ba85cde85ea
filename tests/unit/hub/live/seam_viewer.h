// A viewer that does everything a viewer may, and what it should know in the end.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>

#include "hub/live/tiers.h"
#include "tests/unit/hub/live/seam_check.h"
#include "tests/unit/hub/live/seam_hub.h"

namespace hub::seam {

/// Driven by the test's thread alone.
class SeamViewer {
 public:
  /// A steady one keeps its one subscription at a lower rate: it stalls, leaves and comes back, and nothing else, so
  /// that much of what it knows was folded.
  SeamViewer(SeamHub& hub, std::uint64_t seed, bool is_steady) : hub_(hub), dice_(seed), is_steady_(is_steady) {
    connect();
    Wish wish = any_wish();
    if (is_steady_) {
      wish = {};
      wish.pattern = "*";
      wish.from_us = kNow - 3'000'000;
      wish.rate_hz = 10;
    }
    subscribe(1, wish);
  }

  /// Takes what has come. False: the connection has ended.
  bool take() {
    while (auto message = peer_->try_receive()) EXPECT_TRUE(view_.apply(*message));
    return !peer_->is_closed();
  }
  /// Does one thing; comes back where the hub has closed the connection.
  void act() {
    if (!take()) return come_back();
    const std::uint32_t id = 1 + static_cast<std::uint32_t>(pick(kSubscriptions));
    if (lazy_for_ > 0) {
      if (--lazy_for_ == 0) peer_->set_accepting(true);
      return;
    }
    switch (is_steady_ ? 10 + pick(50) : pick(60)) {
      case 0:
      case 1:
        subscribe(id, any_wish());
        break;
      case 2:
      case 3:
        if (wishes_.contains(id)) zoom(id);
        break;
      case 4:
      case 5:
      case 6:
        if (wishes_.contains(id)) change(id, [&](Wish& wish) { wish.rate_hz = any_rate(); });
        break;
      case 7:
      case 8:
        if (wishes_.contains(id)) change(id, [&](Wish& wish) { wish.paused = !wish.paused; });
        break;
      case 9:
        unsubscribe(id);
        break;
      case 10:
      case 11:
        come_back();
        break;
      case 12:
      case 13:
        peer_->set_accepting(false);
        break;
      case 14:
      case 15:
      case 16:
        peer_->set_accepting(true);
        break;
      case 17:
        peer_->set_accepting(false);
        lazy_for_ = pick(200);  // long enough that more waits than may
        break;
      default:
        peer_->take(1 + pick(3));
    }
  }

  /// The connection ends, whoever ends it, and everything is resumed by the last position received. What was asked for
  /// and not answered is not what the position tells of.
  void come_back() {
    leave();
    connect();
    const std::string position = view_.position;
    for (auto& [id, wish] : wishes_) {
      const bool is_answered = view_.subscriptions[id].answers == asked_[id];
      asked_[id] = view_.subscriptions[id].answers;
      if (!is_answered || wish.to_us != 0 || position.empty()) {
        wish.asked_at = hub_.model.head();
        send(id, wish, {});
      } else {
        wish.asked_at = std::min(wish.asked_at, hub_.model.head());  // it may be another journal, which counts anew
        send(id, wish, position);
        ++resumed_;
      }
    }
  }
  void leave() {
    peer_->hang_up();
    take();
    view_.disconnected();
    std::erase_if(view_.subscriptions, [&](const auto& one) { return !wishes_.contains(one.first); });
    std::erase_if(asked_, [&](const auto& one) { return !wishes_.contains(one.first); });
  }

  /// From here on it only reads.
  void settle() {
    peer_->set_accepting(true);
    for (auto& [id, wish] : std::map(wishes_)) {
      if (wish.paused) change(id, [](Wish& w) { w.paused = false; });
    }
  }
  /// What is not as it should be. Empty: all that was asked for is here, once.
  Verdict look() {
    if (!take()) come_back();
    Verdict verdict;
    if (!view_.errors.empty()) verdict.wrong = "the hub answered " + view_.errors.back();
    for (const auto& [id, wish] : wishes_) {
      if (!verdict.is_equal()) break;
      verdict = look_at(id, wish);
    }
    return verdict;
  }

  int resumed() const { return resumed_; }
  const View& view() const { return view_; }

 private:
  static constexpr std::size_t kSubscriptions = 3;
  struct Wish {
    std::vector<std::string> devices;
    bool by_group = false;
    std::string pattern;
    std::int64_t from_us = 0, to_us = 0;
    std::uint32_t width = 0;
    double rate_hz = 0;
    bool paused = false;
    CommitNumber asked_at = 0;
    bool was_lower = false;  // had a rate since its history began
    bool shows_as(const Wish& other) const {
      return devices == other.devices && by_group == other.by_group && pattern == other.pattern &&
             from_us == other.from_us && to_us == other.to_us && width == other.width;
    }
  };

  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }
  double any_rate() {
    static constexpr double kRates[] = {0, 0, 10, 10, 5, 1};
    return kRates[pick(std::size(kRates))];
  }
  Wish any_wish() {
    static const char* const kPatterns[] = {"*", "*", "temp*", "*o*", "power", "is-open"};
    Wish wish;
    wish.pattern = kPatterns[pick(std::size(kPatterns))];
    const std::size_t how = pick(6);
    wish.by_group = how == 0 || how == 1;
    if (how == 1 || how == 2) wish.devices = {"device-" + std::to_string(pick(3))};
    put_range(wish);
    wish.rate_hz = any_rate();
    return wish;
  }
  void put_range(Wish& wish) {
    wish.from_us = pick(6) == 0 ? 0 : kNow - 3'000'000 + static_cast<std::int64_t>(pick(2'800'000));
    wish.width = pick(3) == 0 ? 1 + static_cast<std::uint32_t>(pick(300)) : 0;
    wish.to_us = 0;
    if (wish.from_us != 0 && pick(8) == 0) wish.to_us = wish.from_us + 1 + static_cast<std::int64_t>(pick(1'000'000));
  }
  void zoom(std::uint32_t id) {
    Wish wish = wishes_.at(id);
    put_range(wish);
    subscribe(id, wish);
  }
  void subscribe(std::uint32_t id, Wish wish) {
    wish.asked_at = hub_.model.head();
    wish.was_lower = false;
    wishes_[id] = wish;
    send(id, wishes_[id], {});
  }
  /// In place, where nothing else changes: answered by a phase.
  template <class Change>
  void change(std::uint32_t id, Change make) {
    Wish& wish = wishes_.at(id);
    const Wish before = wish;
    make(wish);
    const bool is_same = live::tier_for(wish.rate_hz) == live::tier_for(before.rate_hz) && wish.paused == before.paused;
    if (is_same) return;
    if (wish.to_us != 0) wish.asked_at = hub_.model.head();
    send(id, wish, {}, wish.to_us == 0);
  }
  void unsubscribe(std::uint32_t id) {
    pb::ViewerMessage message;
    message.mutable_unsubscribe()->set_id(id);
    peer_->send(message.SerializeAsString());
    wishes_.erase(id);
  }

  void send(std::uint32_t id, Wish& wish, const std::string& resume, bool answered_by_phase = false) {
    wish.was_lower = wish.was_lower || wish.rate_hz != 0;
    if (!answered_by_phase) ++asked_[id];
    pb::ViewerMessage message;
    auto& request = *message.mutable_subscribe();
    request.set_id(id);
    for (const auto& device : wish.devices) request.mutable_selector()->add_devices(device);
    if (wish.by_group) request.mutable_selector()->add_groups(kGroup);
    request.mutable_selector()->add_series(wish.pattern);
    request.set_from_us(static_cast<double>(wish.from_us));
    request.set_to_us(static_cast<double>(wish.to_us));
    request.set_width(wish.width);
    request.set_maximum_rate_hz(wish.rate_hz);
    request.set_paused(wish.paused);
    request.set_resume_position(resume);
    peer_->send(message.SerializeAsString());
  }
  void connect() { peer_ = hub_.join(8 * 1'024); }

  Verdict look_at(std::uint32_t id, const Wish& wish) {
    const std::string where = "subscription " + std::to_string(id);
    const auto it = view_.subscriptions.find(id);
    if (it == view_.subscriptions.end()) return {"", where + " was not answered"};
    const auto& told = it->second;
    if (told.answers > asked_[id]) return {where + " was answered too often", ""};
    const bool is_there = wish.to_us != 0
                              ? told.phase == pb::LivePhase::PHASE_PAUSED
                              : told.phase == pb::LivePhase::PHASE_LIVE || told.phase == pb::LivePhase::PHASE_CONFLATED;
    if (told.answers < asked_[id] || !is_there)
      return {"", where + " is in phase " + pb::LivePhase::Phase_Name(told.phase) + ", " +
                      std::to_string(told.answers) + " of " + std::to_string(asked_[id]) + " answers"};
    const Asked asked{wish.from_us, wish.to_us, wish.asked_at, wish.was_lower || view_.was_slow || view_.was_conflated};
    for (const auto& record : selected(wish)) {
      const auto series = told.series.find(raw(record.id));
      const std::string named = where + ", " + record.device.str() + "/" + record.name;
      // A closed range does not go on, so nothing joins it.
      if (series == told.series.end() && wish.to_us != 0) continue;
      if (series == told.series.end()) return {"", named + " is not subscribed"};
      auto verdict = SeriesCheck(series->second, asked, hub_.model.of(raw(record.id))).run();
      if (!verdict.wrong.empty()) verdict.wrong = named + describe(wish) + ": " + verdict.wrong;
      if (!verdict.missing.empty()) verdict.missing = named + describe(wish) + ": " + verdict.missing;
      if (!verdict.is_equal()) return verdict;
    }
    if (wish.from_us == 0) return {};
    for (const auto& gap : hub_.model.gaps()) {
      // Of a device that was removed since, a viewer that was behind hears nothing more.
      if (!hub_.devices().find(std::get<1>(gap))) continue;
      const bool concerns =
          std::get<0>(gap) != 0 ? told.series.contains(std::get<0>(gap)) : has_device(told, std::get<1>(gap));
      if (concerns && wish.to_us == 0 && std::get<3>(gap) >= wish.from_us && !view_.gaps.contains(gap))
        return {"", where + ": a gap of " + std::get<1>(gap) + " was not told"};
    }
    return {};
  }
  static bool has_device(const View::Subscription& told, const std::string& device) {
    for (const auto& [id, series] : told.series) {
      if (series.info.device_id() == device) return true;
    }
    return false;
  }
  std::string describe(const Wish& wish) const {
    return " [from " + std::to_string(wish.from_us) + " to " + std::to_string(wish.to_us) + ", width " +
           std::to_string(wish.width) + ", " + std::to_string(wish.rate_hz) + " Hz" +
           (wish.was_lower ? ", was lower" : "") + (view_.was_slow ? ", was slow" : "") +
           (view_.was_conflated ? ", was conflated" : "") + "]";
  }
  /// The series that the selector means now.
  std::vector<SeriesRecord> selected(const Wish& wish) {
    std::vector<std::string> ids;
    for (const auto& named : wish.devices) {
      if (const auto device = hub_.devices().find(named)) ids.push_back(device->id.str());
    }
    if (wish.by_group) {
      for (const auto& device : hub_.devices().devices_in(kGroup)) ids.push_back(device.id.str());
    }
    if (ids.empty() && (wish.by_group || !wish.devices.empty())) return {};
    return hub_.devices().resolve(ids, {wish.pattern});
  }

  SeamHub& hub_;
  std::mt19937_64 dice_;
  const bool is_steady_;
  std::shared_ptr<fakes::ScriptedPeer> peer_;
  View view_;
  std::map<std::uint32_t, Wish> wishes_;
  std::map<std::uint32_t, std::size_t> asked_;  // Subscribes, each of which is answered once
  std::size_t lazy_for_ = 0;                    // so many turns it does nothing but wait
  int resumed_ = 0;
};

}  // namespace hub::seam
