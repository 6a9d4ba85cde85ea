#include "hub/live/conflator.h"

#include <algorithm>

namespace hub::live {
namespace {

void push(ValueColumn& column, const ValueColumn& from, std::size_t i) {
  std::visit(
      [&](auto& to) {
        using Column = std::decay_t<decltype(to)>;
        to.push_back(std::get<Column>(from)[i]);
      },
      column);
}
void pop(ValueColumn& column) {
  std::visit([](auto& values) { values.pop_back(); }, column);
}
void clear_values(ValueColumn& column) {
  std::visit([](auto& values) { values.clear(); }, column);
}

void fill(pb::Conflated& out, double minimum, double maximum, double first, double last, double sum,
          std::uint32_t count, std::int64_t last_us) {
  out.set_minimum(minimum);
  out.set_maximum(maximum);
  out.set_first(first);
  out.set_last(last);
  out.set_sum(sum);
  out.set_count(count);
  out.set_last_time_us(static_cast<double>(last_us));
}

}  // namespace

void Conflator::fold(const ReadingRun& run) {
  if (run.begin >= run.end) return;
  Slot& slot = slots_[run.series];
  const auto* numbers = std::get_if<std::vector<double>>(run.values);
  const auto* booleans = std::get_if<std::vector<std::uint8_t>>(run.values);
  if (slot.changes.index() != run.values->index()) {
    std::visit([&](const auto& like) { slot.changes = std::decay_t<decltype(like)>(); }, *run.values);
  }
  for (std::size_t i = run.begin; i < run.end; ++i) {
    if (numbers != nullptr) {
      fold_number(slot, run.times[i], (*numbers)[i]);
    } else {
      fold_change(slot, run.times[i], *run.values, i);
      fold_number(slot, run.times[i], booleans != nullptr ? ((*booleans)[i] != 0 ? 1.0 : 0.0) : 0.0);
    }
  }
}

void Conflator::fold_number(Slot& slot, std::int64_t time_us, double number) {
  if (slot.count == 0) {
    slot.first_us = slot.last_us = time_us;
    slot.minimum = slot.maximum = slot.first = number;
    slot.sum = 0;
  }
  slot.minimum = std::min(slot.minimum, number);
  slot.maximum = std::max(slot.maximum, number);
  slot.last = number;
  slot.last_us = std::max(slot.last_us, time_us);
  slot.sum += number;
  ++slot.count;
}

void Conflator::fold_change(Slot& slot, std::int64_t time_us, const ValueColumn& values, std::size_t i) {
  Value value = value_at(values, i);
  const bool is_change = !slot.last_value || *slot.last_value != value;
  const auto give_up_newest = [&slot] {
    slot.times.pop_back();
    pop(slot.changes);
  };
  // A reading that changes nothing holds its place only until the next: it says that time went on.
  if (!slot.times.empty() && !slot.newest_is_change) give_up_newest();
  if (is_change && slot.times.size() == kMaxChanges) {
    slot.is_crowded = true;
    give_up_newest();
  }
  slot.times.push_back(time_us);
  push(slot.changes, values, i);
  slot.newest_is_change = is_change;
  slot.last_value = std::move(value);
}

void Conflator::drain(std::uint32_t subscription, const std::function<void(SeriesId, Fragment)>& emit) {
  for (auto& [series, slot] : slots_) {
    if (slot.count == 0) continue;
    emit(series, encode(series, slot, subscription));
    slot.count = 0;
    slot.times.clear();
    clear_values(slot.changes);
    slot.is_crowded = slot.newest_is_change = false;
  }
}

Fragment Conflator::encode(SeriesId series, const Slot& slot, std::uint32_t subscription) {
  const std::size_t type = slot.changes.index();
  std::string out;
  if (type != 0 && !(type == 1 && slot.is_crowded)) {
    append_update(out, {series, slot.times, &slot.changes, 0, slot.times.size()}, false, subscription);
  }
  if (type == 0 || slot.is_crowded) {
    pb::LiveMessage message;
    auto& update = *message.add_updates();
    update.set_series(raw(series));
    update.set_subscription(subscription);
    update.set_time_us(static_cast<double>(slot.first_us));
    fill(*update.mutable_conflated(), slot.minimum, slot.maximum, slot.first, slot.last, slot.sum, slot.count,
         slot.last_us);
    message.AppendToString(&out);
  }
  return std::make_shared<const std::string>(std::move(out));
}

}  // namespace hub::live
