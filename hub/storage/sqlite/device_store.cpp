#include "hub/storage/device_store.h"

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/hub_database.h"
#include "hub/storage/sqlite/json_columns.h"

namespace hub::sqlite {
namespace {

class SqliteDeviceStore final : public DeviceStore {
 public:
  explicit SqliteDeviceStore(Database& db) : db_(db) {}

  Result<std::vector<DeviceRecord>> load_devices() override {
    std::vector<DeviceRecord> devices;
    const auto done = load_devices_.each([&](const Statement& row) {
      DeviceRecord device;
      device.id = DeviceId(std::string(row.text(0)));
      device.name = row.text(1);
      device.created_us = row.integer(2);
      device.last_seen_us = row.integer(3);
      const bool readable = from_json_text(row.text(4), device.tags) &&
                            from_json_text(row.text(5), device.attributes) &&
                            from_json_text(row.text(6), device.commands);
      devices.push_back(std::move(device));
      return readable;
    });
    if (!done) return done.error();
    return devices;
  }

  Result<std::vector<SeriesRecord>> load_series() override {
    std::vector<SeriesRecord> series;
    const auto done = load_series_.each([&](const Statement& row) {
      SeriesRecord one;
      one.id = static_cast<SeriesId>(row.integer(0));
      one.device = DeviceId(std::string(row.text(1)));
      one.name = row.text(2);
      one.unit = row.text(3);
      one.type = static_cast<ValueType>(row.integer(4));
      one.interval_ms = static_cast<std::uint32_t>(row.integer(5));
      one.revision = static_cast<std::uint32_t>(row.integer(6));
      series.push_back(std::move(one));
    });
    if (!done) return done.error();
    return series;
  }

  Result<void> update_device(const DeviceRecord& device) override {
    const auto done = update_device_.run(device.id.str(), device.name, device.last_seen_us, to_json_text(device.tags),
                                         to_json_text(device.attributes), to_json_text(device.commands));
    if (!done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    return {};
  }

  Result<void> update_last_seen(const std::vector<std::pair<DeviceId, std::int64_t>>& seen) override {
    if (seen.empty()) return {};
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    for (const auto& [device, last_seen_us] : seen) {
      if (auto done = update_last_seen_.run(device.str(), last_seen_us); !done) return done.error();
    }
    return transaction->commit();
  }

  Result<void> remove_device(const DeviceId& device, std::int64_t now_us) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = remove_device_.run(device.str(), now_us); !done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    if (auto done = remove_tokens_.run(device.str()); !done) return done.error();
    if (auto done = remove_certificates_.run(device.str()); !done) return done.error();
    if (auto done = remove_evaluations_.run(device.str()); !done) return done.error();
    return transaction->commit();
  }

  Result<void> add_series(std::vector<SeriesRecord>& series) override {
    if (series.empty()) return {};
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    std::vector<SeriesId> ids;
    for (const auto& one : series) {
      const auto done = add_series_.run(one.device.str(), one.name, one.unit, static_cast<int>(one.type),
                                        one.interval_ms, one.revision);
      if (!done) return done.error();
      ids.push_back(static_cast<SeriesId>(db_.last_insert_rowid()));
    }
    if (auto done = transaction->commit(); !done) return done.error();
    for (std::size_t i = 0; i < ids.size(); ++i) series[i].id = ids[i];
    return {};
  }

  Result<void> update_intervals(const std::vector<std::pair<SeriesId, std::uint32_t>>& intervals) override {
    if (intervals.empty()) return {};
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    for (const auto& [series, interval_ms] : intervals) {
      if (auto done = update_interval_.run(raw(series), interval_ms); !done) return done.error();
    }
    return transaction->commit();
  }

  Result<std::vector<GroupRecord>> load_groups() override {
    std::vector<GroupRecord> groups;
    const auto done = load_groups_.each([&](const Statement& row) {
      GroupRecord group;
      group.name = row.text(0);
      group.created_us = row.integer(2);
      const bool readable = from_json_text(row.text(1), group.tags);
      groups.push_back(std::move(group));
      return readable;
    });
    if (!done) return done.error();
    return groups;
  }

  Result<void> put_group(const GroupRecord& group) override {
    return put_group_.run(group.name, to_json_text(group.tags), group.created_us);
  }

  Result<void> remove_group(const std::string& name) override {
    if (auto done = remove_group_.run(name); !done) return done;
    if (db_.changes() == 0) return errc::not_found;
    return {};
  }

 private:
  Database& db_;
  CachedStatement load_devices_{db_,
                                "SELECT id, name, created_us, last_seen_us, tags, attributes, commands FROM devices "
                                "WHERE removed_us IS NULL ORDER BY name"};
  CachedStatement load_series_{
      db_,
      "SELECT s.id, s.device, s.name, s.unit, s.type, s.interval_ms, s.revision "
      "FROM series s JOIN devices d ON d.id = s.device WHERE d.removed_us IS NULL ORDER BY s.id"};
  CachedStatement update_device_{db_,
                                 "UPDATE devices SET name = ?2, last_seen_us = max(last_seen_us, ?3), tags = ?4, "
                                 "attributes = ?5, commands = ?6 WHERE id = ?1 AND removed_us IS NULL"};
  CachedStatement update_last_seen_{db_, "UPDATE devices SET last_seen_us = max(last_seen_us, ?2) WHERE id = ?1"};
  CachedStatement remove_device_{db_, "UPDATE devices SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL"};
  CachedStatement remove_tokens_{db_, "DELETE FROM device_tokens WHERE device = ?1"};
  CachedStatement remove_certificates_{db_, "DELETE FROM device_certificates WHERE device = ?1"};
  CachedStatement remove_evaluations_{
      db_, "DELETE FROM alert_evaluations WHERE series IN (SELECT id FROM series WHERE device = ?1)"};
  CachedStatement add_series_{
      db_, "INSERT INTO series (device, name, unit, type, interval_ms, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
  CachedStatement update_interval_{db_, "UPDATE series SET interval_ms = ?2 WHERE id = ?1"};
  CachedStatement load_groups_{db_, "SELECT name, tags, created_us FROM device_groups ORDER BY name"};
  CachedStatement put_group_{db_,
                             "INSERT INTO device_groups (name, tags, created_us) VALUES (?1, ?2, ?3) "
                             "ON CONFLICT (name) DO UPDATE SET tags = excluded.tags"};
  CachedStatement remove_group_{db_, "DELETE FROM device_groups WHERE name = ?1"};
};

}  // namespace

std::unique_ptr<DeviceStore> make_device_store(HubDatabase& db) {
  return std::make_unique<SqliteDeviceStore>(db.connection());
}

}  // namespace hub::sqlite
