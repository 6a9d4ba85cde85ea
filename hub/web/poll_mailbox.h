// What waits for the next poll of one held viewer session.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "hub/web/live_batch.h"

namespace hub::web {

/// Between a viewer session, on its core, and the polls for it, on any. Thread-safe. Each answer with messages has the
/// next number and is kept until a poll says that it has arrived: one that got lost is given again, so nothing is lost
/// and nothing told twice. Bounded: the session looks at waiting_bytes() before it writes more; an answer takes at most
/// kAnswerBytes and one batch.
class PollMailbox {
 public:
  static constexpr std::size_t kAnswerBytes = 256 * 1024;
  using Wake = std::function<void()>;

  /// `id` is unguessable; `owner` the credential that it is for; `same` what its polls ask for.
  PollMailbox(std::string id, std::string owner, std::string same);

  const std::string& id() const { return id_; }

  // The session's side.
  /// `on_taken` is called with the mailbox locked, from any thread, when everything that waited was taken, or when the
  /// session is to end; until close().
  void open(Wake on_taken);
  void put(LiveBatch batch);
  /// The first reason stays. Without `leaves` the session is held on: what waits is still fetched.
  void end(LiveEnd why, bool leaves = true);
  void close();
  /// What a poll is woken for; the greeting alone is not, so the session does not wait until it was taken.
  std::size_t waiting_bytes() const;
  bool is_ended() const;
  bool is_left() const;  // ended, and not held on
  /// Since the last poll left; zero while one waits.
  std::chrono::steady_clock::duration idle_for() const;

  // The polls' side.
  /// Whether a poll of this credential that asks for the same, and has answer `number`, goes on here.
  bool is_for(std::string_view owner, std::string_view same, std::uint64_t number) const;
  /// Calls `wake` once there is something to answer, at once where there is. A poll that waits already is woken, with
  /// nothing: at most one waits.
  void wait(std::uint64_t ticket, std::uint64_t number, Wake wake);
  /// Wakes the poll with this ticket if it waits still.
  void give_up(std::uint64_t ticket);
  /// The answer to a poll that has answer `number`: JSON. Nothing where another poll was answered meanwhile.
  std::optional<std::string> take(std::uint64_t number);

 private:
  struct Waiting {
    std::uint64_t ticket = 0;
    Wake wake;
  };

  bool has_answer(std::uint64_t number) const;
  Wake to_wake();

  const std::string id_, owner_, same_;
  mutable std::mutex mutex_;
  Wake on_taken_;
  std::deque<LiveBatch> batches_;
  std::size_t bytes_ = 0;  // of those worth waking a poll
  bool is_worth_waking_ = false;
  std::optional<LiveEnd> end_;
  bool is_left_ = false;
  LivePosition position_;  // behind the last answer
  std::string phase_;
  std::uint64_t number_ = 0;  // of the last answer
  std::string answer_;        // that one, until it is known to have arrived
  std::optional<Waiting> waiting_;
  std::chrono::steady_clock::time_point polled_;
};

}  // namespace hub::web
