// Whether what a subscription was told of a series is what the store has of it.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/hub/live/seam_view.h"

namespace hub::seam {

/// What the subscription asked for, as far as it decides what belongs to it.
struct Asked {
  std::int64_t from_us = 0, to_us = 0;
  CommitNumber at = 0;            // the journal's head at the Subscribe, or before
  bool may_be_conflated = false;  // at a lower rate, or the viewer was slow
};

/// `wrong` cannot heal: told twice, or never stored, or folded falsely. `missing` may still be on its way.
struct Verdict {
  std::string wrong, missing;
  bool is_equal() const { return wrong.empty() && missing.empty(); }
};

/// Takes every reading of the model that was told off the list, whatever told it: alone, in a bucket, or folded.
class SeriesCheck {
 public:
  SeriesCheck(const View::Series& told, const Asked& asked, const std::vector<Made>& made)
      : told_(told), asked_(asked), made_(made), is_told_(made.size()) {}

  Verdict run() {
    auto verdict = compare();
    if (!verdict.is_equal()) {
      (verdict.wrong.empty() ? verdict.missing : verdict.wrong) +=
          "; told were " + std::to_string(told_.single.size()) + " singly" +
          (told_.single.empty() ? "" : ", the last of " + std::to_string(told_.single.back().first)) + ", " +
          std::to_string(told_.folded.size()) + " folded and " + std::to_string(told_.buckets.size()) + " buckets of " +
          std::to_string(told_.from_us) + " to " + std::to_string(told_.to_us) + "; there are " +
          std::to_string(made_.size());
    }
    return verdict;
  }

 private:
  Verdict compare() {
    if (told_.is_told_twice) verdict_.wrong = "a bucket was told twice";
    take_single();
    if (verdict_.wrong.empty()) take_buckets();
    const bool is_number = told_.info.type() == pb::VALUE_TYPE_NUMBER;
    if (verdict_.wrong.empty() && is_number) take_folded();
    if (!verdict_.wrong.empty()) return verdict_;
    if (!is_number && asked_.may_be_conflated) {
      look_for_changes();
    } else if (asked_.to_us == 0 && asked_.from_us == 0) {
      look_behind_snapshot();
    } else {
      look_for_missing();
    }
    return verdict_;
  }

  std::string name(const Made& made) const {
    return "(" + std::to_string(made.time_us) + ", " + made.value + ") of commit " + std::to_string(made.commit);
  }
  bool is_wanted(const Made& made) const {
    return made.time_us >= asked_.from_us && (asked_.to_us == 0 || made.time_us < asked_.to_us);
  }

  void take_single() {
    std::multimap<std::pair<std::int64_t, std::string>, std::size_t> at;
    for (std::size_t i = 0; i < made_.size(); ++i) at.emplace(std::pair(made_[i].time_us, made_[i].value), i);
    for (const auto& one : told_.single) {
      // Of equal readings at equal times the newest: the earlier ones are in a bucket, or behind a snapshot.
      const auto [begin, end] = at.equal_range(one);
      if (begin == end) {
        verdict_.wrong = "told twice, or never stored: (" + std::to_string(one.first) + ", " + one.second + ")";
        return;
      }
      is_told_[std::prev(end)->second] = true;
      at.erase(std::prev(end));
    }
  }

