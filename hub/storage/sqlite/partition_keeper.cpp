#include "hub/storage/sqlite/partition_keeper.h"

#include <pthread.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "hub/storage/sqlite/day_placement.h"
#include "hub/storage/sqlite/storage_forecast.h"

namespace hub::sqlite {
namespace {

constexpr std::chrono::seconds kLookEvery{1}, kTryAgain{10};
constexpr unsigned kLooksPerReport = 60;  // missing files are noticed once a minute
constexpr std::int64_t kFirstDay = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLastDay = std::numeric_limits<std::int64_t>::max();

}  // namespace

PartitionKeeper::PartitionKeeper(PartitionPolicy policy, const base::Clock& clock, const DataFolder& data,
                                 const PartitionFolder& folder, OpenOptions options, const base::Id128& epoch,
                                 RecentReaders& readers, Sealer& sealer)
    : policy_(std::move(policy)),
      clock_(clock),
      data_(data),
      folder_(folder),
      options_(options),
      epoch_(epoch),
      readers_(readers),
      sealer_(sealer),
      expiry_(policy_.retention, clock, folder, options, epoch, readers, sealer) {}

PartitionKeeper::~PartitionKeeper() {
  stop();
}

void PartitionKeeper::start() {
  thread_ = std::thread([this] { loop(); });
  pthread_setname_np(thread_.native_handle(), "partitions");
}

void PartitionKeeper::nudge() {
  {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
  }
  wake_.notify_one();
}

void PartitionKeeper::remove_soon() {
  removals_changed_ = true;
  nudge();
}

void PartitionKeeper::stop() {
  ending_ = true;
  nudge();
  if (thread_.joinable()) thread_.join();
}

void PartitionKeeper::report(StoreStatus& status) const {
  const std::lock_guard lock(mutex_);
  status.partitions = partitions_;
  status.partition_bytes = partition_bytes_;
  status.compactions = compactions_;
  status.compacted_through = compacted_through_;
  status.forecast = forecast_;
  status.retention_halted = expiry_.is_halted();
  status.warning = unreadable_.empty() ? trouble_ : unreadable_;
}

void PartitionKeeper::loop() {
  while (!ending_) {
    look();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kLookEvery, [this] { return ending_ || nudged_; });
    nudged_ = false;
  }
}

void PartitionKeeper::look() {
  if (auto done = remove_files(); !done) tell_trouble("old partitions could not be removed", done.error());
  const std::uint64_t findings = folder_.findings();
  bool changed = looks_++ % kLooksPerReport == 0 || findings != findings_reported_;
  findings_reported_ = findings;
  CommitNumber seen = 0;
  compact_days(seen, changed);
  const auto expired = expiry_.run([this] { return ending_.load(); });
  if (!expired) {
    tell_trouble("old readings could not be expired", expired.error());
  } else if (*expired > 0) {
    removals_changed_ = changed = true;
  }
  if (changed) {
    if (auto done = refresh_report(); !done) tell_trouble("the catalogue could not be read", done.error());
  }
  if (auto done = remove_files(); !done) tell_trouble("old partitions could not be removed", done.error());
  const std::lock_guard lock(mutex_);
  compacted_through_ = std::max(compacted_through_, seen);
}

void PartitionKeeper::compact_days(CommitNumber& seen, bool& changed) {
  while (!ending_) {
    auto due = next_due(seen);
    if (!due) return tell_trouble("recent.db could not be read for compaction", due.error());
    if (!*due) return;
    const PartitionName& name = **due;
    const auto done = compact(name);
    changed = true;
    classes_.erase(name.day);
    if (done && *done == TakenUp::yes) {
      const std::lock_guard lock(mutex_);
      ++compactions_;
      trouble_.clear();
      continue;
    }
    if (!done) tell_trouble("partitions/" + name.to_text() + " could not be made", done.error());
    not_before_[name.day] = std::chrono::steady_clock::now() + (done ? kLookEvery : kTryAgain);
  }
}

/// A day that failed lately.
bool PartitionKeeper::is_waiting(std::int64_t day) {
  const auto wait = not_before_.find(day);
  if (wait == not_before_.end()) return false;
  if (std::chrono::steady_clock::now() < wait->second) return true;
  not_before_.erase(wait);
  return false;
}

