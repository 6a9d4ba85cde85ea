#include "hub/web/poll_desk.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/bytes.h"
#include "wire/errc.h"

namespace hub::web {
namespace {

constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Wakes what waits on the session's core; shared, so that what is posted from another may come too late.
struct Wakes {
  explicit Wakes(const boost::asio::any_io_executor& executor) : ended(executor), drained(executor) {
    drained.expires_at(boost::asio::steady_timer::time_point::max());
  }
  boost::asio::steady_timer ended, drained;
};

class PollViewer final : public wire::Connection {
 public:
  PollViewer(boost::asio::any_io_executor executor, std::shared_ptr<PollMailbox> mailbox, LiveWish wish,
             std::shared_ptr<PollDesk> desk, std::string remote_address, std::size_t backlog_bytes,
             std::chrono::milliseconds idle)
      : executor_(std::move(executor)),
        mailbox_(std::move(mailbox)),
        wish_(std::move(wish)),
        desk_(std::move(desk)),
        remote_address_(std::move(remote_address)),
        backlog_limit_(backlog_bytes),
        idle_(idle),
        batcher_(wish_.happenings, wish_.subscribe.to_us() != 0),
        wakes_(std::make_shared<Wakes>(executor_)) {
    // Called from other cores, with the mailbox locked and so before close() below: this core is there then.
    mailbox_->open([core = executor_, weak = std::weak_ptr<Wakes>(wakes_)] {
      boost::asio::post(core, [weak] {
        const auto wakes = weak.lock();
        if (!wakes) return;
        wakes->ended.cancel();
        wakes->drained.cancel();
      });
    });
  }

  ~PollViewer() override {
    mailbox_->close();
    desk_->remove(mailbox_->id());
  }

  wire::Awaitable<wire::error_code> read(std::string& message) override {
    telemetry::v1::ViewerMessage said;
    if (asked_ == 0) {
      *said.mutable_hello() = wish_.hello;
    } else if (asked_ == 1) {
      *said.mutable_subscribe() = wish_.subscribe;
    } else {
      co_return co_await ended();
    }
    ++asked_;
    message = said.SerializeAsString();
    co_return wire::error_code{};
  }

  wire::error_code write(std::span<const boost::asio::const_buffer> fragments) override {
    if (mailbox_->is_left()) return wire::errc::closed;
    if (mailbox_->is_ended()) return {};  // held on until the end was fetched; nothing follows it
    if (mailbox_->waiting_bytes() > backlog_limit_) return wire::errc::backlog_full;
    if (!batcher_.add(fragments)) return wire::errc::malformed;
    if (auto batch = batcher_.take()) mailbox_->put(std::move(*batch));
    if (batcher_.end()) mailbox_->end(*batcher_.end(), false);
    return {};
  }

  std::size_t backlog_bytes() const override { return mailbox_->waiting_bytes(); }

  wire::Awaitable<wire::error_code> drained() override {
    for (;;) {
      if (mailbox_->is_ended()) co_return wire::errc::closed;
      if (mailbox_->waiting_bytes() == 0) co_return wire::error_code{};
      const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != boost::asio::cancellation_type::none) {
        co_return boost::asio::error::operation_aborted;
      }
      co_await wakes_->drained.async_wait(kWait);
    }
  }

  wire::Awaitable<void> close(wire::CloseReason reason, std::chrono::milliseconds) override {
    mailbox_->end({reason.code, std::move(reason.reason)});
    co_return;
  }
  void abort() override { mailbox_->end({1006, "lost"}); }

  boost::asio::any_io_executor executor() override { return executor_; }
  std::string remote_address() const override { return remote_address_; }
  wire::CloseReason peer_close() const override { return {1006, ""}; }
  std::string subprotocol() const override { return {}; }

 private:
  wire::Awaitable<wire::error_code> ended() {
    for (;;) {
      if (mailbox_->is_left()) co_return wire::errc::closed;
      const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != boost::asio::cancellation_type::none) {
        co_return boost::asio::error::operation_aborted;
      }
      const auto idle = mailbox_->idle_for();
      if (idle >= idle_) co_return wire::errc::timed_out;
      wakes_->ended.expires_after(idle_ - idle);
      co_await wakes_->ended.async_wait(kWait);
    }
  }

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<PollMailbox> mailbox_;
  const LiveWish wish_;
  const std::shared_ptr<PollDesk> desk_;
  const std::string remote_address_;
  const std::size_t backlog_limit_;
  const std::chrono::milliseconds idle_;
  LiveBatcher batcher_;
  const std::shared_ptr<Wakes> wakes_;
  int asked_ = 0;
};

}  // namespace

std::shared_ptr<PollMailbox> PollDesk::find(const LiveWish& wish, std::string_view owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(wish.position.session);
  if (found == held_.end() || !found->second.mailbox->is_for(owner, wish.same, wish.position.number)) return nullptr;
  return found->second.mailbox;
}

std::shared_ptr<PollMailbox> PollDesk::open(const std::string& user, const std::string& owner, const LiveWish& wish) {
  const auto bytes = random_.next_id();
  auto mailbox = std::make_shared<PollMailbox>(base::to_base64url(base::as_chars(bytes)), owner, wish.same);
  std::shared_ptr<PollMailbox> leaves;
  {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& [id, held] : held_) {
      if (held.user != user) continue;
      ++count;
      if (!leaves || held.mailbox->idle_for() > leaves->idle_for()) leaves = held.mailbox;
    }
    if (count < kPerUser) leaves = nullptr;
    if (leaves) held_.erase(leaves->id());
    held_.emplace(mailbox->id(), Held{user, mailbox});
  }
  if (leaves) leaves->end({4200, "too many polling sessions"});
  return mailbox;
}

void PollDesk::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  held_.erase(id);
}

std::uint64_t PollDesk::next_ticket() {
  return ++tickets_;
}

std::size_t PollDesk::size() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

std::unique_ptr<wire::Connection> make_poll_viewer(boost::asio::any_io_executor executor,
                                                   std::shared_ptr<PollMailbox> mailbox, LiveWish wish,
                                                   std::shared_ptr<PollDesk> desk, std::string remote_address,
                                                   std::size_t backlog_bytes, std::chrono::milliseconds idle) {
  return std::make_unique<PollViewer>(std::move(executor), std::move(mailbox), std::move(wish), std::move(desk),
                                      std::move(remote_address), backlog_bytes, idle);
}

}  // namespace hub::web
