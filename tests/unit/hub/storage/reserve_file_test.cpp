// Room for a full disk: kept, given up, and made again.
#include "hub/storage/sqlite/reserve_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/fakes/power_cut_vfs.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

namespace fs = std::filesystem;
using namespace partitions_test;
using hub::sqlite::DataFolder;
using hub::sqlite::ReserveFile;
using testing::HasSubstr;

constexpr std::uint64_t kLowWater = 4u << 20, kReserve = kLowWater / 4;

/// A disk of which the reserve is a part: `free` is what is free while it is there.
class FullDisk {
 public:
  std::uint64_t free_in(const std::string& folder) const {
    return free + (fs::exists(folder + "/reserve") ? 0 : kReserve);
  }
  std::atomic<std::uint64_t> free{100u << 20};
};

class ReserveFileTest : public testing::Test {
 protected:
  DataFolder folder() {
    return DataFolder(folder_.path(), nullptr, [this](const std::string& path) { return disk_.free_in(path); });
  }
  bool exists() const { return fs::exists(folder_.path() + "/reserve"); }

  fakes::TempFolder folder_;
  FullDisk disk_;
};

TEST_F(ReserveFileTest, holds_room_that_is_there) {
  ReserveFile reserve(folder(), kLowWater);
  reserve.look();
  EXPECT_EQ(reserve.bytes(), kReserve);
  EXPECT_EQ(fs::file_size(folder_.path() + "/reserve"), kReserve);
  ReserveFile again(folder(), kLowWater);
  again.look();
  EXPECT_EQ(again.bytes(), kReserve) << "found as it was left";
}

TEST_F(ReserveFileTest, is_sixty_four_megabytes_at_most_and_follows_the_setting) {
  EXPECT_EQ(ReserveFile(folder(), 512u << 20).wanted_bytes(), 64u << 20);
  EXPECT_EQ(ReserveFile(folder(), 1).wanted_bytes(), 0u);
  ReserveFile(folder(), kLowWater).look();
  ReserveFile larger(folder(), 2 * kLowWater);
  larger.look();
  EXPECT_EQ(fs::file_size(folder_.path() + "/reserve"), 2 * kReserve);
  ReserveFile none(folder(), 1);
  none.look();
  EXPECT_FALSE(exists());
  EXPECT_FALSE(none.is_given_up());
}

TEST_F(ReserveFileTest, goes_when_the_disk_is_full_and_comes_back_only_when_there_is_plenty) {
  ReserveFile reserve(folder(), kLowWater);
  reserve.look();
  disk_.free = kReserve / 4;
  reserve.look();
  EXPECT_TRUE(exists()) << "not yet full";
  disk_.free = kReserve / 4 - 1;
  reserve.look();
  EXPECT_FALSE(exists());
  EXPECT_TRUE(reserve.is_given_up());
  EXPECT_LT(disk_.free_in(folder_.path()), kLowWater) << "what it gave is not for ingest";
  disk_.free = kLowWater + kReserve - 1;
  reserve.look();
  EXPECT_FALSE(exists()) << "it would go again too soon";
  disk_.free = kLowWater + kReserve;
  reserve.look();
  EXPECT_TRUE(exists());
  EXPECT_GE(disk_.free_in(folder_.path()), kLowWater) << "making it does not stop ingest";
}

TEST_F(ReserveFileTest, half_made_one_is_made_anew) {
  std::ofstream(folder_.path() + "/reserve") << "half";
  ReserveFile reserve(folder(), kLowWater);
  reserve.look();
  EXPECT_EQ(fs::file_size(folder_.path() + "/reserve"), kReserve);
}

TEST_F(ReserveFileTest, gives_way_before_the_databases_are_opened) {
  EXPECT_FALSE(give_up_reserve_if_full(folder()));
  ReserveFile(folder(), kLowWater).look();
  EXPECT_FALSE(give_up_reserve_if_full(folder()));
  disk_.free = 0;
  EXPECT_TRUE(give_up_reserve_if_full(folder()));
  EXPECT_FALSE(exists());
}

/// The store on a disk that others fill. Everything is sealed at once.
class StoreOnFullDisk : public Partitions {
 protected:
  StoreOnFullDisk() {
    options_.low_water_bytes = kLowWater;
    options_.free_bytes = [this](const std::string& path) { return disk_.free_in(path); };
  }
  hub::Result<hub::AppendResult> append() {
    return client().append(fakes::number_frame(fakes::stream_of("a"), sequence_ + 1, kSeries, {kDay0 + 1}, {1}));
  }
  FullDisk disk_;
};

TEST_F(StoreOnFullDisk, ingest_stops_reads_go_on_and_room_brings_everything_back) {
  open();
  put({kDay0}, {1});
  EXPECT_EQ(store_->status().reserve_bytes, kReserve);
  disk_.free = 0;
  const auto refused = append();
  ASSERT_FALSE(refused);
  EXPECT_EQ(hub::to_errc(refused.error()), hub::errc::unavailable);
  EXPECT_THAT(store_->status().failure, HasSubstr("nearly full"));
  wait_until([&] { return store_->status().reserve_given_up; });
  EXPECT_THAT(store_->status().warning, HasSubstr("reserve"));
  EXPECT_EQ(store_->status().reserve_bytes, 0u);
  EXPECT_EQ(raw().size(), 1u);
  ASSERT_FALSE(append()) << "the reserve is not for ingest";
  disk_.free = kLowWater;
  wait_until([&] { return store_->status().failure.empty(); });
  EXPECT_TRUE(store_->status().reserve_given_up) << "room for ingest, not yet for the reserve";
  put({kDay0 + 1}, {2});
  disk_.free = 100u << 20;
  wait_until([&] { return !store_->status().reserve_given_up; });
  EXPECT_EQ(store_->status().warning, "");
  EXPECT_EQ(raw().size(), 2u);
}

TEST_F(StoreOnFullDisk, folder_is_opened_on_a_disk_that_is_full) {
  open();
  put({kDay0}, {1});
  store_.reset();
  disk_.free = 0;
  open();
  EXPECT_TRUE(store_->status().reserve_given_up);
  EXPECT_EQ(raw().size(), 1u);
  ASSERT_FALSE(append());
}

TEST_F(StoreOnFullDisk, seal_without_room_gives_the_reserve_up_and_is_made_with_it) {
  fakes::PowerCutVfs vfs("full-disk");
  options_.vfs = vfs.name();
  options_.file_names = &vfs.file_names();
  options_.tail_max_bytes = 1u << 20;
  options_.seal_interval_us = 600 * kSecondUs;
  open();
  ASSERT_TRUE(append());
  ++sequence_;
  vfs.limit_bytes(1);  // nothing may grow, though the system says that there is room
  clock_.advance(options_.seal_interval_us);
  wait_until([&] { return vfs.fault_happened() && store_->status().reserve_given_up; });
  EXPECT_EQ(store_->status().sealed_through, 0u);
  EXPECT_FALSE(store_->status().fatal);
  EXPECT_EQ(raw().size(), 1u) << "reads go on";
  vfs.clear_faults();
  wait_until([&] { return store_->status().sealed_through == 1; });
  EXPECT_EQ(raw().size(), 1u);
  store_.reset();
}

}  // namespace
