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
