// Numbers and keeps events inside the transaction of whatever they tell of.
#pragma once

#include "hub/storage/event_store.h"
#include "hub/storage/sqlite/cached_statement.h"

namespace hub::sqlite {

/// Part of each store that makes events; lives on the control thread. Keeps the newest 100,000: each event pushes out
/// the one that many numbers older.
class EventLog {
 public:
  static constexpr std::int64_t kKept = 100'000;
  explicit EventLog(Database& db) : db_(db) {}

  /// Inside the caller's transaction; fills the id.
  Result<void> append(Event& event) {
    const auto added = insert_.run(event.time_us, event.device.str(), event.kind, event.object_id, event.body_json);
    if (!added) return added.error();
    const std::int64_t id = db_.last_insert_rowid();
    if (auto done = prune_.run(id - kKept); !done) return done.error();
    event.id = static_cast<std::uint32_t>(id);
    return {};
  }

 private:
  Database& db_;
  CachedStatement insert_{db_,
                          "INSERT INTO events (time_us, device, kind, object_id, body) VALUES (?1, ?2, ?3, ?4, ?5)"};
  CachedStatement prune_{db_, "DELETE FROM events WHERE id <= ?1"};
};

}  // namespace hub::sqlite
