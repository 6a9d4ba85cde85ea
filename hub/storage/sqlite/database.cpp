#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

error_code to_error(int sqlite_code) {
  // The index of the log had no room to grow; nothing is known to be wrong with what was written.
  if (sqlite_code == SQLITE_IOERR_SHMSIZE) return errc::unavailable;
  switch (sqlite_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return {};
    case SQLITE_CONSTRAINT:
      return errc::conflict;
    case SQLITE_FULL:
      return errc::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return errc::storage_damaged;
    case SQLITE_INTERRUPT:
      return errc::cancelled;
    default:
      return errc::storage_failed;
  }
}

Result<Database> Database::open(const std::string& path, const OpenOptions& options) {
  Database database;
  sqlite3* raw = nullptr;
  const int flags =
      (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, options.vfs);
  database.db_.reset(raw);
  if (code != SQLITE_OK) return to_error(code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, options.busy_timeout_ms);
  if (!options.checkpoint_on_close) sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  std::string pragmas = "PRAGMA foreign_keys=ON;PRAGMA temp_store=MEMORY;";
  if (options.page_bytes > 0) pragmas += "PRAGMA page_size=" + std::to_string(options.page_bytes) + ";";
  if (options.write_once) {
    pragmas += "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA locking_mode=EXCLUSIVE;";
  } else if (!options.read_only) {
    pragmas +=
        "PRAGMA journal_mode=WAL;PRAGMA secure_delete=OFF;PRAGMA synchronous=" + std::string(options.synchronous) +
        ";PRAGMA wal_autocheckpoint=" + std::to_string(options.wal_autocheckpoint_pages) + ";";
  }
  if (auto done = database.execute(pragmas); !done) return done.error();
  if (!options.read_only && !options.write_once) {
    // A failed switch to WAL is not an error to SQLite: it answers with the mode that stayed.
    auto mode = database.prepare("PRAGMA journal_mode");
    if (!mode) return mode.error();
    auto row = mode->step();
    if (!row) return row.error();
    if (mode->text(0) != "wal" && mode->text(0) != "memory") return errc::storage_failed;
  }
  return database;
}

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return to_error(code);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  Statement statement;
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  statement.stmt_.reset(raw);
  if (code != SQLITE_OK) return to_error(code);
  return statement;
}

std::int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(db_.get());
}
int Database::changes() const {
  return sqlite3_changes(db_.get());
}
std::string Database::last_error() const {
  return db_ ? sqlite3_errmsg(db_.get()) : "not open";
}

int Database::last_code() const {
  return db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_OK;
}

Result<void> Database::sync_log() {
  sqlite3_file* log = nullptr;
  // Nothing has been read yet on a fresh connection, and then there is no log open.
  if (auto done = execute("SELECT count(*) FROM sqlite_schema"); !done) return done.error();
  const int code = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK) return to_error(code);
  if (log == nullptr || log->pMethods == nullptr) return {};
  if (const int synced = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL); synced != SQLITE_OK) return to_error(synced);
  return {};
}

Result<void> Database::sync_file() {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK) return to_error(code);
  if (file == nullptr || file->pMethods == nullptr) return errc::storage_failed;
  if (const int synced = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL); synced != SQLITE_OK) return to_error(synced);
  return {};
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(stmt_.get(), index, value);
}
void Statement::bind(int index, double value) {
  sqlite3_bind_double(stmt_.get(), index, value);
}
void Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(stmt_.get(), index, text.data() ? text.data() : "", text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
void Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(stmt_.get(), index, bytes.data() ? bytes.data() : "", bytes.size(), SQLITE_TRANSIENT);
}
void Statement::bind_null(int index) {
  sqlite3_bind_null(stmt_.get(), index);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(stmt_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(stmt_.get());
  return Result<bool>(boost::system::in_place_error, to_error(code));  // error_code converts to bool as well
}

Result<void> Statement::run() {
  for (;;) {
    auto row = step();
    if (!row) return row.error();
    if (!*row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  if (stmt_) sqlite3_reset(stmt_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(stmt_.get(), column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(stmt_.get(), column);
}
std::string_view Statement::text(int column) const {
  const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(stmt_.get(), column));
  return p ? std::string_view(p, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column)))
           : std::string_view();
}
std::string_view Statement::blob(int column) const {
  const auto* p = static_cast<const char*>(sqlite3_column_blob(stmt_.get(), column));
  return p ? std::string_view(p, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column)))
           : std::string_view();
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL;
}

Result<Transaction> Transaction::begin(Database& db, bool read_only) {
  if (auto done = db.execute(read_only ? "BEGIN" : "BEGIN IMMEDIATE"); !done) return done.error();
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) (void)db_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  auto done = db_->execute("COMMIT");
  if (done) db_ = nullptr;
  return done;
}

}  // namespace hub::sqlite
