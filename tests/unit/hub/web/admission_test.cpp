#include "hub/web/admission.h"

#include <gtest/gtest.h>

#include <string>

namespace hub::web {
namespace {

using Verdict = Admission::Verdict;

TEST(Admission, places_are_for_all_and_for_each_address) {
  Admission admission({3, 2, 10, 1'000});
  EXPECT_EQ(admission.arrive("a", 0), Verdict::go);
  EXPECT_EQ(admission.arrive("a", 0), Verdict::go);
  EXPECT_EQ(admission.arrive("a", 0), Verdict::address_full);
  EXPECT_EQ(admission.arrive("b", 0), Verdict::go);
  EXPECT_EQ(admission.arrive("c", 0), Verdict::full);
  EXPECT_EQ(admission.connections(), 3u);
  admission.leave("a");
  EXPECT_EQ(admission.arrive("a", 0), Verdict::go);
}

TEST(Admission, an_address_that_comes_too_often_waits) {
  Admission admission({1'000, 1'000, 10, 2});  // twenty at once, then two a second
  for (int i = 0; i < 20; ++i) EXPECT_EQ(admission.arrive("a", 0), Verdict::go);
  EXPECT_EQ(admission.arrive("a", 0), Verdict::address_too_often);
  EXPECT_EQ(admission.arrive("b", 0), Verdict::go);
  EXPECT_EQ(admission.arrive("a", 500'000), Verdict::go);
  EXPECT_EQ(admission.arrive("a", 500'000), Verdict::address_too_often);
}

TEST(Admission, connections_are_taken_one_by_one_when_many_come_at_once) {
  Admission admission({1'000, 1'000, 10, 1'000, 500});  // one in two milliseconds
  std::int64_t now_us = 1'000'000;
  int taken = 0;
  while (admission.accept_wait_us(now_us) == 0) ++taken;
  EXPECT_EQ(taken, 32);
  const std::int64_t wait_us = admission.accept_wait_us(now_us);
  EXPECT_GT(wait_us, 1'900);
  EXPECT_LE(wait_us, 2'001);
  now_us += wait_us;
  EXPECT_EQ(admission.accept_wait_us(now_us), 0);
  EXPECT_GT(admission.accept_wait_us(now_us), 0);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(admission.accept_wait_us(now_us += 2'001), 0) << i;
  now_us += 10'000'000;
  taken = 0;
  while (admission.accept_wait_us(now_us) == 0) ++taken;
  EXPECT_EQ(taken, 32) << "what nobody used is not saved up";
}

TEST(Admission, the_oldest_handshake_of_the_address_with_most_goes_first) {
  Admission admission({1'000, 1'000, 4, 1'000});
  EXPECT_FALSE(admission.begin_handshake(1, "patient"));
  for (const std::uint64_t number : {2, 3, 4}) EXPECT_FALSE(admission.begin_handshake(number, "greedy"));
  EXPECT_EQ(admission.begin_handshake(5, "greedy"), 2u);
  EXPECT_EQ(admission.begin_handshake(6, "third"), 3u);
  EXPECT_EQ(admission.begin_handshake(7, "greedy"), 4u);
  EXPECT_EQ(admission.handshakes(), 4u);
  admission.end_handshake(4);  // it was shed: nothing of another
  EXPECT_EQ(admission.handshakes(), 4u);
  admission.end_handshake(1);
  EXPECT_FALSE(admission.begin_handshake(8, "greedy"));
}

TEST(Admission, where_all_hold_as_many_the_oldest_goes) {
  Admission admission({1'000, 1'000, 3, 1'000});
  for (const std::uint64_t number : {1, 2, 3}) (void)admission.begin_handshake(number, std::to_string(number));
  EXPECT_EQ(admission.begin_handshake(4, "4"), 1u);
  EXPECT_EQ(admission.begin_handshake(5, "5"), 2u);
}

}  // namespace
}  // namespace hub::web
