#include "hub/storage/sqlite/sealer.h"

#include <pthread.h>

#include <chrono>

#include "hub/storage/sqlite/seal_writer.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kMaxExpiries = 16;
/// How often the interval is looked at, and how soon a seal that found the disk full is tried again.
constexpr std::chrono::seconds kLook{1};

}  // namespace

Sealer::Sealer(SealPolicy policy, const base::Clock& clock, std::unique_ptr<RecentDatabase> recent, Journal& journal,
               Tail& tail, std::function<CommitNumber()> rotate, std::function<void(std::string)> on_fatal)
    : policy_(policy),
      clock_(clock),
      recent_(std::move(recent)),
      journal_(journal),
      tail_(tail),
      rotate_(std::move(rotate)),
      on_fatal_(std::move(on_fatal)),
      sealed_through_(recent_->sealed_through()) {}

Sealer::~Sealer() {
  stop();
}

void Sealer::start() {
  if (!tail_.empty()) tail_since_us_ = clock_.boot_us();
  thread_ = std::thread([this] { run(); });
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

void Sealer::expire(std::int64_t before_us, Reply<std::uint64_t> reply) {
  errc refused = errc::ok;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) {
      refused = errc::unavailable;
    } else if (expiries_.size() >= kMaxExpiries) {
      refused = errc::busy;
    } else {
      expiries_.push_back({before_us, std::move(reply)});
    }
  }
  if (refused != errc::ok) return reply(error_code(refused));
  wake_.notify_one();
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

void Sealer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kLook, [this] { return ending_ || nudged_ || !expiries_.empty(); });
    nudged_ = false;
    if (!expiries_.empty()) {
      const auto expiry = std::move(expiries_.front());
      expiries_.pop_front();
      lock.unlock();
      expiry.reply(expire_now(expiry.before_us));
      lock.lock();
      continue;
    }
    if (ending_) return;
    lock.unlock();
    if (!failed_ && std::chrono::steady_clock::now() >= not_before_ && is_due()) seal();
    lock.lock();
  }
}

void Sealer::seal() {
  const CommitNumber through = rotate_();
  if (through <= sealed_through_) return;
  if (auto done = write(through); !done) {
    // A full disk is tried again; anything else says that the file or the disk cannot be trusted.
    if (to_errc(done.error()) == errc::unavailable) {
      not_before_ = std::chrono::steady_clock::now() + kLook;
      return;
    }
    failed_ = true;
    on_fatal_("sealing into recent.db failed: " + std::string(describe(to_errc(done.error())).title));
    return;
  }
  recent_->set_sealed_through(through);
  sealed_through_ = through;
  tail_.trim(through);
  tail_since_us_ = tail_.empty() ? -1 : clock_.boot_us();
  // A commit may have come between the look and the store: its reading then waits from the next commit on, or from
  // here.
  if (!tail_.empty()) {
    std::int64_t none = -1;
    tail_since_us_.compare_exchange_strong(none, clock_.boot_us());
  }
  ++seals_;
  journal_.drop_old(through, clock_.now_us(), policy_.retained_journal_bytes, policy_.retained_journal_us);
}

Result<void> Sealer::write(CommitNumber through) {
  const auto commits = tail_.commits_through(through);
  auto transaction = Transaction::begin(recent_->connection());
  if (!transaction) return transaction.error();
  SealWriter writer(*recent_, through);
  if (auto done = writer.write(commits); !done) return done;
  return transaction->commit();
}

Result<std::uint64_t> Sealer::expire_now(std::int64_t before_us) {
  auto buckets = recent_->chunks().buckets(kMinBucket, bucket_of(before_us));
  if (!buckets) return buckets.error();
  std::uint64_t readings = 0;
  // A transaction a bucket: each is small, and an interrupted expiry has simply expired less.
  for (const std::int64_t bucket : *buckets) {
    auto transaction = Transaction::begin(recent_->connection());
    if (!transaction) return transaction.error();
    auto expired = recent_->chunks().expire(bucket, before_us);
    if (!expired) return expired.error();
    if (auto done = transaction->commit(); !done) return done.error();
    readings += *expired;
  }
  if (auto done = recent_->expire_gaps(before_us); !done) return done.error();
  return readings;
}

}  // namespace hub::sqlite