  // What was told alone came behind the buckets or lies behind their end, so they hold the first of the rest.
  void take_buckets() {
    std::uint64_t left = 0;
    for (const auto& [index, bucket] : told_.buckets) left += bucket.count;
    if (told_.width == 0 || left == 0) return;
    std::vector<std::size_t> held;
    for (std::size_t i = 0; i < made_.size() && left > 0; ++i) {
      if (is_told_[i] || made_[i].time_us < told_.from_us || made_[i].time_us >= told_.to_us) continue;
      is_told_[i] = true;
      held.push_back(i);
      --left;
    }
    if (left != 0) {
      verdict_.wrong = "buckets count " + std::to_string(left) + " readings more than there are";
      return;
    }
    std::stable_sort(held.begin(), held.end(),
                     [&](std::size_t a, std::size_t b) { return made_[a].time_us < made_[b].time_us; });
    std::map<std::uint32_t, View::Bucket> wanted;
    const bool has_numbers = told_.info.type() == pb::VALUE_TYPE_NUMBER || told_.info.type() == pb::VALUE_TYPE_BOOLEAN;
    for (const std::size_t i : held) {
      auto& bucket = wanted[bucket_of(made_[i].time_us)];
      const double number = made_[i].number;
      if (bucket.count++ == 0) {
        bucket.first = made_[i].value;
        if (has_numbers) bucket.minimum = bucket.maximum = number;
      }
      bucket.last = made_[i].value;
      if (!has_numbers) continue;
      bucket.minimum = std::min(bucket.minimum, number);
      bucket.maximum = std::max(bucket.maximum, number);
      bucket.sum += number;
    }
    for (const auto& [index, bucket] : wanted) {
      const auto it = told_.buckets.find(index);
      if (it == told_.buckets.end() || !(it->second == bucket)) {
        verdict_.wrong = "bucket " + std::to_string(index) + " of " + std::to_string(told_.width) +
                         " is not the store's: " + (it == told_.buckets.end() ? "none" : shown(it->second)) +
                         " instead of " + shown(bucket);
        return;
      }
    }
    if (wanted.size() != told_.buckets.size()) verdict_.wrong = "there are buckets too many";
  }
  static std::string shown(const View::Bucket& b) {
    return std::to_string(b.count) + " readings, " + text(b.minimum) + " … " + text(b.maximum) + ", sum " +
           text(b.sum) + ", " + b.first + " to " + b.last;
  }
  std::uint32_t bucket_of(std::int64_t time_us) const {
    const std::int64_t range = told_.to_us - told_.from_us;  // of seconds here, so that nothing overflows
    auto bucket = static_cast<std::uint32_t>((time_us - told_.from_us) * told_.width / range);
    // Its begin is rounded down, so that a time right at it may belong to the next.
    while (bucket + 1 < told_.width && told_.from_us + range * (bucket + 1) / told_.width <= time_us) ++bucket;
    return bucket;
  }

  // Everything flows in commit order, so each Conflated is the next run of what was not told alone; its first value,
  // which is unique, says where that begins.
  void take_folded() {
    std::size_t next = 0;
    for (const auto& [time_us, of] : told_.folded) {
      while (next < made_.size() && (is_told_[next] || made_[next].number != of.first())) ++next;
      View::Folded run{next < made_.size() ? made_[next].time_us : 0, {}};
      for (; next < made_.size() && run.of.count() < of.count(); ++next) {
        if (is_told_[next]) continue;
        is_told_[next] = true;
        const double number = made_[next].number;
        const bool is_first = run.of.count() == 0;
        if (is_first) run.of.set_first(number);
        run.of.set_minimum(is_first ? number : std::min(run.of.minimum(), number));
        run.of.set_maximum(is_first ? number : std::max(run.of.maximum(), number));
        run.of.set_last(number);
        run.of.set_sum(run.of.sum() + number);
        run.of.set_last_time_us(std::max(run.of.last_time_us(), static_cast<double>(made_[next].time_us)));
        run.of.set_count(run.of.count() + 1);
      }
      if (run.time_us != time_us || run.of.SerializeAsString() != of.SerializeAsString()) {
        verdict_.wrong = "folded readings are not the store's: " + shown({time_us, of}) + ", should be " + shown(run);
        return;
      }
    }
  }
  static std::string shown(const View::Folded& f) {
    return std::to_string(f.of.count()) + " from " + std::to_string(f.time_us) + " to " + text(f.of.last_time_us()) +
           ", " + text(f.of.minimum()) + " … " + text(f.of.maximum()) + ", " + text(f.of.first()) + " to " +
           text(f.of.last()) + ", sum " + text(f.of.sum());
  }

