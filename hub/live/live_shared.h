// What the sessions of one core share.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/worker.h"
#include "hub/identity/identity.h"
#include "hub/live/backlog_share.h"
#include "hub/live/live_core.h"
#include "hub/live/outbox.h"
#include "hub/live/recent_commits.h"
#include "hub/live/series_router.h"
#include "telemetry/v1/live.pb.h"

namespace hub::live {

class ViewerSession;

/// Core only, but for the counters. Outlives the sessions; implemented by LiveCore.
class LiveShared {
 public:
  LiveShared(boost::asio::any_io_executor core, ReadingsStore& readings_store, DeviceRegistry& registry, Identity& who,
             EventStore& event_store, base::Worker& control_worker, const base::Clock& used_clock,
             const LiveLimits& given_limits)
      : executor(core),
        readings(readings_store),
        devices(registry),
        identity(who),
        events(event_store),
        control(control_worker),
        clock(used_clock),
        limits(given_limits),
        backlogs(given_limits.backlog_total_bytes, given_limits.backlog_bytes, given_limits.history_part_bytes),
        recent(core),
        router(registry, used_clock) {}
  virtual ~LiveShared() = default;

  /// The session has something to write: now or at the next tick.
  virtual void touched(ViewerSession& session) = 0;
  /// Sends what a tier holds before its tick is due: somebody leaves it or joins another.
  virtual void tick_tier(std::size_t tier) = 0;
  /// Somebody listens at another rate: starts the ticks that are needed.
  virtual void tiers_changed() = 0;

  const boost::asio::any_io_executor executor;
  ReadingsStore& readings;
  DeviceRegistry& devices;
  Identity& identity;
  EventStore& events;
  base::Worker& control;
  const base::Clock& clock;
  const LiveLimits limits;
  BacklogShare backlogs;

  RecentCommits recent;
  SeriesRouter router;
  std::array<CommitNumber, kTiers> tier_position{};  // what the last tick had told
  std::uint32_t last_event_id = 0;                   // seen on the bus
  std::size_t lingering = 0;                         // sessions closed as slow that have not heard it yet

  Outbox::Buffers buffers;             // scratch of whoever flushes: thousands do at every tick
  telemetry::v1::LiveMessage trailer;  // likewise

  std::atomic<std::uint64_t> viewers{0}, event_streams{0}, polls{0}, subscriptions{0}, messages_sent{0}, bytes_sent{0},
      slow_closed{0};
};

}  // namespace hub::live
