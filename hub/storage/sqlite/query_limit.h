// How long a query may go on.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "hub/storage/cancellation.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

/// What a running query asks between days, buckets and chunks. One thread; the cancellation may come from any.
class QueryLimit {
 public:
  QueryLimit() = default;  // none: for a person's own process, which they can end
  QueryLimit(const base::Clock& clock, std::int64_t deadline_boot_us, Cancellation cancellation)
      : clock_(&clock), deadline_boot_us_(deadline_boot_us), cancellation_(std::move(cancellation)) {}

  /// errc::cancelled or errc::timed_out where it must end.
  Result<void> check() const {
    if (cancellation_.is_cancelled()) return errc::cancelled;
    if (clock_ != nullptr && clock_->boot_us() >= deadline_boot_us_) return errc::timed_out;
    return {};
  }

 private:
  const base::Clock* clock_ = nullptr;
  std::int64_t deadline_boot_us_ = 0;
  Cancellation cancellation_;
};

/// While it lives, SQL on the connection that takes long asks the limit too, and fails with errc::cancelled where that
/// says no. `limit` must outlive it.
class InterruptedSql {
 public:
  InterruptedSql(Database& db, const QueryLimit& limit);
  ~InterruptedSql();
  InterruptedSql(const InterruptedSql&) = delete;
  InterruptedSql& operator=(const InterruptedSql&) = delete;

 private:
  Database& db_;
};

}  // namespace hub::sqlite
