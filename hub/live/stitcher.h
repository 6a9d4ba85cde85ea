// Brings some series of one subscription from history through catch-up to where they can go live.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "hub/live/conflator.h"
#include "hub/live/coverage.h"
#include "hub/live/recent_commits.h"
#include "hub/storage/readings_store.h"
#include "wire/connection.h"

namespace hub::live {

/// What is to be stitched. Without history: only what came behind commit `after`.
struct StitchOrder {
  std::uint32_t subscription = 0;
  std::vector<SeriesRecord> series;
  bool announce = false;  // Subscribed first; `added`: they join a subscription that is there
  bool added = false;
  bool restarted = false;  // a resume was impossible
  bool history = false;
  CommitNumber after = 0;
  std::map<SeriesId, CommitNumber> ahead{};  // those that stand elsewhere
  std::int64_t from_us = 0, to_us = 0;       // from_us 0: a snapshot of latest values; to_us 0: goes live
  std::uint32_t width = 0;
  bool conflate = false;  // the viewer is slow: what is caught up comes conflated
};

class Stitcher;

/// One viewer's way out, as its stitchers see it.
class StitchSink {
 public:
  virtual ~StitchSink() = default;
  /// Sends one message once the connection has taken all before it; calls `from.writing()` right before it is written,
  /// so that the position it carries counts what it holds. False: the viewer is gone.
  virtual wire::Awaitable<bool> send(std::string message, Stitcher& from) = 0;
};

/// Core only; stepped by its session's coroutine, a piece of work at a time, so that several take turns. Asks the store
/// page by page and sends at most `part_bytes` at a time, each when the socket is empty, so nothing is held back but
/// what is being sent. Memory: O(series), and one page. Ends when the session drops it (cancel() first: a step in
/// flight then answers `cancelled`). Each reading of the range and of every commit behind is sent exactly once:
/// coverage.h says how.
class Stitcher {
 public:
  enum class Step {
    more,
    at_head,    // everything up to position() is sent: try to attach
    done,       // a closed range: nothing follows
    gone,       // the commits needed are no longer held: only history helps
    failed,     // failure() says why
    cancelled,  // or the viewer is gone
  };
  struct Series {
    SeriesId id{};
    std::uint32_t device = 0;  // index into devices()
    std::uint32_t interval_ms = 0;
    ValueType type{};
    std::int64_t newest_us = 0;  // of what was sent; 0: not known
    std::int64_t latest_us = 0;  // of what the store has
    Coverage coverage;
  };

  Stitcher(StitchOrder order, ReadingsStore& readings, const base::Clock& clock, StitchSink& sink,
           std::size_t part_bytes);

  wire::Awaitable<Step> step();
  void cancel() {
    cancelled_ = true;
    cancellation_.cancel();
  }
  bool cancelled() const { return cancelled_; }

  CommitNumber position() const { return floor_; }
  /// History, if any, is complete, and all series stand at position().
  bool is_catching_up() const { return stage_ == Stage::catch_up && floor_ >= even_from_; }
  bool holds(SeriesId series) const { return find(series) != nullptr; }
  /// Where a viewer that breaks off now may go on; nothing before the history is complete.
  std::optional<CommitNumber> resumable() const;
  void writing() {
    sent_floor_ = is_mid_commit_ ? 0 : floor_;
    answered_ = true;
  }
  /// Its Subscribe has not been answered: whoever cancels it must.
  bool owes_answer() const { return order_.announce && !order_.added && !answered_; }
  /// Its series joined a subscription and the viewer has not heard: whoever cancels it must tell.
  bool owes_announcement() const { return order_.announce && order_.added && !answered_; }
  /// About how many bytes catch_up_with() would make of `commits`.
  std::size_t estimate(const std::vector<CommitPtr>& commits) const;
  /// The rest as one message: what `commits` (all behind position()) hold of these series. Moves position().
  std::string catch_up_with(const std::vector<CommitPtr>& commits);
  /// From here on what is caught up is conflated.
  void conflate() { conflate_ = true; }
  bool conflates() const { return conflate_; }
  /// The catch-up gains nothing on the head: the viewer takes less than comes in.
  bool is_losing_ground() const { return losing_ground_; }

  const std::vector<Series>& series() const { return series_; }
  const DeviceId& device(const Series& series) const { return devices_[series.device]; }
  errc failure() const { return failure_; }

 private:
  enum class Stage { announce, gaps, history, snapshot, latest, catch_up };

  wire::Awaitable<Step> announce();
  wire::Awaitable<Step> gaps();
  wire::Awaitable<Step> history();
  wire::Awaitable<Step> history_buckets(Series& series);
  wire::Awaitable<Step> history_raw(Series& series);
  wire::Awaitable<Step> snapshot();
  wire::Awaitable<Step> latest();
  wire::Awaitable<Step> catch_up();
  wire::Awaitable<bool> refresh_coverage(Step& outcome);
  wire::Awaitable<bool> send_if_large(std::size_t times = 1);
  wire::Awaitable<bool> send_rest();
  wire::Awaitable<Step> retry(error_code error);

  wire::Awaitable<bool> deliver(const Commit& commit);
  void deliver_column(const SeriesColumn& column, CommitNumber commit, std::vector<ReadingRun>& on_time,
                      std::vector<ReadingRun>& late);
  void deliver_gaps(const StoredFrame& frame);
  std::vector<Fragment> take_conflated();
  Series* find(SeriesId id);
  const Series* find(SeriesId id) const;
  CommitNumber lowest() const;
  CommitNumber highest() const;
  void raise(CommitNumber commit);
  void watch_ground(CommitNumber head);

  StitchOrder order_;
  const Cancellation cancellation_ = Cancellation::make();  // of what the store is asked
  ReadingsStore& readings_;
  const base::Clock& clock_;
  StitchSink& sink_;
  const std::size_t part_bytes_;
  std::vector<Series> series_;  // by id
  std::vector<DeviceId> devices_;
  Stage stage_ = Stage::announce;
  std::size_t next_ = 0;               // series or device the stage is at
  std::optional<std::string> cursor_;  // of a raw history's next page
  std::int64_t grid_end_us_ = 0;       // where buckets end
  CommitNumber gaps_floor_ = 0;        // gaps of commits behind it are to be caught up
  std::size_t pages_ = 0;              // since coverage was last raised
  std::int64_t raised_us_ = 0;
  CommitNumber floor_ = 0;       // everything up to here is in what was sent or in assembly_
  CommitNumber sent_floor_ = 0;  // and here, in what was sent
  CommitNumber even_from_ = 0;   // from here on all series stand at floor_
  bool is_mid_commit_ = false, answered_ = false;
  std::string assembly_;  // not sent yet
  std::unordered_map<SeriesId, LatestReading> snapshot_;
  Conflator conflator_;
  std::int64_t ground_us_ = 0;
  CommitNumber ground_lag_ = 0;
  errc failure_ = errc::ok;
  bool conflate_ = false, losing_ground_ = false, cancelled_ = false;
};

}  // namespace hub::live
