#include "hub/storage/execution_store.h"

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/event_log.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::sqlite {
namespace {

// Settled executions kept a device; older ones go when a new one comes.
constexpr std::int64_t kKeptPerDevice = 10'000;

#define EXECUTION_COLUMNS                                                                                        \
  "id, device, command, arguments, requested_by, idempotency_key, state, created_us, updated_us, not_after_us, " \
  "timeout_ms, progress_percent, device_revision, output, error, result, exit_code"

ExecutionRecord execution_of(const Statement& row) {
  ExecutionRecord execution;
  execution.id = ExecutionId(std::string(row.text(0)));
  execution.device = DeviceId(std::string(row.text(1)));
  execution.command = row.text(2);
  execution.arguments_json = row.text(3);
  execution.requested_by = row.text(4);
  execution.idempotency_key = row.text(5);
  execution.state = static_cast<ExecutionState>(row.integer(6));
  execution.created_us = row.integer(7);
  execution.updated_us = row.integer(8);
  execution.not_after_us = row.integer(9);
  execution.timeout_ms = static_cast<std::uint32_t>(row.integer(10));
  execution.progress_percent = static_cast<std::uint32_t>(row.integer(11));
  execution.device_revision = static_cast<std::uint32_t>(row.integer(12));
  execution.output = row.text(13);
  execution.error = row.text(14);
  execution.result_json = row.text(15);
  if (!row.is_null(16)) execution.exit_code = static_cast<std::int32_t>(row.integer(16));
  return execution;
}

class SqliteExecutionStore final : public ExecutionStore {
 public:
  explicit SqliteExecutionStore(Database& db) : db_(db), events_(db) {}

  Result<void> put(const ExecutionRecord& execution, Event& event) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    auto statement = put_.bind(execution.id.str(), execution.device.str(), execution.command, execution.arguments_json,
                               execution.requested_by, execution.idempotency_key, static_cast<int>(execution.state),
                               execution.created_us, execution.updated_us, execution.not_after_us, execution.timeout_ms,
                               execution.progress_percent, execution.device_revision, execution.output, execution.error,
                               execution.result_json, execution.exit_code.value_or(0));
    if (!statement) return statement.error();
    if (!execution.exit_code) (*statement)->bind_null(17);
    if (auto done = (*statement)->run(); !done) return done.error();
    if (execution.state == ExecutionState::queued) {
      if (auto done = prune_.run(execution.device.str(), kKeptPerDevice); !done) return done.error();
    }
    if (auto done = events_.append(event); !done) return done.error();
    return transaction->commit();
  }

  Result<std::optional<ExecutionRecord>> find(const ExecutionId& id) override { return first(find_, id.str()); }

  Result<std::optional<ExecutionRecord>> find_by_key(const DeviceId& device,
                                                     const std::string& idempotency_key) override {
    if (idempotency_key.empty()) return std::optional<ExecutionRecord>();
    return first(find_by_key_, device.str(), idempotency_key);
  }

  Result<std::vector<ExecutionRecord>> list(const DeviceId& device, std::size_t limit) override {
    return all(list_, device.str(), limit);
  }

  Result<std::vector<ExecutionRecord>> load_open() override { return all(load_open_); }

 private:
  template <class... Args>
  static Result<std::vector<ExecutionRecord>> all(CachedStatement& statement, const Args&... args) {
    std::vector<ExecutionRecord> executions;
    const auto done = statement.each([&](const Statement& row) { executions.push_back(execution_of(row)); }, args...);
    if (!done) return done.error();
    return executions;
  }
  template <class... Args>
  static Result<std::optional<ExecutionRecord>> first(CachedStatement& statement, const Args&... args) {
    auto found = all(statement, args...);
    if (!found) return found.error();
    return found->empty() ? std::optional<ExecutionRecord>() : std::optional(std::move(found->front()));
  }

  Database& db_;
  EventLog events_;
  CachedStatement put_{
      db_, "INSERT INTO executions (" EXECUTION_COLUMNS
           ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
           "ON CONFLICT (id) DO UPDATE SET state = ?7, updated_us = ?9, not_after_us = ?10, timeout_ms = ?11, "
           "progress_percent = ?12, device_revision = ?13, output = ?14, error = ?15, result = ?16, exit_code = ?17"};
  CachedStatement prune_{db_,
                         "DELETE FROM executions WHERE device = ?1 AND state BETWEEN 5 AND 9 AND sequence <= (SELECT "
                         "sequence FROM executions WHERE device = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)"};
  CachedStatement find_{db_, "SELECT " EXECUTION_COLUMNS " FROM executions WHERE id = ?1"};
  CachedStatement find_by_key_{db_,
                               "SELECT " EXECUTION_COLUMNS
                               " FROM executions WHERE device = ?1 AND idempotency_key = ?2 AND idempotency_key <> ''"};
  CachedStatement list_{
      db_, "SELECT " EXECUTION_COLUMNS " FROM executions WHERE device = ?1 ORDER BY sequence DESC LIMIT ?2"};
  CachedStatement load_open_{
      db_, "SELECT " EXECUTION_COLUMNS " FROM executions WHERE state < 5 OR state = 10 ORDER BY sequence"};
};

#undef EXECUTION_COLUMNS

}  // namespace

std::unique_ptr<ExecutionStore> make_execution_store(HubDatabase& db) {
  return std::make_unique<SqliteExecutionStore>(db.connection());
}

}  // namespace hub::sqlite
