#include "hub/storage/sqlite/query_limit.h"

namespace hub::sqlite {
namespace {

constexpr int kStepsBetweenLooks = 10'000;  // of SQLite's machine: well under a millisecond

int must_end(void* limit) {
  return static_cast<const QueryLimit*>(limit)->check() ? 0 : 1;
}

}  // namespace

InterruptedSql::InterruptedSql(Database& db, const QueryLimit& limit) : db_(db) {
  sqlite3_progress_handler(db_.native(), kStepsBetweenLooks, must_end, const_cast<QueryLimit*>(&limit));
}

InterruptedSql::~InterruptedSql() {
  sqlite3_progress_handler(db_.native(), 0, nullptr, nullptr);
}

}  // namespace hub::sqlite
