// What the registry asks of its store: when, how often, and what a failure leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "hub/devices/device_registry.h"
#include "tests/fakes/hub_fixture.h"

namespace hub {
namespace {

/// The real store, until `failing`; counts what is written.
class ObservedStore final : public DeviceStore {
 public:
  explicit ObservedStore(DeviceStore& store) : store_(store) {}
  bool failing = false;
  int writes = 0;
  std::size_t last_seen_rows = 0;

  Result<std::vector<DeviceRecord>> load_devices() override { return store_.load_devices(); }
  Result<std::vector<SeriesRecord>> load_series() override { return store_.load_series(); }
  Result<void> update_device(const DeviceRecord& device) override {
    return written([&] { return store_.update_device(device); });
  }
  Result<void> update_last_seen(const std::vector<std::pair<DeviceId, std::int64_t>>& seen) override {
    last_seen_rows += seen.size();
    return written([&] { return store_.update_last_seen(seen); });
  }
  Result<void> remove_device(const DeviceId& device, std::int64_t now_us) override {
    return written([&] { return store_.remove_device(device, now_us); });
  }
  Result<void> add_series(std::vector<SeriesRecord>& series) override {
    return written([&] { return store_.add_series(series); });
  }
  Result<void> update_intervals(const std::vector<std::pair<SeriesId, std::uint32_t>>& intervals) override {
    return written([&] { return store_.update_intervals(intervals); });
  }
  Result<std::vector<GroupRecord>> load_groups() override { return store_.load_groups(); }
  Result<void> put_group(const GroupRecord& group) override {
    return written([&] { return store_.put_group(group); });
  }
  Result<void> remove_group(const std::string& name) override {
    return written([&] { return store_.remove_group(name); });
  }

 private:
  template <class Write>
  Result<void> written(Write write) {
    if (failing) return errc::unavailable;
    ++writes;
    return write();
  }
  DeviceStore& store_;
};

class RegistryStorage : public ::testing::Test {
 protected:
  ~RegistryStorage() override { control.flush(); }
  Outcome<std::vector<SeriesId>> define(const DeviceId& device, const std::vector<SeriesWish>& wishes) {
    return fakes::answer_of<std::vector<SeriesId>>([&](auto done) { registry.define_series(device, wishes, done); });
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  DeviceRecord boiler = files.enrol("boiler");
  ObservedStore store{*files.devices};
  base::Worker control{"control"};
  DeviceRegistry registry{store, control, clock};
};

TEST_F(RegistryStorage, answer_comes_after_the_commit) {
  std::promise<std::size_t> stored;
  registry.define_series(boiler.id, {{"temp", "C", ValueType::number, 0}}, [&](const auto& outcome) {
    EXPECT_TRUE(outcome);
    auto other = sqlite::HubDatabase::open(files.path());  // sees committed rows only
    stored.set_value(sqlite::make_device_store(**other)->load_series().value().size());
  });
  EXPECT_EQ(stored.get_future().get(), 1u);
}

TEST_F(RegistryStorage, what_is_known_costs_no_write) {
  const std::vector<SeriesWish> wishes{{"a", "C", ValueType::number, 5}, {"b", "C", ValueType::number, 5}};
  ASSERT_TRUE(define(boiler.id, wishes));
  EXPECT_EQ(store.writes, 1);
  ASSERT_TRUE(define(boiler.id, wishes));
  EXPECT_EQ(store.writes, 1);
  ASSERT_TRUE(define(boiler.id, {{"a", "C", ValueType::number, 6}, {"b", "C", ValueType::number, 7}}));
  EXPECT_EQ(store.writes, 2);
}

TEST_F(RegistryStorage, failed_write_changes_nothing_in_memory) {
  const SeriesWish temp{"temp", "C", ValueType::number, 5};
  const auto id = define(boiler.id, {temp}).value()[0];
  store.failing = true;
  EXPECT_EQ(define(boiler.id, {temp, {"more", "", ValueType::number, 0}}).error().code, errc::unavailable);
  EXPECT_EQ(define(boiler.id, {{"temp", "C", ValueType::number, 9}}).error().code, errc::unavailable);
  const auto refused = [&](auto call) {
    const auto outcome = fakes::answer_of<bool>(call);
    return outcome ? errc::ok : outcome.error().code;
  };
  EXPECT_EQ(refused([&](auto done) { registry.rename(boiler.id, "new", done); }), errc::unavailable);
  EXPECT_EQ(refused([&](auto done) { registry.set_tags(boiler.id, {{"a", "b"}}, done); }), errc::unavailable);
  EXPECT_EQ(refused([&](auto done) { registry.remove(boiler.id, done); }), errc::unavailable);
  registry.described(boiler.id, {{"os", "linux"}}, {});
  control.flush();

  EXPECT_EQ(registry.series_of(boiler.id).size(), 1u);
  EXPECT_EQ(registry.series(id)->interval_ms, 5u);
  EXPECT_EQ(registry.find("boiler")->id, boiler.id);
  EXPECT_TRUE(registry.find("boiler")->tags.empty());
  EXPECT_TRUE(registry.find("boiler")->attributes.empty());
  EXPECT_FALSE(registry.find("new"));
  store.failing = false;
  EXPECT_TRUE(define(boiler.id, {temp, {"more", "", ValueType::number, 0}}));
}

TEST_F(RegistryStorage, last_seen_that_failed_is_stored_with_the_next_minute) {
  store.failing = true;
  registry.connected(boiler.id);
  control.flush();
  store.failing = false;
  clock.advance(60'000'000);
  control.post([&] { registry.tick(); });
  control.flush();
  EXPECT_EQ(files.devices->load_devices().value()[0].last_seen_us, clock.now_us() - 60'000'000);
}

TEST_F(RegistryStorage, many_devices_connecting_at_once_are_few_transactions) {
  std::vector<DeviceId> many;
  for (int i = 0; i < 200; ++i) many.push_back(files.enrol("device " + std::to_string(i)).id);
  std::promise<void> go;
  control.post([&go] { go.get_future().wait(); });  // control is busy meanwhile
  for (const auto& device : many) {
    DeviceRecord record;
    record.id = device;
    record.name = device.str();
    registry.added(record);
    registry.connected(device);
  }
  go.set_value();
  control.flush();
  EXPECT_EQ(store.writes, 1);
  EXPECT_EQ(store.last_seen_rows, 200u);
}

TEST_F(RegistryStorage, full_control_queue_is_answered_busy) {
  base::Worker narrow("narrow", 1);
  DeviceRegistry other(store, narrow, clock);
  std::promise<void> go, running;
  narrow.post([&] { running.set_value(), go.get_future().wait(); });
  running.get_future().wait();
  ASSERT_TRUE(narrow.try_post([] {}));
  errc answered = errc::ok;
  other.define_series(boiler.id, {}, [&](const auto& outcome) { answered = outcome.error().code; });
  EXPECT_EQ(answered, errc::busy);
  go.set_value();
  narrow.flush();
}

}  // namespace
}  // namespace hub
