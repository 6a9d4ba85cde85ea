// What a viewer session writes, put together to what a client of the fallbacks takes in one piece.
#pragma once

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "hub/web/live_position.h"
#include "telemetry/v1/live.pb.h"

namespace hub::web {

/// Why a stream ends. The codes are those of the WebSocket link; 1000: what was asked for is complete.
struct LiveEnd {
  std::uint16_t code = 0;
  std::string reason;

  /// Whether the client is to come again (with its position): not after 1000, 1007 and 4000 … 4099.
  bool is_to_come_again() const;
  bool is_to_back_off() const { return code >= 4100 && code < 4200; }
  std::string to_json() const;  // {"code", "reason", "again"}
};

/// Messages and the position behind all of them: whoever has the one has the other.
struct LiveBatch {
  std::string messages;  // objects as append_messages() writes them
  LivePosition position;
  double sent_us = 0, commit_us = 0;  // commit: 0 where there is none
  std::string phase;                  // of the subscription behind it; empty before the first
  bool is_worth_waking = false;       // there is more in it than the hub's greeting

  void append(LiveBatch later);
  /// {"messages", "position", "event_id", "phase", "sent", "commit"} without the closing brace.
  std::string to_json_begin() const;
};

/// Core only; of one viewer. A session may write several messages in one go and put the position on the last only:
/// until that one comes they are held, so that no client can take a part of them and then resume from before it.
/// Bounded by what a session writes in one go.
class LiveBatcher {
 public:
  LiveBatcher(bool happenings, bool ends_with_history)
      : happenings_(happenings), ends_with_history_(ends_with_history) {}

  /// One message, as its fragments. False: it is none.
  bool add(std::span<const boost::asio::const_buffer> fragments);
  /// What is complete, once.
  std::optional<LiveBatch> take();
  /// What was added ends the stream: its one subscription is over.
  const std::optional<LiveEnd>& end() const { return end_; }

 private:
  void look_at(const telemetry::v1::LiveMessage& message);

  const bool happenings_, ends_with_history_;
  telemetry::v1::LiveMessage message_;  // its memory is reused
  std::string joined_;
  LiveBatch batch_;
  bool is_complete_ = false, is_subscribed_ = false;
  std::optional<LiveEnd> end_;
};

}  // namespace hub::web