Result<std::optional<PartitionName>> PartitionKeeper::next_due(CommitNumber& seen) {
  const auto expiry_now = expiry_.now();
  auto reader = readers_.borrow();
  if (!reader) return reader.error();
  auto snapshot = (*reader)->snapshot();
  if (!snapshot) return snapshot.error();
  std::optional<PartitionName> none;
  if (data_.free_bytes() >= policy_.free_bytes_wanted) {
    auto buckets = (*reader)->chunks().buckets(kMinBucket, kMaxBucket);
    if (!buckets) return buckets.error();
    std::set<std::int64_t> days;
    for (const std::int64_t bucket : *buckets) days.insert(day_of_bucket(bucket));
    for (const std::int64_t day : days) {
      if (is_waiting(day)) continue;
      if (!is_over(day, expiry_now)) continue;
      const auto classes = classes_of(**reader, day, snapshot->sealed_through);
      if (!classes) {
        if (to_errc(classes.error()) == errc::storage_damaged) continue;  // its file may come back
        return classes.error();
      }
      for (const auto& one : *classes) {
        auto due = generation_due(**reader, day, one, expiry_now);
        if (!due || *due) return due;
      }
    }
  }
  seen = snapshot->sealed_through;
  return none;
}

/// Whether anything of the day may become a partition: by the clock, or by that of expiry where that is ahead of it.
bool PartitionKeeper::is_over(std::int64_t day, std::optional<std::int64_t> expiry_now) const {
  const std::int64_t end_us = span_of_day(day).to_us;
  return clock_.now_us() - policy_.grace_us >= end_us || (expiry_now && end_us <= *expiry_now);
}

Result<std::set<std::string>> PartitionKeeper::classes_of(RecentReader& reader, std::int64_t day, CommitNumber seal) {
  if (seal != classes_seal_) classes_.clear();
  classes_seal_ = seal;
  if (const auto known = classes_.find(day); known != classes_.end()) return known->second;
  auto placement = DayPlacement::open(reader, day, policy_.class_of);
  if (!placement) return placement.error();
  auto found = placement->classes();
  if (found) classes_[day] = *found;
  return found;
}

Result<std::optional<PartitionName>> PartitionKeeper::generation_due(RecentReader& reader, std::int64_t day,
                                                                     const std::string& retention_class,
                                                                     std::optional<std::int64_t> expiry_now) {
  const std::int64_t now_us = clock_.now_us(), end_us = span_of_day(day).to_us;
  const auto cut = expiry_now ? expiry_cut(policy_.retention.of(retention_class), *expiry_now) : std::nullopt;
  const bool goes = cut && end_us <= *cut;  // it expires as a file, so it must become one first
  if (!goes && now_us - policy_.grace_us < end_us) return std::optional<PartitionName>();
  const auto held = reader.catalogue().find(day, retention_class);
  if (!held) return held.error();
  PartitionName name{day, retention_class, 1};
  if (*held) {
    // A clock that was ahead must not hold late readings back for years.
    const std::int64_t age_us = now_us - (*held)->made_at_us;
    if (!goes && age_us >= 0 && age_us < policy_.late_us) return std::optional<PartitionName>();
    if (folder_.is_unreadable((*held)->name.to_text())) return std::optional<PartitionName>();
    name.generation = (*held)->name.generation + 1;
  }
  const auto expired = reader.catalogue().find_expired(day, retention_class);
  if (!expired) return expired.error();
  if (*expired) name.generation = std::max(name.generation, (*expired)->generation + 1);
  return std::optional(name);
}

Result<TakenUp> PartitionKeeper::compact(const PartitionName& name) {
  const std::string file = name.to_text();
  // First of all the file is listed for removal: a crash before the catalogue takes it up leaves what is known rubbish.
  auto listed = sealer_.run([&](RecentDatabase& recent) -> Result<void> {
    auto transaction = Transaction::begin(recent.connection());
    if (!transaction) return transaction.error();
    if (auto done = recent.partitions().add_removal(file); !done) return done;
    return transaction->commit();
  });
  if (!listed) return listed.error();
  removals_changed_ = true;
  Result<BuiltPartition> built = errc::internal;
  {
    auto reader = readers_.borrow();
    if (!reader) return reader.error();
    Compaction compaction(**reader, folder_, options_, epoch_, policy_.class_of, [this] { return ending_.load(); });
    built = compaction.build(name, clock_.now_us());
  }
  // Its devices went to another group meanwhile.
  if (!built && to_errc(built.error()) == errc::gone) return TakenUp::changed;
  if (!built) {
    data_.remove_database(folder_.making_path_of(file));
    return built.error();
  }
  TakenUp outcome = TakenUp::changed;
  auto taken = sealer_.run([&](RecentDatabase& recent) -> Result<void> {
    auto done = take_up(recent, *built);
    if (!done) return done.error();
    outcome = *done;
    return {};
  });
  if (!taken) return taken.error();
  return outcome;
}

