// RAII over SQLite: Database, Statement, Transaction. The only place that calls sqlite3_* for ordinary work.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hub/core/errc.h"

namespace hub::sqlite {

/// Errors: errc::conflict for a broken UNIQUE, errc::unavailable for a full disk, errc::storage_damaged for a corrupt
/// file, errc::storage_failed otherwise. The text is in Database::last_error().
error_code to_error(int sqlite_code);

class Statement;

struct OpenOptions {
  bool read_only = false;
  const char* vfs = nullptr;         // tests: a fault-injecting VFS by name
  const char* synchronous = "FULL";  // tests prove that "OFF" loses data
  bool checkpoint_on_close = true;   // journal segments: false
  bool write_once = false;           // no log and no syncs: worth nothing until sync_file() answers
  int page_bytes = 0;                // of a new file; 0: as SQLite wants it
  int wal_autocheckpoint_pages = 1000;
  int busy_timeout_ms = 5'000;
};

/// One connection, one thread at a time. Opens in WAL mode (write_once: with no log at all) with secure_delete off
/// (Debian's build has it on) and foreign keys on.
class Database {
 public:
  static Result<Database> open(const std::string& path, const OpenOptions& options = {});
  Database() = default;
  Result<void> execute(const std::string& sql);  // one or several statements, no results
  Result<Statement> prepare(std::string_view sql);
  std::int64_t last_insert_rowid() const;
  int changes() const;
  std::string last_error() const;
  /// SQLite's extended result code of the last call that failed.
  int last_code() const;
  /// Flushes what is in the write-ahead log to the disk. A process that died between write and fsync leaves commits
  /// that are visible but not durable; whoever builds on them calls this first.
  Result<void> sync_log();
  /// Flushes the database file itself: for one that was opened with write_once.
  Result<void> sync_file();
  sqlite3* native() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// A prepared statement; bind (1-based), step, read columns (0-based), reset. Texts and blobs read are views until the
/// next step.
class Statement {
 public:
  Statement() = default;
  template <class... Args>
  Statement& bind_all(const Args&... args) {
    reset();
    int i = 0;
    (bind(++i, args), ...);
    return *this;
  }
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::int32_t value) { bind(index, std::int64_t{value}); }
  void bind(int index, std::uint32_t value) { bind(index, std::int64_t{value}); }
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  void bind_blob(int index, std::string_view bytes);
  void bind_null(int index);

  /// True: a row is there. False: done.
  Result<bool> step();
  /// For statements without rows: step and reset.
  Result<void> run();
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const;
  bool is_prepared() const { return stmt_ != nullptr; }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
};

/// BEGIN IMMEDIATE (or BEGIN for a reader) now, ROLLBACK on destruction unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& db, bool read_only = false);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& db) : db_(&db) {}
  Database* db_;
};

}  // namespace hub::sqlite
