// A data folder with a registry, readings in partitions, recent.db and journal, for tests of the tools.
#pragma once

#include <sqlite3.h>

#include <fstream>
#include <sstream>

#include "hub/storage/sqlite/hub_database.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace tools_test {

using namespace partitions_test;

class Tools : public Partitions {
 protected:
  Tools() {
    auto db = hub::sqlite::HubDatabase::open(folder_.path() + "/hub.db");
    EXPECT_TRUE(db);
    auto& sql = (*db)->connection();
    EXPECT_TRUE(
        sql.execute("INSERT INTO devices (id, name, created_us, last_seen_us, tags, attributes, commands) VALUES "
                    "('a', 'greenhouse', 1, 1, '{}', '{}', '[]'), ('b', 'cellar', 1, 1, '{}', '{}', '[]');"
                    "INSERT INTO series (id, device, name, unit, type, interval_ms, revision) VALUES "
                    "(7, 'a', 'temperature', 'Cel', 1, 1000, 1), (8, 'a', 'humidity', '%', 1, 1000, 1), "
                    "(9, 'b', 'state, of door', '', 3, 0, 1), (999999, 'a', 'marker', '', 1, 0, 1);"));
    EXPECT_TRUE((*db)->set_fact("hub_id", "0123456789abcdef"));
    std::filesystem::create_directory(folder_.path() + "/tls");
    std::ofstream(folder_.path() + "/tls/ca.key") << "a key\n";
  }

  /// Two days that are partitions, one that is in recent.db, and a commit that only the journal has.
  void fill() {
    open();
    put_day(kDay0 - kOneDayUs);
    put_day(kDay0, SeriesId{8});
    put({kDay0 + 5}, {41}, kSeries);
    end_days(2);
    put({clock_.now_us()}, {42}, kSeries);
    options_.tail_max_bytes = 1 << 20;
    open();
    auto frame = fakes::frame_of(fakes::stream_of("b"), 1);
    frame.columns.push_back({SeriesId{9}, fakes::times({kDay0 + 10}), std::vector<std::string>{"open, \"wide\""}});
    hub::Gap gap;
    gap.device = hub::DeviceId("b");
    gap.from_us = kDay0 + 20;
    gap.to_us = kDay0 + 30;
    gap.count = 3;
    gap.reason = hub::GapReason::spool_full;
    gap.reported_by = "device";
    auto lost = fakes::frame_of(fakes::stream_of("b"), 2);
    lost.gaps.push_back(gap);
    ASSERT_TRUE(client().append(std::move(frame)));
    ASSERT_TRUE(client().append(std::move(lost)));
  }

  /// In a database of the folder, as somebody might who should not.
  void meddle(const std::string& file, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_.path() + "/" + file).c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(db);
  }
  std::string journal_file() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("journal-") && name.ends_with(".db")) last_ = std::max(last_, name);
    }
    return last_;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  fakes::TempFolder elsewhere_;
  mutable std::string last_;
};

}  // namespace tools_test
