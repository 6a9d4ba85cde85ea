#include "hub/storage/sqlite/sealer.h"

#include <pthread.h>

#include <chrono>
#include <future>

#include "hub/storage/sqlite/seal_writer.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kMaxTasksWaiting = 16;
/// How often the interval is looked at, and how soon a seal that found the disk full is tried again.
constexpr std::chrono::seconds kLook{1};

}  // namespace

Sealer::Sealer(SealPolicy policy, const base::Clock& clock, std::unique_ptr<RecentDatabase> recent, Journal& journal,
               Tail& tail, ReserveFile& reserve, std::function<CommitNumber()> rotate,
               std::function<void(std::string)> on_fatal)
    : policy_(policy),
      clock_(clock),
      recent_(std::move(recent)),
      journal_(journal),
      tail_(tail),
      reserve_(reserve),
      rotate_(std::move(rotate)),
      on_fatal_(std::move(on_fatal)),
      sealed_through_(recent_->sealed_through()) {}

Sealer::~Sealer() {
  stop();
}

void Sealer::start(std::function<void()> on_sealed) {
  on_sealed_ = std::move(on_sealed);
  if (!tail_.empty()) tail_since_us_ = clock_.boot_us();
  thread_ = std::thread([this] { loop(); });
  pthread_setname_np(thread_.native_handle(), "seal");
}

void Sealer::nudge() {
  std::int64_t none = -1;
  tail_since_us_.compare_exchange_strong(none, clock_.boot_us());
  if (!is_due()) return;
  {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
  }
  wake_.notify_one();
}

errc Sealer::post(std::function<void(RecentDatabase&)> task) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return errc::unavailable;
    if (tasks_.size() >= kMaxTasksWaiting) return errc::busy;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
  return errc::ok;
}

Result<void> Sealer::run(const std::function<Result<void>(RecentDatabase&)>& work) {
  std::promise<Result<void>> done;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return errc::unavailable;
    tasks_.push_back([&](RecentDatabase& recent) {
      if (failed_) return done.set_value(errc::unavailable);
      auto result = work(recent);
      if (!result && to_errc(result.error()) == errc::unavailable) reserve_.give_up();
      if (!result && to_errc(result.error()) != errc::unavailable) fail("the catalogue in recent.db", result.error());
      done.set_value(result);
    });
  }
  wake_.notify_one();
  return done.get_future().get();
}

void Sealer::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Sealer::is_due() const {
  const std::int64_t since = tail_since_us_;
  if (since < 0) return false;
  return tail_.bytes() >= policy_.tail_max_bytes || clock_.boot_us() - since >= policy_.interval_us;
}

void Sealer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kLook, [this] { return ending_ || nudged_ || !tasks_.empty(); });
    nudged_ = false;
    if (!tasks_.empty()) {
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task(*recent_);
      lock.lock();
      continue;
    }
    if (ending_) return;
    lock.unlock();
    reserve_.look();
    if (!failed_ && std::chrono::steady_clock::now() >= not_before_ && is_due()) seal();
    lock.lock();
  }
}

void Sealer::seal() {
  // Whatever this seal leaves behind came after this moment, and must not wait longer than the interval from here.
  const std::int64_t began_us = clock_.boot_us();
  const CommitNumber through = rotate_();
  if (through <= sealed_through_) return;
  if (auto done = write(through); !done) {
    // A full disk is tried again; anything else says that the file or the disk cannot be trusted.
    if (to_errc(done.error()) == errc::unavailable) {
      reserve_.give_up();
      ++seals_postponed_;
      not_before_ = std::chrono::steady_clock::now() + kLook;
      return;
    }
    return fail("sealing into recent.db", done.error());
  }
  recent_->set_sealed_through(through);
  sealed_through_ = through;
  tail_.trim(through);
  tail_since_us_ = tail_.empty() ? -1 : began_us;
  // A commit may have come between the look and the store: its reading then waits from the next commit on, or from
  // here.
  if (!tail_.empty()) {
    std::int64_t none = -1;
    tail_since_us_.compare_exchange_strong(none, began_us);
  }
  ++seals_;
  journal_.drop_old(through, clock_.now_us(), policy_.retained_journal_bytes, policy_.retained_journal_us);
  if (on_sealed_) on_sealed_();
}

void Sealer::fail(const std::string& what, const error_code& error) {
  failed_ = true;
  on_fatal_(what + " failed: " + std::string(describe(to_errc(error)).title));
}

Result<void> Sealer::write(CommitNumber through) {
  const auto commits = tail_.commits_through(through);
  auto transaction = Transaction::begin(recent_->connection());
  if (!transaction) return transaction.error();
  SealWriter writer(*recent_, through);
  if (auto done = writer.write(commits); !done) return done;
  return transaction->commit();
}

}  // namespace hub::sqlite