Result<void> PartitionKeeper::remove_files() {
  if (retired_.empty() && removals_changed_.exchange(false)) {
    auto listed = removable();
    if (!listed) return listed.error();
    retired_ = std::move(*listed);
    if (!retired_.empty()) retired_era_ = readers_.retire();
  }
  if (retired_.empty() || !readers_.is_over(retired_era_)) return {};
  // A summary that was to go may be wanted again by now.
  const auto listed = removable();
  if (!listed) return listed.error();
  // A transaction whose flush failed may yet be found in the log by the next start, with a catalogue that needs these
  // very files: once one has failed, nothing is removed any more. Only this thread gives files up, so the answer holds.
  if (auto trusted = sealer_.run([](RecentDatabase&) { return Result<void>(); }); !trusted) return trusted.error();
  std::vector<std::string> removed;
  bool all = true;
  for (const auto& file : std::exchange(retired_, {})) {
    if (std::find(listed->begin(), listed->end(), file) == listed->end()) continue;
    if (folder_.remove(file)) {
      removed.push_back(file);
    } else {
      all = false;
    }
  }
  auto done = sealer_.run([&](RecentDatabase& recent) -> Result<void> {
    auto transaction = Transaction::begin(recent.connection());
    if (!transaction) return transaction.error();
    for (const auto& file : removed) {
      if (auto dropped = recent.partitions().drop_removal(file); !dropped) return dropped;
    }
    return transaction->commit();
  });
  if (done && !all) return errc::storage_failed;  // they stay listed until the next removal, or the next start
  return done;
}

/// Files listed for removal. None of them is in the catalogue; should one ever be, it is not the one to lose.
Result<std::vector<std::string>> PartitionKeeper::removable() {
  auto reader = readers_.borrow();
  if (!reader) return reader.error();
  auto snapshot = (*reader)->snapshot();
  if (!snapshot) return snapshot.error();
  auto files = (*reader)->catalogue().removals();
  if (!files) return files.error();
  auto kept = (*reader)->catalogue().files();
  if (!kept) return kept.error();
  std::erase_if(*files, [&](const std::string& file) { return kept->contains(file); });
  return files;
}

Result<void> PartitionKeeper::refresh_report() {
  std::vector<PartitionRecord> partitions;
  std::vector<std::string> summaries;
  {
    auto reader = readers_.borrow();
    if (!reader) return reader.error();
    auto snapshot = (*reader)->snapshot();
    if (!snapshot) return snapshot.error();
    auto held = (*reader)->catalogue().list(kFirstDay, kLastDay);
    if (!held) return held.error();
    partitions = std::move(*held);
    auto used = (*reader)->catalogue().used_summaries();
    if (!used) return used.error();
    summaries = std::move(*used);
  }
  std::uint64_t bytes = 0, unreadable = 0;
  std::string first;
  const auto check = [&](const std::string& file) {
    if (folder_.is_unreadable(file) && unreadable++ == 0) first = file;
  };
  for (const auto& partition : partitions) {
    bytes += partition.bytes;
    check(partition.name.to_text());
  }
  for (const auto& file : summaries) check(file);
  std::optional<StorageForecast> expected;
  if (auto growing = growths(partitions, policy_.retention, clock_.now_us()); !growing.empty())
    expected = forecast(std::move(growing), {data_.free_bytes(), policy_.low_water_bytes});
  const std::lock_guard lock(mutex_);
  partitions_ = partitions.size();
  partition_bytes_ = bytes;
  forecast_ = std::move(expected);
  unreadable_.clear();
  if (unreadable > 0) {
    unreadable_ = std::to_string(unreadable) +
                  " of the files of old readings are missing, damaged or a newer program's, the first is " +
                  folder_.path_of(first) +
                  ": what they hold is answered as a gap. Put them back from a backup, or run that program.";
  }
  return {};
}

void PartitionKeeper::tell_trouble(const std::string& what, const error_code& error) {
  if (ending_) return;
  const std::lock_guard lock(mutex_);
  trouble_ = what + " (" + std::string(describe(to_errc(error)).title) + "); it is tried again, and no reading is lost";
}

}  // namespace hub::sqlite
