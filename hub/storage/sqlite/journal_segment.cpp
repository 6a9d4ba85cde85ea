#include "hub/storage/sqlite/journal_segment.h"

#include "hub/storage/sqlite/file_version.h"
#include "hub/storage/sqlite/journal_codec.h"

namespace hub::sqlite {
namespace {

constexpr const char* kJournalSchema =
    "CREATE TABLE journal(number INTEGER PRIMARY KEY, committed_at INTEGER NOT NULL, crc32 INTEGER NOT NULL, "
    "body BLOB NOT NULL) STRICT";

}  // namespace

CommitPtr make_commit(CommitNumber number, std::int64_t committed_at_us, std::vector<StoredFrame> frames) {
  auto commit = std::make_shared<Commit>();
  commit->number = number;
  commit->committed_at_us = committed_at_us;
  commit->frames = std::move(frames);
  commit->size_bytes = sizeof(Commit);
  for (const auto& frame : commit->frames) commit->size_bytes += frame.size_bytes();
  return commit;
}

Result<JournalSegment> JournalSegment::create(const std::string& path, const base::Id128& epoch, OpenOptions options) {
  options.checkpoint_on_close = false;
  options.wal_autocheckpoint_pages = 0;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  JournalSegment segment;
  segment.db_ = std::move(*db);
  auto version = read_version(segment.db_);
  if (!version) return version.error();
  if (!*version) {
    auto transaction = Transaction::begin(segment.db_);
    if (!transaction) return transaction.error();
    if (auto done = write_version(segment.db_, epoch); !done) return done.error();
    if (auto done = segment.db_.execute(kJournalSchema); !done) return done.error();
    if (auto done = transaction->commit(); !done) return done.error();
  }
  auto insert = segment.db_.prepare("INSERT INTO journal(number, committed_at, crc32, body) VALUES (?, ?, ?, ?)");
  if (!insert) return insert.error();
  segment.insert_ = std::move(*insert);
  return segment;
}

Result<JournalSegment> JournalSegment::open(const std::string& path, OpenOptions options) {
  options.checkpoint_on_close = false;
  options.wal_autocheckpoint_pages = 0;
  auto db = Database::open(path, options);
  if (!db) return db.error();
  JournalSegment segment;
  segment.db_ = std::move(*db);
  return segment;
}

error_code JournalSegment::failed(const error_code& error) {
  failure_ = {db_.last_code(), db_.last_error()};
  return error;
}

Result<void> JournalSegment::append(CommitNumber number, std::int64_t committed_at_us, std::string_view body) {
  auto transaction = Transaction::begin(db_);
  if (!transaction) return failed(transaction.error());
  insert_.reset();
  insert_.bind(1, number);
  insert_.bind(2, committed_at_us);
  insert_.bind(3, journal_checksum(number, committed_at_us, body));
  insert_.bind_blob(4, body);
  if (auto done = insert_.run(); !done) return failed(done.error());
  if (auto done = transaction->commit(); !done) return failed(done.error());
  return {};
}

Result<JournalSegment::Extent> JournalSegment::extent() {
  auto select = db_.prepare("SELECT number, committed_at FROM journal ORDER BY number DESC LIMIT 1");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  if (!*row) return Extent{};
  return Extent{static_cast<CommitNumber>(select->integer(0)), select->integer(1)};
}

Result<std::vector<CommitPtr>> JournalSegment::read(CommitNumber after, CommitNumber end, std::size_t max_bytes,
                                                    CommitNumber* failed_at) {
  std::vector<CommitPtr> commits;
  if (failed_at != nullptr) *failed_at = after + 1;
  auto select = db_.prepare(
      "SELECT number, committed_at, crc32, body FROM journal WHERE number > ? AND number < ? ORDER BY number");
  if (!select) return select.error();
  select->bind(1, after);
  select->bind(2, end);
  std::size_t bytes = 0;
  while (bytes < max_bytes || commits.empty()) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto number = static_cast<CommitNumber>(select->integer(0));
    const auto body = select->blob(3);
    if (failed_at != nullptr) *failed_at = number;
    if (journal_checksum(number, select->integer(1), body) != static_cast<std::uint32_t>(select->integer(2)))
      return errc::storage_damaged;
    auto frames = decode_journal_row(body);
    if (!frames) return frames.error();
    commits.push_back(make_commit(number, select->integer(1), std::move(*frames)));
    bytes += commits.back()->size_bytes;
  }
  return commits;
}

}  // namespace hub::sqlite
