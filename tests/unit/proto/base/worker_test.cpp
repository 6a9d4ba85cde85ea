#include "base/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <numeric>
#include <vector>

namespace base {
namespace {

TEST(Worker, tasks_run_in_order_on_its_own_thread) {
  std::vector<int> order, expected(1'000);
  std::iota(expected.begin(), expected.end(), 0);
  Worker worker("test");
  EXPECT_FALSE(worker.is_current());
  for (int i = 0; i < 1'000; ++i) {
    worker.post([&, i] {
      EXPECT_TRUE(worker.is_current());
      order.push_back(i);
    });
  }
  worker.flush();
  EXPECT_EQ(order, expected);
}

TEST(Worker, a_full_queue_refuses_and_accepts_again) {
  Worker worker("test", 2);
  std::promise<void> begun, release;
  worker.post([&] {
    begun.set_value();
    release.get_future().wait();
  });
  begun.get_future().wait();
  EXPECT_TRUE(worker.try_post([] {}));
  EXPECT_TRUE(worker.try_post([] {}));
  EXPECT_FALSE(worker.try_post([] {}));
  release.set_value();
  worker.flush();
  EXPECT_TRUE(worker.try_post([] {}));
}

TEST(Worker, the_end_runs_what_is_queued_and_drops_what_is_due_later) {
  std::atomic<int> ran{0};
  {
    Worker worker("test");
    for (int i = 0; i < 100; ++i) worker.post([&] { ++ran; });
    worker.post_after(3'600'000'000, [&] { ran += 1'000; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(Worker, delayed_tasks_come_in_the_order_they_are_due) {
  std::promise<std::vector<int>> all;
  std::vector<int> order;
  Worker worker("test");
  worker.post_after(20'000, [&] {
    order.push_back(2);
    all.set_value(order);
  });
  worker.post_after(1'000, [&] { order.push_back(1); });
  EXPECT_EQ(all.get_future().get(), (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace base
