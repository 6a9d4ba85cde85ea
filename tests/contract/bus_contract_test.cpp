// What every bus promises. One suite, run over each engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "hub/live/bus.h"

namespace hub {
namespace {

struct BusEngine {
  const char* name;
  std::unique_ptr<Bus> (*make)();
};

class BusContract : public ::testing::TestWithParam<BusEngine> {
 protected:
  std::unique_ptr<Bus> bus = GetParam().make();
};

class Recorder : public BusSink {
 public:
  void deliver(const BusItem& item) override {
    EXPECT_FALSE(gone) << "delivered after unsubscribe() returned";
    EXPECT_FALSE(inside.exchange(true)) << "two deliveries at once";
    {
      const std::lock_guard lock(mutex);
      if (const auto* commit = std::get_if<CommitPtr>(&item)) commits.push_back((*commit)->number);
      if (const auto* event = std::get_if<EventPtr>(&item)) events.push_back((*event)->id);
    }
    ++count;
    inside = false;
  }
  std::vector<CommitNumber> commits_seen() {
    const std::lock_guard lock(mutex);
    return commits;
  }
  std::mutex mutex;
  std::vector<CommitNumber> commits;
  std::vector<std::uint32_t> events;
  std::atomic<bool> gone{false}, inside{false};
  std::atomic<std::size_t> count{0};
};

BusItem commit(CommitNumber number) {
  auto made = std::make_shared<Commit>();
  made->number = number;
  return CommitPtr(made);
}
BusItem event(std::uint32_t id) {
  auto made = std::make_shared<Event>();
  made->id = id;
  return EventPtr(made);
}
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_P(BusContract, every_sink_gets_every_item_in_order) {
  const auto a = std::make_shared<Recorder>(), b = std::make_shared<Recorder>();
  bus->subscribe(a);
  bus->subscribe(b);
  for (CommitNumber n = 1; n <= 1'000; ++n) bus->publish(commit(n));
  ASSERT_TRUE(eventually([&] { return a->count == 1'000 && b->count == 1'000; }));
  for (CommitNumber n = 1; n <= 1'000; ++n) {
    ASSERT_EQ(a->commits[n - 1], n);
    ASSERT_EQ(b->commits[n - 1], n);
  }
}

TEST_P(BusContract, nothing_published_before_subscribing_arrives) {
  bus->publish(commit(1));
  const auto sink = std::make_shared<Recorder>();
  bus->subscribe(sink);
  bus->publish(commit(2));
  ASSERT_TRUE(eventually([&] { return sink->count == 1; }));
  EXPECT_THAT(sink->commits_seen(), ::testing::ElementsAre(2));
}

TEST_P(BusContract, concurrent_publishers_keep_their_own_order) {
  const auto sink = std::make_shared<Recorder>();
  bus->subscribe(sink);
  std::thread commits([&] {
    for (CommitNumber n = 1; n <= 2'000; ++n) bus->publish(commit(n));
  });
  std::thread events([&] {
    for (std::uint32_t n = 1; n <= 2'000; ++n) bus->publish(event(n));
  });
  commits.join();
  events.join();
  ASSERT_TRUE(eventually([&] { return sink->count == 4'000; }));
  EXPECT_TRUE(std::is_sorted(sink->commits.begin(), sink->commits.end()));
  EXPECT_TRUE(std::is_sorted(sink->events.begin(), sink->events.end()));
  EXPECT_EQ(sink->commits.size(), 2'000u);
}

TEST_P(BusContract, after_unsubscribe_returns_nothing_is_delivered) {
  std::atomic<bool> done{false};
  std::thread publisher([&] {
    for (CommitNumber n = 1; !done; ++n) bus->publish(commit(n));
  });
  for (int i = 0; i < 200; ++i) {
    const auto sink = std::make_shared<Recorder>();
    bus->subscribe(sink);
    EXPECT_TRUE(eventually([&] { return sink->count > 0; }));
    bus->unsubscribe(sink);
    EXPECT_FALSE(sink->inside);
    sink->gone = true;
    const auto seen = sink->commits_seen();
    for (std::size_t k = 1; k < seen.size(); ++k) EXPECT_EQ(seen[k], seen[k - 1] + 1);
  }
  done = true;
  publisher.join();
}

TEST_P(BusContract, unsubscribed_sinks_are_let_go) {
  auto sink = std::make_shared<Recorder>();
  bus->subscribe(sink);
  bus->publish(commit(1));
  bus->unsubscribe(sink);
  bus->unsubscribe(sink);  // a second time does nothing
  const std::weak_ptr<Recorder> weak = sink;
  sink.reset();
  EXPECT_TRUE(weak.expired());
  bus->publish(commit(2));
}

TEST_P(BusContract, a_slow_sink_does_not_lose_or_reorder) {
  struct Slow final : Recorder {
    void deliver(const BusItem& item) override {
      for (int i = 0; i < 10; ++i) std::this_thread::yield();
      Recorder::deliver(item);
    }
  };
  const auto slow = std::make_shared<Slow>();
  const auto quick = std::make_shared<Recorder>();
  bus->subscribe(slow);
  bus->subscribe(quick);
  for (CommitNumber n = 1; n <= 500; ++n) bus->publish(commit(n));
  ASSERT_TRUE(eventually([&] { return slow->count == 500 && quick->count == 500; }));
  EXPECT_TRUE(std::is_sorted(slow->commits.begin(), slow->commits.end()));
}

INSTANTIATE_TEST_SUITE_P(Engines, BusContract, ::testing::Values(BusEngine{"in_process", &make_in_process_bus}),
                         [](const ::testing::TestParamInfo<BusEngine>& engine) {
                           return std::string(engine.param.name);
                         });

}  // namespace
}  // namespace hub
