// One SQL text of a store, prepared at its first use and kept.
#pragma once

#include <type_traits>

#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

/// Belongs to a store and lives, as it does, on the control thread. Always left reset, so that no read transaction
/// stays open behind it.
class CachedStatement {
 public:
  CachedStatement(Database& db, const char* sql) : db_(db), sql_(sql) {}
  CachedStatement(const CachedStatement&) = delete;
  CachedStatement& operator=(const CachedStatement&) = delete;

  /// Bound and ready to step; for what run() and each() cannot say.
  template <class... Args>
  Result<Statement*> bind(const Args&... args) {
    if (!prepared_) {
      auto statement = db_.prepare(sql_);
      if (!statement) return statement.error();
      statement_ = std::move(*statement);
      prepared_ = true;
    }
    statement_.bind_all(args...);
    return &statement_;
  }

  template <class... Args>
  Result<void> run(const Args&... args) {
    auto bound = bind(args...);
    if (!bound) return bound.error();
    return (*bound)->run();
  }

  /// Calls `row` for each row. It returns nothing, or false where the row makes no sense: errc::storage_damaged.
  template <class Row, class... Args>
  Result<void> each(Row&& row, const Args&... args) {
    auto bound = bind(args...);
    if (!bound) return bound.error();
    for (;;) {
      auto more = statement_.step();
      if (!more) return more.error();
      if (!*more) break;
      if constexpr (std::is_void_v<std::invoke_result_t<Row, const Statement&>>) {
        row(static_cast<const Statement&>(statement_));
      } else if (!row(static_cast<const Statement&>(statement_))) {
        statement_.reset();
        return errc::storage_damaged;
      }
    }
    statement_.reset();
    return {};
  }

 private:
  Database& db_;
  const char* sql_;
  Statement statement_;
  bool prepared_ = false;
};

}  // namespace hub::sqlite
