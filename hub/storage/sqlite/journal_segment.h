// One file of the journal: a WAL-mode database that is appended to, never checkpointed, later deleted as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

/// Puts frames together as a commit and reckons its size.
CommitPtr make_commit(CommitNumber number, std::int64_t committed_at_us, std::vector<StoredFrame> frames);

/// Owns a connection. `create` and `append` on the journal thread; `read` on any one thread with its own object.
class JournalSegment {
 public:
  JournalSegment() = default;
  /// Opens for writing; makes the tables where the file is new or its making was interrupted.
  static Result<JournalSegment> create(const std::string& path, const base::Id128& epoch, OpenOptions options);
  /// Opens a file that is to be read; read-only where `options` say so.
  static Result<JournalSegment> open(const std::string& path, OpenOptions options);

  Database& database() { return db_; }
  /// One transaction; durable when it answers without error.
  Result<void> append(CommitNumber number, std::int64_t committed_at_us, std::string_view body);
  /// What SQLite said when the last append failed (a rollback since then has replaced it in the connection).
  struct Failure {
    int code = 0;
    std::string text;
  };
  const Failure& failure() const { return failure_; }
  struct Extent {
    CommitNumber last = 0;  // 0: no rows
    std::int64_t last_committed_at_us = 0;
  };
  Result<Extent> extent();
  /// Commits after `after` and before `end`, in order, until `max_bytes` are gathered (at least one). Checksums are
  /// verified. `failed_at` names the commit that could not be read.
  Result<std::vector<CommitPtr>> read(CommitNumber after, CommitNumber end, std::size_t max_bytes,
                                      CommitNumber* failed_at = nullptr);
  bool is_open() const { return db_.native() != nullptr; }

 private:
  error_code failed(const error_code& error);

  Database db_;
  Statement insert_;
  Failure failure_;
};

}  // namespace hub::sqlite
