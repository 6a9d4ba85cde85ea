// The frames of one link: which is sent when, what is under way, and what the hub's answers mean for the spool.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device-agent/link/backfill_window.h"
#include "device-agent/link/unreadable_frame.h"
#include "device-agent/spool/spool.h"
#include "wire/connection.h"

namespace agent {

/// Lives with its Link, on the agent's thread; over sessions. Frames are sent in order of their stream: this start's
/// live lane first, then all others within the backfill's window; each within the hub's credits and 64 KiB of unsent
/// bytes, so that what is under way is bounded. The hub is not believed blindly: what it acknowledges or asks for must
/// have been sent. Otherwise the call answers what is wrong (empty: nothing) and forgets nothing; the session should
/// end.
class FrameSender {
 public:
  /// Streams in one Hello: some 50 bytes each, beside the commands. A hub may be set to take 16 KiB a message.
  static constexpr std::size_t kHelloStreams = 128;

  FrameSender(Spool& spool, const base::Clock& clock, std::shared_ptr<spdlog::logger> log,
              std::size_t hello_streams = kHelloStreams)
      : spool_(spool), clock_(clock), log_(std::move(log)), hello_streams_(hello_streams) {}

  /// A session begins: this start's two lanes into its Hello, and the oldest of the earlier starts' that fit. An agent
  /// that was started more often while the hub was away sends the rest in later sessions: see next_hello_due().
  void describe(telemetry::v1::Hello& hello);
  /// All that this session's Hello named of earlier starts is at the hub, and the spool holds more.
  bool next_hello_due() const;
  /// Sends nothing yet: pump() does. `connection` is used until ended().
  std::string welcomed(const telemetry::v1::Welcome& welcome, wire::Connection& connection);
  /// The session is over; `close_code` as in UnreadableFrame.
  void ended(std::uint16_t close_code);

  std::string acknowledged(const telemetry::v1::FrameAck& ack);
  std::string needs(const telemetry::v1::NeedDefinitions& need);
  void credits(const telemetry::v1::Credits& credits);
  /// Sends what may be sent now.
  void pump();

  /// What is measured now would be sent soon. Otherwise it belongs into the backfill: the live lane, kept in order,
  /// would hold it back behind all that waits there.
  bool is_live_flowing() const {
    return live_held_since_us_ == 0 || clock_.boot_us() - live_held_since_us_ < kLiveHeldUs;
  }
  /// For how long the hub has acknowledged nothing of what is under way; 0 where nothing is.
  std::int64_t unanswered_us() const;
  /// For how long frames have waited for credits that the hub does not give; 0 where they do not.
  std::int64_t without_credit_us() const {
    return no_credit_since_us_ == 0 ? 0 : clock_.boot_us() - no_credit_since_us_;
  }

  std::uint64_t sent_bytes() const { return sent_bytes_; }
  std::uint64_t rejected_frames() const { return rejected_; }
  /// Frames acknowledged by this session.
  std::uint64_t acknowledged_frames() const { return session_acknowledged_; }
  /// From sending to acknowledgement, of the last frame; 0: none yet.
  std::int64_t ack_us() const { return ack_us_; }

 private:
  static constexpr std::int64_t kLiveHeldUs = 5'000'000;

  struct Sent {
    std::uint64_t last = 0;  // sequence
    std::size_t bytes = 0;
    std::int64_t at_us = 0;
  };
  struct Stream {
    Spool::Stream spool;
    std::uint64_t next = 1;      // to be sent
    std::deque<Sent> unacked;    // bounded by the credit
    std::uint64_t told_for = 0;  // the frame that definitions were last asked for
  };
  bool is_current(const Stream& stream) const;
  bool is_live(std::size_t index) const { return index == live_; }
  void forget(Stream& stream, std::uint64_t stored);
  std::uint64_t most_sent(const Stream& stream) const;
  bool define(std::size_t index);
  bool may_send(std::size_t index);
  bool send_from(std::size_t index);
  void watch_live();
  void give_up(const FrameKey& frame);
  std::vector<FrameKey> under_way() const;

  Spool& spool_;
  const base::Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  const std::size_t hello_streams_;
  bool are_more_held_ = false;  // than this session's Hello named
  wire::Connection* connection_ = nullptr;
  std::vector<Stream> streams_;
  std::size_t live_ = 0;                 // index of this start's live lane
  std::uint64_t sent_ever_[2] = {0, 0};  // of this start's lanes, whatever session
  std::vector<base::Id128> defined_;     // epochs whose series this session knows; ≤ streams_
  UnreadableFrame unreadable_;
  BackfillWindow window_;
  bool window_was_full_ = false;
  std::size_t message_limit_ = 0;                         // 0: the hub says none
  std::size_t credit_[2] = {0, 0}, unacked_[2] = {0, 0};  // by lane
  std::size_t behind_bytes_ = 0;                          // under way, but for the live ones
  std::int64_t last_answer_us_ = 0, live_held_since_us_ = 0, no_credit_since_us_ = 0;
  std::int64_t ack_us_ = 0;
  std::uint64_t sent_bytes_ = 0, rejected_ = 0, session_acknowledged_ = 0;
};

}  // namespace agent
