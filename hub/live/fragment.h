// Pieces of LiveMessage, serialised: put one behind the other they are one message.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hub/core/reading.h"
#include "hub/devices/device_registry.h"
#include "hub/storage/event_store.h"
#include "hub/storage/readings_store.h"
#include "telemetry/v1/live.pb.h"

namespace hub::live {

namespace pb = telemetry::v1;

/// A serialised LiveMessage holding one thing; shared by all viewers that get it.
using Fragment = std::shared_ptr<const std::string>;

/// Readings [begin, end) of parallel columns of one series.
struct ReadingRun {
  SeriesId series{};
  std::span<const std::int64_t> times;
  const ValueColumn* values = nullptr;
  std::size_t begin = 0, end = 0;
};

/// How many of the run's first readings serialise to about `bytes` at most (at least one, where there is one).
std::size_t fitting(const ReadingRun& run, std::size_t bytes);

/// Appends one SeriesUpdate, or several where two times lie further apart than a 32-bit delta reaches.
void append_update(std::string& out, const ReadingRun& run, bool late, std::uint32_t subscription);

/// What all parts of one subscription's history of a series say.
struct HistoryHead {
  std::uint32_t subscription = 0;
  SeriesId series{};
  std::int64_t from_us = 0, to_us = 0;
  std::uint32_t width = 0;
};
void append_history(std::string& out, const HistoryHead& head, const ReadingRun& run, bool done);
void append_history(std::string& out, const HistoryHead& head, const Buckets& buckets, std::size_t begin,
                    std::size_t end, bool done);
/// Buckets of which a part of about `bytes` holds.
std::size_t fitting(const Buckets& buckets, std::size_t begin, std::size_t bytes);

void append_gap(std::string& out, const Gap& gap);
void append_series(std::string& out, std::uint32_t subscription, std::span<const SeriesRecord> series, bool added);
void append_presence(std::string& out, const PresenceChange& state);

Fragment phase_fragment(std::uint32_t subscription, pb::LivePhase::Phase phase, double tier_hz = 0);
Fragment gap_fragment(const Gap& gap);
Fragment presence_fragment(const PresenceChange& change);
Fragment event_fragment(const Event& event);
Fragment freshness_fragment(SeriesId series, bool stale, std::int64_t since_us);
Fragment error_fragment(std::uint32_t subscription, std::string_view code, std::string_view message);
Fragment pong_fragment(const pb::ViewerPing& ping, std::int64_t now_us);
Fragment hub_fragment(std::uint32_t heartbeat_ms, std::int64_t now_us);

}  // namespace hub::live
