// The hub's two links, as docs/protocol.md and docs/live.md describe them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "websocket_session.h"

namespace bench {

/// What a device sends: one string series with a payload as everybody's, or number series whose value is the time.
struct Readings {
  std::size_t payload_bytes = 200;
  unsigned numbers = 0;  // series of numbers; 0: the string series

  std::string pattern() const { return numbers == 0 ? "bench.text" : "bench.n*"; }
  std::string serialized_definitions() const;  // of a Definitions message for stream 0
  std::string serialized_body(std::int64_t stamp_ns, bool with_definitions) const;
};

/// A device's side of its stream, which outlives its connections: what the hub has not acknowledged is sent again.
/// Holds at most kMaxHeld frames; past that no new ones are made.
class DeviceStream {
 public:
  static constexpr std::size_t kMaxHeld = 4'096;

  DeviceStream(Readings readings, std::uint64_t seed);

  /// Makes the next frame; false where too many are held.
  bool make(std::int64_t stamp_ns);
  /// Frames up to here are the hub's.
  void acknowledged(std::uint64_t sequence);
  /// What the hub says at Welcome that it has. False: it has less than it had acknowledged.
  bool resumed(std::uint64_t stored);

  struct Held {
    std::uint64_t sequence;
    std::string message;  // a DeviceMessage
  };
  const std::deque<Held>& held() const { return held_; }
  std::size_t held_bytes() const { return held_bytes_; }
  std::uint64_t made() const { return next_ - 1; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::string hello() const;
  const Readings& readings() const { return readings_; }

 private:
  const Readings readings_;
  std::string epoch_, process_, boot_;
  std::uint64_t next_ = 1, acknowledged_ = 0;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
};

/// A device's connection. Ready once the hub has acknowledged a frame: its series exist then.
class HubDeviceSession final : public WebSocketSession {
 public:
  /// `token`: the device's own, or with `device` an API token with the scope ingest.
  HubDeviceSession(DeviceStream& stream, const std::string& token, const std::string& device);

  bool is_ready() const override { return welcomed_ && stream_.acknowledged() > 0; }
  bool is_welcomed() const { return welcomed_; }
  bool publish(std::int64_t stamp_ns, std::string& out) override;

 private:
  void opened(std::string& out) override;
  bool message(std::string_view payload, std::string& out, Receipts& receipts) override;

  DeviceStream& stream_;
  bool welcomed_ = false;
};

/// From when a viewer's latencies count: when the message was due at its publisher, or when the hub had it on disk.
enum class Since : std::uint8_t { due, commit };

/// A viewer of one device's series, every reading, without history. `position`: where it goes on, and is kept up to
/// date.
class HubViewerSession final : public WebSocketSession {
 public:
  HubViewerSession(const std::string& token, std::string device, std::string pattern, std::string* position = nullptr,
                   Since since = Since::due);

  bool is_ready() const override { return live_; }
  bool publish(std::int64_t, std::string&) override { return false; }

 private:
  void opened(std::string& out) override;
  bool message(std::string_view payload, std::string& out, Receipts& receipts) override;

  const std::string device_, pattern_;
  std::string* const position_;
  const Since since_;
  bool live_ = false;
};

}  // namespace bench
