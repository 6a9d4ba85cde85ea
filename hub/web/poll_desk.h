// The viewer sessions that are held between polls.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/random.h"
#include "hub/web/live_wish.h"
#include "hub/web/poll_mailbox.h"
#include "wire/connection.h"

namespace hub::web {

/// One per hub, shared by its cores: a poll finds its session on whichever core it lies. Thread-safe. At most
/// kPerUser sessions of one user, and as many in all as LiveLimits has viewers; the user's one that was not polled for
/// longest makes room.
class PollDesk {
 public:
  static constexpr std::size_t kPerUser = 16;

  /// Of this credential, asking for the same, at this answer; nothing where it is not held (any more).
  std::shared_ptr<PollMailbox> find(const LiveWish& wish, std::string_view owner) const;
  std::shared_ptr<PollMailbox> open(const std::string& user, const std::string& owner, const LiveWish& wish);
  void remove(const std::string& id);
  std::size_t size() const;
  std::uint64_t next_ticket();  // of a poll that waits

 private:
  struct Held {
    std::string user;
    std::shared_ptr<PollMailbox> mailbox;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Held, std::less<>> held_;  // by id
  base::SystemRandom random_;
  std::atomic<std::uint64_t> tickets_{0};
};

constexpr std::chrono::milliseconds kPollIdle{60'000};

/// The far end of the ViewerSession whose messages `mailbox` holds; on `executor`, a core. Ends by itself where nobody
/// polls for `idle`. Leaves the desk when it goes.
std::unique_ptr<wire::Connection> make_poll_viewer(boost::asio::any_io_executor executor,
                                                   std::shared_ptr<PollMailbox> mailbox, LiveWish wish,
                                                   std::shared_ptr<PollDesk> desk, std::string remote_address,
                                                   std::size_t backlog_bytes,
                                                   std::chrono::milliseconds idle = kPollIdle);

}  // namespace hub::web
