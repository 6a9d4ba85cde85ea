#include "hub/storage/event_store.h"

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::sqlite {
namespace {

class SqliteEventStore final : public EventStore {
 public:
  explicit SqliteEventStore(Database& db) : db_(db) {}

  Result<std::vector<Event>> events_after(std::uint32_t after_id, std::size_t limit) override {
    std::vector<Event> events;
    const auto done = after_.each(
        [&](const Statement& row) {
          events.push_back({static_cast<std::uint32_t>(row.integer(0)), row.integer(1),
                            DeviceId(std::string(row.text(2))), std::string(row.text(3)), std::string(row.text(4)),
                            std::string(row.text(5))});
        },
        after_id, limit);
    if (!done) return done.error();
    return events;
  }

  Result<std::uint32_t> last_event_id() override {
    std::uint32_t last = 0;
    const auto done = last_.each([&](const Statement& row) { last = static_cast<std::uint32_t>(row.integer(0)); });
    if (!done) return done.error();
    return last;
  }

 private:
  Database& db_;
  CachedStatement after_{
      db_, "SELECT id, time_us, device, kind, object_id, body FROM events WHERE id > ?1 ORDER BY id LIMIT ?2"};
  CachedStatement last_{db_, "SELECT coalesce(max(id), 0) FROM events"};
};

}  // namespace

std::unique_ptr<EventStore> make_event_store(HubDatabase& db) {
  return std::make_unique<SqliteEventStore>(db.connection());
}

}  // namespace hub::sqlite
