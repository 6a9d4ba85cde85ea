#include "device-agent/link/frame_sender.h"

#include <algorithm>

#include "device-agent/link/printable.h"

namespace agent {
namespace {

constexpr std::size_t kBacklog = 64 * 1024;  // past it, sending waits for acknowledgements
constexpr int kToldRejections = 5;           // a message may name thousands

}  // namespace

void FrameSender::describe(telemetry::v1::Hello& hello) {
  streams_.clear();
  defined_.clear();
  unacked_[0] = unacked_[1] = behind_bytes_ = 0;
  session_acknowledged_ = 0;
  auto all = spool_.streams();
  are_more_held_ = all.size() > hello_streams_;
  if (are_more_held_) all.erase(all.begin() + static_cast<std::ptrdiff_t>(hello_streams_ - 2), all.end() - 2);
  for (const auto& held : all) {
    auto& stream = *hello.add_streams();
    stream.set_epoch(std::string(base::as_chars(held.epoch)));
    stream.set_boot_id(std::string(base::as_chars(held.boot_id)));
    stream.set_lane(static_cast<telemetry::v1::Lane>(held.lane));
    stream.set_first_held(held.first_held);
    stream.set_next(held.next);
    hello.set_boot_id(std::string(base::as_chars(held.boot_id)));  // the last is the current boot's
    streams_.push_back({held, held.first_held, {}, 0});
  }
  live_ = streams_.size() - 2;  // this start's two lanes are always there, last
}

bool FrameSender::next_hello_due() const {
  if (connection_ == nullptr || !are_more_held_) return false;
  // The oldest come first in Hello and in the spool.
  const auto oldest = spool_.streams().front();
  return std::none_of(streams_.begin(), streams_.end() - 2, [&](const Stream& told) {
    return told.spool.epoch == oldest.epoch && told.spool.lane == oldest.lane;
  });
}

bool FrameSender::is_current(const Stream& stream) const {
  return stream.spool.epoch == streams_.back().spool.epoch;
}

/// Nothing past it can be at the hub. Of earlier starts nobody knows: what was sent may be lost here.
std::uint64_t FrameSender::most_sent(const Stream& stream) const {
  return is_current(stream) ? sent_ever_[stream.spool.lane] : UINT64_MAX - 1;
}

std::string FrameSender::welcomed(const telemetry::v1::Welcome& welcome, wire::Connection& connection) {
  if (connection_ != nullptr) return "the hub sent a second Welcome";
  if (welcome.streams_size() != static_cast<int>(streams_.size())) {
    return "the hub's Welcome does not fit the Hello";
  }
  for (int i = 0; i < welcome.streams_size(); ++i) {
    const auto& stream = streams_[static_cast<std::size_t>(i)];
    if (welcome.streams(i).stored() <= most_sent(stream)) continue;
    return "the hub's Welcome claims frame " + std::to_string(welcome.streams(i).stored()) + " of stream " +
           std::to_string(i) + ", which was never sent";
  }
  connection_ = &connection;
  message_limit_ = welcome.message_limit_bytes();
  credit_[0] = welcome.credit_bytes_live();
  credit_[1] = welcome.credit_bytes_backfill();
  last_answer_us_ = clock_.boot_us();
  for (int i = 0; i < welcome.streams_size(); ++i) {
    auto& stream = streams_[static_cast<std::size_t>(i)];
    spool_.acknowledged(stream.spool.epoch, stream.spool.lane, welcome.streams(i).stored());
    stream.next = welcome.streams(i).stored() + 1;
  }
  return {};
}

void FrameSender::ended(std::uint16_t close_code) {
  if (connection_ == nullptr) return;
  connection_ = nullptr;
  if (const auto frame = unreadable_.ended(close_code, under_way())) {
    log_->error("the hub cannot read frame {} (close {}): it becomes a gap", frame->sequence, close_code);
    give_up(*frame);
  }
  streams_.clear();
  live_held_since_us_ = no_credit_since_us_ = 0;
}

void FrameSender::credits(const telemetry::v1::Credits& credits) {
  credit_[0] = credits.live_bytes();
  credit_[1] = credits.backfill_bytes();
  pump();
}

void FrameSender::forget(Stream& stream, std::uint64_t stored) {
  const std::int64_t now = clock_.boot_us();
  const bool is_backfill = &stream != &streams_[live_];
  while (!stream.unacked.empty() && stream.unacked.front().last <= stored) {
    const Sent sent = stream.unacked.front();
    stream.unacked.pop_front();
    unacked_[stream.spool.lane] -= sent.bytes;
    if (is_backfill) {
      behind_bytes_ -= sent.bytes;
      window_.acknowledged(sent.at_us, now, window_was_full_);
    }
    ack_us_ = now - sent.at_us;
    ++session_acknowledged_;
    unreadable_.acknowledged(1);
    last_answer_us_ = now;
  }
  spool_.acknowledged(stream.spool.epoch, stream.spool.lane, stored);
}

std::string FrameSender::acknowledged(const telemetry::v1::FrameAck& ack) {
  if (connection_ == nullptr) return "the hub acknowledges before its Welcome";
  for (const auto& a : ack.streams()) {
    if (a.stream() >= streams_.size()) {
      return "the hub acknowledges stream " + std::to_string(a.stream()) + ", which does not exist";
    }
    auto& stream = streams_[a.stream()];
    if (a.stored() >= stream.next) {
      return "the hub acknowledges frame " + std::to_string(a.stored()) + " of stream " + std::to_string(a.stream()) +
             ", which was never sent";
    }
    forget(stream, a.stored());  // one that goes back says nothing new
  }
  rejected_ += static_cast<std::uint64_t>(ack.rejected_size());
  for (int i = 0; i < std::min(ack.rejected_size(), kToldRejections); ++i) {
    const auto& r = ack.rejected(i);
    log_->warn("the hub refused frame {} of stream {}: {}", r.sequence(), r.stream(), printable(r.detail()));
  }
  pump();
  return {};
}

std::string FrameSender::needs(const telemetry::v1::NeedDefinitions& need) {
  if (connection_ == nullptr) return "the hub asks for definitions before its Welcome";
  if (need.stream() >= streams_.size()) return "the hub asks for definitions of a stream that does not exist";
  auto& stream = streams_[need.stream()];
  const bool is_under_way = std::any_of(stream.unacked.begin(), stream.unacked.end(),
                                        [&need](const Sent& sent) { return sent.last == need.sequence(); });
  if (!is_under_way) {
    // It may have crossed with a request for an earlier frame: that one's answer covers it.
    if (need.sequence() >= stream.next) return {};
    return "the hub asks for definitions of frame " + std::to_string(need.sequence()) + ", which is not under way";
  }
  const telemetry::v1::Definitions known = spool_.definitions(stream.spool.epoch);
  // Definitions that are lost, or did not help: without this the frame would go back and forth for ever.
  const bool told_already = std::exchange(stream.told_for, need.sequence()) == need.sequence();
  const bool defined = std::all_of(need.aliases().begin(), need.aliases().end(), [&known](std::uint32_t alias) {
    return std::any_of(known.definitions().begin(), known.definitions().end(),
                       [alias](const auto& d) { return d.alias() == alias; });
  });
  if (told_already || !defined) {
    log_->error("frame {} of stream {} uses series that nobody can define any more: it becomes a gap", need.sequence(),
                need.stream());
    give_up({stream.spool.epoch, stream.spool.lane, need.sequence()});
  } else {
    std::erase(defined_, stream.spool.epoch);
  }
  while (!stream.unacked.empty() && stream.unacked.back().last >= need.sequence()) {
    unacked_[stream.spool.lane] -= stream.unacked.back().bytes;
    if (!is_live(need.stream())) behind_bytes_ -= stream.unacked.back().bytes;
    stream.unacked.pop_back();
  }
  stream.next = need.sequence();
  pump();
  return {};
}

void FrameSender::pump() {
  if (connection_ == nullptr) return;
  window_was_full_ = false;
  bool has_room = send_from(live_);
  // Of earlier starts the live lane's short tail first.
  for (const std::uint8_t lane : {0, 1}) {
    for (std::size_t i = 0; i < streams_.size() && has_room; ++i) {
      if (streams_[i].spool.lane == lane && !is_live(i)) has_room = send_from(i);
    }
  }
  watch_live();
}

void FrameSender::watch_live() {
  const auto& live = streams_[live_];
  const bool waits = spool_.read(live.spool.epoch, live.spool.lane, live.next).has_value();
  const std::int64_t now = clock_.boot_us();
  live_held_since_us_ = !waits ? 0 : live_held_since_us_ != 0 ? live_held_since_us_ : now;
  const bool no_credit = waits && credit_[0] == 0;
  no_credit_since_us_ = !no_credit ? 0 : no_credit_since_us_ != 0 ? no_credit_since_us_ : now;
}

/// The spool sends a gap `refused` in its place from now on.
void FrameSender::give_up(const FrameKey& frame) {
  ++rejected_;
  spool_.refuse(frame.epoch, frame.lane, frame.sequence);
}

std::vector<FrameKey> FrameSender::under_way() const {
  std::vector<FrameKey> frames;
  for (const auto& stream : streams_) {
    for (const auto& sent : stream.unacked) frames.push_back({stream.spool.epoch, stream.spool.lane, sent.last});
  }
  return frames;
}

std::int64_t FrameSender::unanswered_us() const {
  std::int64_t oldest = INT64_MAX;
  for (const auto& stream : streams_) {
    if (!stream.unacked.empty()) oldest = std::min(oldest, stream.unacked.front().at_us);
  }
  return oldest == INT64_MAX ? 0 : clock_.boot_us() - std::max(oldest, last_answer_us_);
}

/// The hub knows an epoch's aliases for a session: told once, it need not ask. False: not now.
bool FrameSender::define(std::size_t index) {
  const base::Id128& epoch = streams_[index].spool.epoch;
  if (std::find(defined_.begin(), defined_.end(), epoch) != defined_.end()) return true;
  const auto definitions = spool_.definitions(epoch);
  if (definitions.definitions_size() > 0) {
    telemetry::v1::DeviceMessage message;
    *message.mutable_definitions() = definitions;
    message.mutable_definitions()->set_stream(static_cast<std::uint32_t>(index));
    if (connection_->write(message.SerializeAsString())) return false;
  }
  defined_.push_back(epoch);
  return true;
}

bool FrameSender::may_send(std::size_t index) {
  const auto lane = streams_[index].spool.lane;
  if (unacked_[lane] >= credit_[lane]) return false;
  if (is_live(index)) return true;
  window_was_full_ = behind_bytes_ >= window_.bytes();
  return !window_was_full_;
}

/// False: nothing more can be sent now.
bool FrameSender::send_from(std::size_t index) {
  auto& stream = streams_[index];
  while (may_send(index)) {
    if (connection_->backlog_bytes() > kBacklog) return false;
    if (unreadable_.one_at_a_time() && !under_way().empty()) return false;
    auto item = spool_.read(stream.spool.epoch, stream.spool.lane, stream.next);
    if (!item) return true;
    if (!define(index)) return false;
    telemetry::v1::DeviceMessage message;
    const std::size_t size = item->bytes.size();
    if (item->is_gap) {
      auto& gap = *message.mutable_gap();
      if (!gap.ParseFromString(item->bytes)) gap.Clear();
      gap.set_stream(static_cast<std::uint32_t>(index));
      gap.set_first(item->first);
      gap.set_last(item->last);
    } else {
      auto& frame = *message.mutable_frame();
      frame.set_stream(static_cast<std::uint32_t>(index));
      frame.set_sequence(item->first);
      frame.set_body(std::move(item->bytes));
    }
    const std::string bytes = message.SerializeAsString();
    if (!item->is_gap && message_limit_ != 0 && bytes.size() > message_limit_) {
      log_->error("frame {} has {} bytes, more than the hub takes ({}): it becomes a gap", item->first, bytes.size(),
                  message_limit_);
      give_up({stream.spool.epoch, stream.spool.lane, item->first});
      continue;
    }
    if (connection_->write(bytes)) return false;
    sent_bytes_ += bytes.size();
    unacked_[stream.spool.lane] += size;
    if (!is_live(index)) behind_bytes_ += size;
    stream.unacked.push_back({item->last, size, clock_.boot_us()});
    stream.next = item->last + 1;
    if (is_current(stream)) sent_ever_[stream.spool.lane] = std::max(sent_ever_[stream.spool.lane], item->last);
  }
  return true;
}

}  // namespace agent
