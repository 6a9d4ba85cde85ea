#include "hub/alerts/commit_feed.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <thread>

namespace hub {
namespace {

CommitPtr commit(CommitNumber number, std::size_t size_bytes = 10) {
  Commit out;
  out.number = number;
  out.size_bytes = size_bytes;
  return std::make_shared<const Commit>(std::move(out));
}

TEST(CommitFeed, before_it_is_live_it_only_remembers_the_newest) {
  CommitFeed feed(100);
  EXPECT_FALSE(feed.put(commit(1)));
  EXPECT_FALSE(feed.put(commit(2)));
  EXPECT_EQ(feed.take(), nullptr);
  EXPECT_FALSE(feed.try_go_live(1));
  EXPECT_TRUE(feed.try_go_live(2));
  EXPECT_TRUE(feed.put(commit(3)));
  EXPECT_EQ(feed.take()->number, 3u);
}

TEST(CommitFeed, the_reader_is_woken_once_until_it_took_all) {
  CommitFeed feed(100);
  ASSERT_TRUE(feed.try_go_live(0));
  EXPECT_TRUE(feed.put(commit(1)));
  EXPECT_FALSE(feed.put(commit(2)));
  EXPECT_NE(feed.take(), nullptr);
  EXPECT_FALSE(feed.put(commit(3)));
  EXPECT_NE(feed.take(), nullptr);
  EXPECT_NE(feed.take(), nullptr);
  EXPECT_EQ(feed.take(), nullptr);
  EXPECT_TRUE(feed.put(commit(4)));
}

TEST(CommitFeed, past_its_bound_the_rest_is_left_to_the_store) {
  CommitFeed feed(25);
  ASSERT_TRUE(feed.try_go_live(0));
  for (CommitNumber n = 1; n <= 5; ++n) (void)feed.put(commit(n));
  EXPECT_FALSE(feed.is_live());
  EXPECT_EQ(feed.take()->number, 1u);
  EXPECT_EQ(feed.take()->number, 2u);
  EXPECT_EQ(feed.take(), nullptr);
  EXPECT_FALSE(feed.try_go_live(2));
  EXPECT_EQ(feed.newest(), 5u);
  EXPECT_TRUE(feed.try_go_live(5));
}

TEST(CommitFeed, a_hole_ends_being_live) {
  CommitFeed feed(100);
  ASSERT_TRUE(feed.try_go_live(7));
  EXPECT_TRUE(feed.put(commit(9)));
  EXPECT_FALSE(feed.is_live());
  EXPECT_EQ(feed.take(), nullptr);
}

RC_GTEST_PROP(CommitFeedProperties, the_reader_sees_every_number_once_and_in_order, ()) {
  const auto total = *rc::gen::inRange<CommitNumber>(1, 300);
  CommitFeed feed(*rc::gen::inRange<std::size_t>(10, 200));
  std::thread journal([&] {
    for (CommitNumber n = 1; n <= total; ++n) (void)feed.put(commit(n));
  });
  CommitNumber position = 0;
  bool in_order = true;
  while (position < total) {
    while (const auto next = feed.take()) {
      if (next->number <= position) continue;
      in_order = in_order && next->number == position + 1;
      position = next->number;
    }
    // As the service does: what is not handed over is read from the store, which has everything up to newest().
    if (!feed.is_live() && !feed.try_go_live(position)) position = std::max(position, feed.newest());
  }
  journal.join();
  RC_ASSERT(in_order);
  RC_ASSERT(position == total);
}

}  // namespace
}  // namespace hub
