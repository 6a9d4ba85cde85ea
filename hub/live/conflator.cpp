#include "hub/live/conflator.h"

#include <algorithm>
#include <limits>
#include <utility>

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

}  // namespace

void Conflator::Piece::add(const Piece& next) {
  minimum = std::min(minimum, next.minimum);
  maximum = std::max(maximum, next.maximum);
  last = next.last;
  last_us = std::max(last_us, next.last_us);
  sum += next.sum;
  count += next.count;
}

void Conflator::fold(const ReadingRun& run) {
  if (run.begin >= run.end) return;
  Slot& slot = slots_[run.series];
  const auto* numbers = std::get_if<std::vector<double>>(run.values);
  const auto* booleans = std::get_if<std::vector<std::uint8_t>>(run.values);
  if (slot.changes.index() != run.values->index()) {
    std::visit([&](const auto& like) { slot.changes = std::decay_t<decltype(like)>(); }, *run.values);
  }
  if (slot.pieces.empty()) slot.span_us = numbers != nullptr ? span_us_ : std::numeric_limits<std::int64_t>::max();
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
  auto& pieces = slot.pieces;
  const Piece piece{time_us, time_us, number, number, number, number, number, 1};
  if (!pieces.empty() && time_us - pieces.back().first_us < slot.span_us) return pieces.back().add(piece);
  if (pieces.size() == kMaxPieces) {
    for (std::size_t i = 0; i < kMaxPieces / 2; ++i) {
      pieces[i] = pieces[2 * i];
      pieces[i].add(pieces[2 * i + 1]);
    }
    pieces.resize(kMaxPieces / 2);
    slot.span_us *= 2;
  }
  pieces.push_back(piece);
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
    if (slot.pieces.empty()) continue;
    emit(series, encode(series, slot, subscription));
    // Most ticks of most series have one; a burst's memory is not kept.
    if (slot.pieces.size() > 2) slot.pieces = {};
    slot.pieces.clear();
    slot.times.clear();
    clear_values(slot.changes);
    slot.is_crowded = slot.newest_is_change = false;
  }
}

void Conflator::append_pieces(std::string& out, SeriesId series, const Slot& slot, std::uint32_t subscription) {
  pb::LiveMessage message;
  for (const auto& piece : slot.pieces) {
    auto& update = *message.add_updates();
    update.set_series(raw(series));
    update.set_subscription(subscription);
    update.set_time_us(static_cast<double>(piece.first_us));
    auto& conflated = *update.mutable_conflated();
    conflated.set_minimum(piece.minimum);
    conflated.set_maximum(piece.maximum);
    conflated.set_first(piece.first);
    conflated.set_last(piece.last);
    conflated.set_sum(piece.sum);
    conflated.set_count(piece.count);
    conflated.set_last_time_us(static_cast<double>(piece.last_us));
  }
  message.AppendToString(&out);
}

Fragment Conflator::encode(SeriesId series, const Slot& slot, std::uint32_t subscription) {
  const std::size_t type = slot.changes.index();
  std::string out;
  if (type != 0 && !(type == 1 && slot.is_crowded)) {
    append_update(out, {series, slot.times, &slot.changes, 0, slot.times.size()}, false, subscription);
  }
  if (type == 0 || slot.is_crowded) append_pieces(out, series, slot, subscription);
  return std::make_shared<const std::string>(std::move(out));
}

}  // namespace hub::live