  void look_for_missing() {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      const bool came_later = asked_.to_us != 0 && made_[i].commit > asked_.at;  // a closed range does not go on
      if (is_told_[i] || !is_wanted(made_[i]) || came_later) continue;
      verdict_.missing = "not told: " + name(made_[i]);
      return;
    }
  }
  // Nothing but one latest reading of what was there before, everything behind.
  void look_behind_snapshot() {
    CommitNumber before = 0;
    for (std::size_t i = 0; i < made_.size(); ++i) {
      if (!is_told_[i]) before = made_[i].commit;
    }
    std::size_t told = 0;
    for (std::size_t i = 0; i < made_.size(); ++i) told += is_told_[i] && made_[i].commit <= before ? 1 : 0;
    // The newest is not told yet, or one in the middle never was.
    if (told > 1) verdict_.missing = "not told: something up to commit " + std::to_string(before);
    if (!made_.empty() && before == made_.back().commit && told == 0 && before > asked_.at)
      verdict_.missing = "not told: the newest";
  }

  // Booleans, strings and locations at a lower rate: each change, and the newest. Where a tick had more changes than
  // places, a Conflated says how many readings it had.
  void look_for_changes() {
    if (asked_.to_us != 0) return;
    // Of equal readings at equal times nobody can say which was told.
    const std::set<std::pair<std::int64_t, std::string>> single(told_.single.begin(), told_.single.end());
    const auto is_told = [&](std::size_t i) {
      return is_told_[i] || single.contains({made_[i].time_us, made_[i].value});
    };
    const auto is_crowded = [&](const Made& made) {
      return std::any_of(told_.folded.begin(), told_.folded.end(), [&](const auto& f) {
        return made.time_us >= f.time_us && static_cast<double>(made.time_us) <= f.of.last_time_us();
      });
    };
    std::size_t begin = 0;
    if (asked_.from_us == 0) {
      // A snapshot's subscription begins behind what it was told first, and what else was of that time.
      if (told_.single.empty()) {
        if (!made_.empty() && made_.back().commit > asked_.at) verdict_.missing = "nothing was told";
        return;
      }
      const std::int64_t first_us = told_.single.front().first;
      for (std::size_t i = 0; i < made_.size(); ++i) {
        if (made_[i].time_us == first_us) begin = i + 1;
      }
    }
    // Where late readings came between, one of them may have told the value already: what a viewer that resumes takes
    // for late is by what it was told since.
    const Made* on_time = nullptr;
    std::set<std::string> since;
    std::size_t newest = made_.size();
    for (std::size_t i = 0; i < made_.size(); ++i) {
      const Made& made = made_[i];
      const bool is_change =
          made.is_on_time && (on_time == nullptr || on_time->value != made.value) && !since.contains(made.value);
      if (i >= begin && is_change && !is_told(i) && is_wanted(made) && !is_crowded(made) && verdict_.missing.empty())
        verdict_.missing = "a change was not told: " + name(made);
      if (made.is_on_time) since.clear();
      since.insert(made.value);
      if (made.is_on_time) on_time = &made, newest = i;
    }
    if (newest == made_.size() || newest < begin || is_told(newest) || !is_wanted(made_[newest])) return;
    const bool is_last_folded = !told_.folded.empty() && told_.info.type() == pb::VALUE_TYPE_BOOLEAN &&
                                told_.folded.back().of.last_time_us() == static_cast<double>(made_[newest].time_us);
    if (!is_last_folded && told_.buckets.empty()) verdict_.missing = "the newest was not told: " + name(made_[newest]);
  }

  const View::Series& told_;
  const Asked& asked_;
  const std::vector<Made>& made_;
  std::vector<bool> is_told_;
  Verdict verdict_;
};

}  // namespace hub::seam
