#include "hub/storage/sqlite/partition_expiry.h"

#include <limits>

#include "hub/storage/sqlite/expiry.h"

namespace hub::sqlite {
namespace {

constexpr std::int64_t kGapsEveryUs = 3'600 * 1'000'000LL;

}  // namespace

PartitionExpiry::PartitionExpiry(Retention retention, const base::Clock& clock, const PartitionFolder& folder,
                                 const OpenOptions& options, const base::Id128& epoch, RecentReaders& readers,
                                 Sealer& sealer)
    : retention_(std::move(retention)),
      clock_(clock),
      folder_(folder),
      options_(options),
      epoch_(epoch),
      readers_(readers),
      sealer_(sealer) {}

std::optional<std::int64_t> PartitionExpiry::now() {
  if (!retention_.expires_anything()) return std::nullopt;
  const bool trusted = trust_.is_trusted(clock_);
  halted_ = !trusted;
  return trusted ? std::optional(clock_.now_us()) : std::nullopt;
}

Result<std::size_t> PartitionExpiry::run(const std::function<bool()>& is_ending) {
  const auto now_us = now();
  if (!now_us) return std::size_t{0};
  std::vector<PartitionRecord> partitions;
  std::vector<SummaryRecord> summaries;
  {
    auto reader = readers_.borrow();
    if (!reader) return reader.error();
    auto snapshot = (*reader)->snapshot();
    if (!snapshot) return snapshot.error();
    auto held =
        (*reader)->catalogue().list(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    if (!held) return held.error();
    auto months = (*reader)->catalogue().summaries();
    if (!months) return months.error();
    partitions = expired_partitions(*held, retention_, *now_us);
    summaries = expired_summaries(*months, retention_, *now_us);
  }
  std::size_t given_up = 0;
  for (const auto& partition : partitions) {
    if (is_ending()) return given_up;
    const auto summarised = summarise(partition);
    if (!summarised) return summarised.error();
    auto done =
        sealer_.run([&](RecentDatabase& recent) { return expire_partition(recent, partition.name, *summarised); });
    if (!done) return done.error();
    ++given_up;
  }
  for (const auto& summary : summaries) {
    if (is_ending()) return given_up;
    if (auto done = expire_summary(summary); !done) return done.error();
    ++given_up;
  }
  const auto oldest_us = gap_cut(retention_, *now_us);
  if (oldest_us && (!gaps_cut_ || *oldest_us - *gaps_cut_ >= kGapsEveryUs)) {
    auto done = sealer_.run([&](RecentDatabase& recent) { return recent.expire_gaps(*oldest_us); });
    if (!done) return done.error();
    gaps_cut_ = oldest_us;
  }
  return given_up;
}

/// The generation up to which the day's hours are in its summary now.
Result<std::uint32_t> PartitionExpiry::summarise(const PartitionRecord& record) {
  const PartitionName& name = record.name;
  auto reader = readers_.borrow();
  if (!reader) return reader.error();
  const auto expired = (*reader)->catalogue().find_expired(name.day, name.retention_class);
  if (!expired) return expired.error();
  const std::uint32_t kept = *expired ? (*expired)->summarised : 0;
  auto partition = (*reader)->partition(name);
  if (!partition) return partition.error();
  if (*partition == nullptr) return kept;  // it was answered as a gap until now; its time is over all the same
  const std::int64_t month = month_of_day(name.day);
  const std::string file = summary_file_name(month, name.retention_class);
  auto known = sealer_.run([&](RecentDatabase& recent) -> Result<void> {
    auto transaction = Transaction::begin(recent.connection());
    if (!transaction) return transaction.error();
    if (auto done = recent.partitions().put_summary({month, name.retention_class}); !done) return done;
    if (auto done = recent.partitions().drop_removal(file); !done) return done;
    return transaction->commit();
  });
  if (!known) return known.error();
  auto writer = SummaryWriter::open(folder_.path_of(file), options_, epoch_);
  if (!writer) return writer.error();
  if (auto done = (*writer)->write_day(**partition, kept); !done) return done.error();
  return name.generation;
}

Result<void> PartitionExpiry::expire_summary(const SummaryRecord& summary) {
  const DaySpan days = days_of_month(summary.month);
  return sealer_.run([&](RecentDatabase& recent) -> Result<void> {
    auto transaction = Transaction::begin(recent.connection());
    if (!transaction) return transaction.error();
    auto& catalogue = recent.partitions();
    // Payloads that are younger than their summary may be: the policy says so, and it is the operator's.
    const auto expired = catalogue.expired(days.first, days.last);
    if (!expired) return expired.error();
    for (ExpiredDay day : *expired) {
      if (day.retention_class != summary.retention_class) continue;
      day.summarised = 0;
      if (auto done = catalogue.put_expired(day); !done) return done;
    }
    if (auto done = catalogue.erase_summary(summary); !done) return done;
    if (auto done = catalogue.add_removal(summary_file_name(summary.month, summary.retention_class)); !done)
      return done;
    return transaction->commit();
  });
}

}  // namespace hub::sqlite
