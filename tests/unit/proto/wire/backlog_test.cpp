#include "wire/backlog.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>

namespace wire {
namespace {

std::string front_of(const Backlog& backlog, std::size_t pieces) {
  std::vector<iovec> found(pieces);
  std::string text;
  const std::size_t count = backlog.front(found);
  for (std::size_t i = 0; i < count; ++i) text.append(static_cast<const char*>(found[i].iov_base), found[i].iov_len);
  return text;
}

TEST(Backlog, what_was_appended_leaves_in_order_and_in_whole) {
  Backlog backlog;
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(front_of(backlog, 4), "");
  backlog.append("one");
  backlog.append("two");
  EXPECT_EQ(backlog.size(), 6u);
  EXPECT_EQ(front_of(backlog, 1), "onetwo") << "small ones share a block";
  backlog.consume(4);
  EXPECT_EQ(front_of(backlog, 1), "wo");
  backlog.append("three");
  EXPECT_EQ(front_of(backlog, 1), "wothree");
  backlog.consume(7);
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(front_of(backlog, 4), "");
}

TEST(Backlog, cleared_is_as_new) {
  Backlog backlog;
  backlog.append(std::string(50'000, 'x'));
  backlog.consume(20'000);
  backlog.clear();
  EXPECT_TRUE(backlog.empty());
  backlog.append("y");
  EXPECT_EQ(front_of(backlog, 4), "y");
}

RC_GTEST_PROP(Backlog, is_a_queue_of_bytes, ()) {
  Backlog backlog;
  std::string model;
  const auto steps = *rc::gen::container<std::vector<std::pair<bool, std::size_t>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange<std::size_t>(0, 40'000)));
  std::size_t number = 0;
  for (const auto& [adds, amount] : steps) {
    if (adds) {
      std::string more(amount, static_cast<char>('a' + number++ % 26));
      backlog.append(more);
      model += more;
    } else {
      const std::size_t n = std::min(amount, model.size());
      backlog.consume(n);
      model.erase(0, n);
    }
    RC_ASSERT(backlog.size() == model.size());
    const std::string front = front_of(backlog, 3);
    RC_ASSERT(front == model.substr(0, front.size()));
    RC_ASSERT(!front.empty() || model.empty());
    RC_ASSERT(front_of(backlog, 10'000) == model);
  }
}

}  // namespace
}  // namespace wire
