#include "hub/storage/sqlite/recent_reader.h"

namespace hub::sqlite {

namespace {

constexpr std::size_t kMaxOpenPartitions = 64, kMaxOpenSummaries = 16;

}  // namespace

Result<std::unique_ptr<RecentReader>> RecentReader::open(const std::string& path, OpenOptions options,
                                                         const PartitionFolder* partitions) {
  options.read_only = true;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  std::unique_ptr<RecentReader> reader(new RecentReader);
  reader->db_ = std::move(*db);
  reader->options_ = options;
  reader->folder_ = partitions;
  const std::pair<Statement*, const char*> wanted[] = {
      {&reader->sealed_, "SELECT value FROM meta WHERE key='sealed_through'"},
      {&reader->gaps_,
       "SELECT series, placed_from, placed_to, from_time, to_time, count, at_most, reason, reported_by, commit_number, "
       "received_at FROM gap WHERE device = ? AND placed_from < ? AND placed_to >= ? ORDER BY placed_from, id LIMIT ?"},
      {&reader->cursor_, "SELECT sequence, commit_number FROM cursor WHERE device = ? AND epoch = ? AND lane = ?"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = reader->db_.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return reader;
}

Result<RecentReader::Snapshot> RecentReader::snapshot() {
  auto transaction = Transaction::begin(db_, true);
  if (!transaction) return transaction.error();
  Snapshot snapshot{std::move(*transaction), 0};
  auto row = sealed_.step();
  if (!row) return row.error();
  if (!*row) {
    sealed_.reset();
    return errc::storage_damaged;
  }
  snapshot.sealed_through = static_cast<CommitNumber>(sealed_.integer(0));
  sealed_.reset();
  return snapshot;
}

Result<std::vector<PlacedGap>> RecentReader::gaps(const DeviceId& device, std::int64_t from_us, std::int64_t to_us,
                                                  std::size_t limit) {
  std::vector<PlacedGap> found;
  gaps_.bind_all(device.str(), to_us, from_us, static_cast<std::int64_t>(limit));
  for (;;) {
    auto row = gaps_.step();
    if (!row) return row.error();
    if (!*row) break;
    PlacedGap placed;
    placed.gap.device = device;
    placed.gap.series = SeriesId{static_cast<std::uint32_t>(gaps_.integer(0))};
    placed.from_us = gaps_.integer(1);
    placed.to_us = gaps_.integer(2);
    placed.gap.from_us = gaps_.integer(3);
    placed.gap.to_us = gaps_.integer(4);
    placed.gap.count = static_cast<std::uint32_t>(gaps_.integer(5));
    placed.gap.at_most = gaps_.integer(6) != 0;
    placed.gap.reason = static_cast<GapReason>(gaps_.integer(7));
    placed.gap.reported_by = std::string(gaps_.text(8));
    placed.commit = static_cast<CommitNumber>(gaps_.integer(9));
    placed.received_at_us = gaps_.integer(10);
    found.push_back(std::move(placed));
  }
  gaps_.reset();
  return found;
}

Result<StreamCursor> RecentReader::cursor(const StreamKey& stream) {
  cursor_.reset();
  cursor_.bind(1, stream.device.str());
  cursor_.bind_blob(2, base::as_chars(stream.epoch));
  cursor_.bind(3, std::uint32_t{stream.lane});
  auto row = cursor_.step();
  if (!row) return row.error();
  StreamCursor found;
  if (*row) {
    found = {static_cast<std::uint64_t>(cursor_.integer(0)), static_cast<CommitNumber>(cursor_.integer(1))};
  }
  cursor_.reset();
  return found;
}

bool RecentReader::is_absent(const std::string& file, errc why) {
  switch (why) {
    case errc::not_found:
      absent_.insert(file);
      return true;
    case errc::storage_damaged:
    case errc::unsupported_version:  // a newer program's, that the hub was taken back from
      folder_->note_damaged(file);
      return true;
    default:
      return false;
  }
}

Result<std::shared_ptr<PartitionReader>> RecentReader::partition(const PartitionName& name) {
  for (auto it = partitions_.begin(); it != partitions_.end(); ++it) {
    if ((*it)->name() != name) continue;
    partitions_.splice(partitions_.begin(), partitions_, it);
    return partitions_.front();
  }
  if (folder_ == nullptr) return std::shared_ptr<PartitionReader>();  // a pool for cursors only
  auto opened = PartitionReader::open(folder_->path_of(name.to_text()), name, options_);
  if (!opened) {
    if (!is_absent(name.to_text(), to_errc(opened.error()))) return opened.error();
    return std::shared_ptr<PartitionReader>();
  }
  folder_->note_readable(name.to_text());
  if (partitions_.size() >= kMaxOpenPartitions) partitions_.pop_back();
  partitions_.push_front(std::move(*opened));
  return partitions_.front();
}

bool RecentReader::is_unreadable(const PartitionName& name) {
  const std::string file = name.to_text();
  if (!folder_->is_unreadable(file)) return false;
  if (!folder_->exists(file)) absent_.insert(file);
  return true;
}

Result<SummaryReader*> RecentReader::summary(std::int64_t month, const std::string& retention_class) {
  const std::string file = summary_file_name(month, retention_class);
  for (auto it = summaries_.begin(); it != summaries_.end(); ++it) {
    if (it->first != file) continue;
    summaries_.splice(summaries_.begin(), summaries_, it);
    return summaries_.front().second.get();
  }
  auto opened = SummaryReader::open(folder_->path_of(file), options_);
  if (!opened) {
    if (!is_absent(file, to_errc(opened.error()))) return opened.error();
    return nullptr;
  }
  folder_->note_readable(file);
  if (summaries_.size() >= kMaxOpenSummaries) summaries_.pop_back();
  summaries_.emplace_front(file, std::move(*opened));
  return summaries_.front().second.get();
}

RecentReaders::Lease::~Lease() {
  if (!reader_) return;
  const std::lock_guard lock(owner_->mutex_);
  const auto out = owner_->out_.find(era_);
  if (--out->second == 0) owner_->out_.erase(out);
  if (era_ == owner_->era_) owner_->idle_.push_back(std::move(reader_));
}

Result<RecentReaders::Lease> RecentReaders::borrow() {
  std::uint64_t era;
  {
    const std::lock_guard lock(mutex_);
    era = era_;
    ++out_[era];
    if (!idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(reader), era);
    }
  }
  auto reader = RecentReader::open(path_, options_, partitions_);
  if (reader) return Lease(*this, std::move(*reader), era);
  const std::lock_guard lock(mutex_);
  if (const auto out = out_.find(era); --out->second == 0) out_.erase(out);
  return reader.error();
}

std::uint64_t RecentReaders::retire() {
  std::vector<std::unique_ptr<RecentReader>> closed;  // after the lock is gone
  const std::lock_guard lock(mutex_);
  closed.swap(idle_);
  return era_++;
}

bool RecentReaders::is_over(std::uint64_t era) const {
  const std::lock_guard lock(mutex_);
  return out_.empty() || out_.begin()->first > era;
}

}  // namespace hub::sqlite
