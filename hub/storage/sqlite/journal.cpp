#include "hub/storage/sqlite/journal.h"

#include <algorithm>

namespace hub::sqlite {
namespace {

/// Whether what is on the disk is unknown after this code of SQLite's. A full disk, a lock or a file that cannot be
/// opened leave what was there as it was.
bool is_fatal(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_NOMEM:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
    case SQLITE_IOERR_SHMMAP:
    case SQLITE_IOERR_SHMLOCK:
    case SQLITE_IOERR_LOCK:
      return false;
    default:
      break;
  }
  const int primary = extended_code & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

}  // namespace

Journal::Journal(DataFolder folder, const base::Id128& epoch, OpenOptions options)
    : folder_(std::move(folder)), epoch_(epoch), options_(options) {}

void Journal::adopt(CommitNumber first, const JournalSegment::Extent& extent, std::string path,
                    JournalSegment segment) {
  auto held = std::make_shared<Held>();
  held->first = first;
  held->last = extent.last;
  held->last_committed_at_us = extent.last_committed_at_us;
  held->path = std::move(path);
  held->segment = std::move(segment);
  const std::lock_guard lock(list_mutex_);
  held_.push_back(std::move(held));
}

std::optional<AppendFailure> Journal::append(CommitNumber number, std::int64_t committed_at_us, std::string_view body) {
  if (!active_) {
    auto held = std::make_shared<Held>();
    held->first = number;
    held->path = folder_.segment_path(number);
    auto segment = JournalSegment::create(held->path, epoch_, options_);
    if (!segment) {
      // No commit is lost by this: the next append tries again.
      return AppendFailure{segment.error(), false, "cannot make journal file " + held->path};
    }
    held->segment = std::move(*segment);
    active_ = held;
    const std::lock_guard lock(list_mutex_);
    held_.push_back(std::move(held));
  }
  if (auto done = active_->segment.append(number, committed_at_us, body); !done) {
    const auto& failure = active_->segment.failure();
    return AppendFailure{done.error(), is_fatal(failure.code), "cannot write " + active_->path + ": " + failure.text};
  }
  const std::lock_guard lock(list_mutex_);
  active_->last = number;
  active_->last_committed_at_us = committed_at_us;
  return std::nullopt;
}

void Journal::rotate() {
  if (active_ && active_->last != 0) active_.reset();
}

Result<std::vector<CommitPtr>> Journal::read(CommitNumber after, std::size_t max_bytes) const {
  const std::shared_lock files(files_mutex_);
  std::string path;
  CommitNumber end = 0;
  {
    const std::lock_guard lock(list_mutex_);
    for (const auto& held : held_) {
      if (held->first <= after + 1 && after + 1 <= held->last) {
        path = held->path;
        end = held->last + 1;
      }
    }
  }
  if (path.empty()) return errc::gone;
  OpenOptions options = options_;
  options.read_only = true;
  auto segment = JournalSegment::open(path, options);
  if (!segment) return segment.error();
  return segment->read(after, end, max_bytes);
}

void Journal::drop_old(CommitNumber sealed_through, std::int64_t now_us, std::uint64_t max_bytes,
                       std::int64_t max_age_us) {
  std::vector<std::shared_ptr<Held>> segments;
  {
    const std::lock_guard lock(list_mutex_);
    segments = held_;
  }
  std::uint64_t kept_bytes = 0;
  std::vector<std::shared_ptr<Held>> dropped;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    const auto& held = *it;
    CommitNumber last = 0;
    std::int64_t last_at_us = 0;
    {
      const std::lock_guard lock(list_mutex_);
      last = held->last;
      last_at_us = held->last_committed_at_us;
    }
    kept_bytes += DataFolder::database_bytes(held->path);
    // The newest file may be the one being appended to, so it stays whatever its age.
    if (held == segments.back() || last == 0 || last > sealed_through) continue;
    if (kept_bytes > max_bytes || now_us - last_at_us > max_age_us) dropped.push_back(held);
  }
  if (dropped.empty()) return;
  // Readers need a run without holes: everything older than the newest dropped one goes as well.
  const CommitNumber newest_dropped = dropped.front()->first;
  dropped.clear();
  {
    const std::lock_guard lock(list_mutex_);
    std::erase_if(held_, [&](const auto& held) {
      if (held->first > newest_dropped) return false;
      dropped.push_back(held);
      return true;
    });
  }
  const std::lock_guard files(files_mutex_);
  for (const auto& held : dropped) {
    held->segment = JournalSegment();
    folder_.remove_database(held->path);
  }
}

std::uint64_t Journal::bytes() const {
  std::vector<std::string> paths;
  {
    const std::lock_guard lock(list_mutex_);
    for (const auto& held : held_) paths.push_back(held->path);
  }
  std::uint64_t total = 0;
  for (const auto& path : paths) total += DataFolder::database_bytes(path);
  return total;
}

}  // namespace hub::sqlite
