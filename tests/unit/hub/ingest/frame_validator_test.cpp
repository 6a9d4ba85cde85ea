#include "hub/ingest/frame_validator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hub {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000'000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class FrameValidatorTest : public ::testing::Test {
 protected:
  FrameValidatorTest() {
    for (std::uint32_t alias = 1; alias <= 4; ++alias) {
      define(alias, "s" + std::to_string(alias), static_cast<telemetry::v1::ValueType>(alias), SeriesId{100 + alias});
    }
    body_.set_wall_us(kNow);
  }

  void define(std::uint32_t alias, const std::string& name, telemetry::v1::ValueType type, SeriesId id) {
    telemetry::v1::SeriesDefinition d;
    d.set_alias(alias);
    d.set_name(name);
    d.set_type(type);
    aliases_.add(d, id);
  }

  telemetry::v1::Block& block(std::uint32_t count, std::int64_t base = -1'000'000) {
    auto& b = *body_.add_blocks();
    b.set_base_us(base);
    b.set_step(1'000);
    b.set_count(count);
    return b;
  }
  static void numbers(telemetry::v1::Block& b, std::uint32_t alias, std::initializer_list<double> values) {
    auto& c = *b.add_columns();
    c.set_series(alias);
    for (const double v : values) c.add_doubles(v);
  }
  Outcome<ValidatedBody> validate() {
    return validator_.validate(body_, aliases_, {DeviceId{"dX"}, kNow, 600'000'000, {}});
  }

  SeriesAliases aliases_;
  telemetry::v1::FrameBody body_;
  FrameValidator validator_;
};

TEST_F(FrameValidatorTest, replaces_aliases_and_shares_the_times_of_a_block) {
  auto& b = block(2);
  numbers(b, 1, {1.5, 2.5});
  b.add_columns()->set_bits(std::string(1, '\2'));  // alias 2: one more than the column before
  auto out = validate();
  ASSERT_TRUE(out);
  ASSERT_EQ(out->columns.size(), 2u);
  EXPECT_EQ(raw(out->columns[0].series), 101u);
  EXPECT_EQ(raw(out->columns[1].series), 102u);
  EXPECT_EQ(out->columns[0].times.get(), out->columns[1].times.get());
  EXPECT_EQ(*out->columns[0].times, (std::vector<std::int64_t>{kNow - 1'000'000, kNow - 999'000}));
  EXPECT_EQ(std::get<1>(out->columns[1].values), (std::vector<std::uint8_t>{0, 1}));
  EXPECT_TRUE(out->gaps.empty());
}

TEST_F(FrameValidatorTest, readings_that_are_not_finite_become_one_gap_with_their_range) {
  numbers(block(4), 1, {1, kNan, 3, -std::numeric_limits<double>::infinity()});
  auto out = validate();
  ASSERT_TRUE(out);
  EXPECT_EQ(std::get<0>(out->columns[0].values), (std::vector<double>{1, 3}));
  ASSERT_EQ(out->gaps.size(), 1u);
  EXPECT_EQ(out->gaps[0].reason, GapReason::not_finite);
  EXPECT_EQ(out->gaps[0].count, 2u);
  EXPECT_EQ(out->gaps[0].from_us, kNow - 999'000);
  EXPECT_EQ(out->gaps[0].to_us, kNow - 997'000);
  EXPECT_EQ(out->rejected_readings, 2u);
}

TEST_F(FrameValidatorTest, series_over_the_quota_become_one_gap_of_the_device) {
  define(8, "beyond", telemetry::v1::VALUE_TYPE_NUMBER, SeriesId{});
  define(9, "beyond-too", telemetry::v1::VALUE_TYPE_NUMBER, SeriesId{});
  auto& b = block(2);
  numbers(b, 1, {1, 2});
  numbers(b, 8, {3, 4});
  numbers(b, 9, {5, 6});
  auto out = validate();
  ASSERT_TRUE(out);
  ASSERT_EQ(out->columns.size(), 1u) << "the others are stored";
  EXPECT_EQ(std::get<0>(out->columns[0].values), (std::vector<double>{1, 2}));
  ASSERT_EQ(out->gaps.size(), 1u);
  EXPECT_EQ(out->gaps[0].reason, GapReason::quota);
  EXPECT_EQ(out->gaps[0].series, SeriesId{});
  EXPECT_EQ(out->gaps[0].count, 4u);
  EXPECT_EQ(out->gaps[0].from_us, kNow - 1'000'000);
  EXPECT_EQ(out->gaps[0].to_us, kNow - 999'000);
  EXPECT_EQ(out->rejected_readings, 4u);
}

TEST_F(FrameValidatorTest, a_column_of_nothing_but_refused_readings_leaves_only_its_gap) {
  numbers(block(1), 1, {kNan});
  auto out = validate();
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->columns.empty());
  EXPECT_EQ(out->gaps.size(), 1u);
}

TEST_F(FrameValidatorTest, strings_and_locations_out_of_range_become_gaps) {
  auto& b = block(3);
  auto& strings = *b.add_columns();
  strings.set_series(3);
  strings.add_dictionary("ok");
  strings.add_dictionary(std::string(1'025, 'x'));
  strings.add_dictionary("fine");
  for (const std::uint32_t i : {0u, 1u, 2u}) strings.add_indices(i);
  auto& places = *b.add_columns();
  for (const double v : {52.0, 13.0, 30.0, 91.0, 0.0, 0.0, 0.0, 181.0, 0.0}) places.add_coordinates(v);
  auto out = validate();
  ASSERT_TRUE(out) << out.error().detail;
  EXPECT_EQ(std::get<2>(out->columns[0].values), (std::vector<std::string>{"ok", "fine"}));
  EXPECT_EQ(std::get<3>(out->columns[1].values), (std::vector<Location>{{52, 13, 30}}));
  ASSERT_EQ(out->gaps.size(), 2u);
  EXPECT_EQ(out->gaps[0].reason, GapReason::invalid_value);
  EXPECT_EQ(out->gaps[1].count, 2u);
}

TEST_F(FrameValidatorTest, times_before_1970_are_gaps_and_future_times_are_clamped_and_flagged) {
  numbers(block(1, -kNow - 5), 1, {1});
  numbers(block(1, 3'600'000'000), 1, {2});
  auto out = validate();
  ASSERT_TRUE(out);
  ASSERT_EQ(out->columns.size(), 1u);
  EXPECT_EQ((*out->columns[0].times)[0], kNow);
  EXPECT_TRUE(out->flags & kTimesClamped);
  ASSERT_EQ(out->gaps.size(), 1u);
  EXPECT_EQ(out->gaps[0].reason, GapReason::clock_unusable);
}

TEST_F(FrameValidatorTest, clock_flags_are_carried) {
  body_.set_unsynchronised(true);
  body_.set_rebased(true);
  numbers(block(1), 1, {1});
  EXPECT_EQ(validate()->flags, kUnsynchronised | kRebased);
}

TEST_F(FrameValidatorTest, unknown_aliases_are_listed_once) {
  auto& b = block(1);
  numbers(b, 9, {1});
  numbers(b, 7, {1});
  numbers(block(1), 9, {1});
  auto out = validate();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->unknown_aliases, (std::vector<std::uint32_t>{7, 9}));
}

TEST_F(FrameValidatorTest, what_does_not_fit_refuses_the_body_and_says_where) {
  numbers(block(1), 1, {1});
  numbers(block(3), 1, {1, 2});
  auto out = validate();
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::refused_frame);
  EXPECT_NE(out.error().detail.find("block 1: alias 1"), std::string::npos) << out.error().detail;

  body_.clear_blocks();
  block(0);
  EXPECT_FALSE(validate());
  body_.clear_blocks();
  numbers(block(1), 2, {1});  // a number where the series is boolean
  EXPECT_FALSE(validate());
  body_.clear_blocks();
  numbers(block(70'000), 1, {1});
  EXPECT_FALSE(validate());
  body_.clear_blocks();
  body_.set_wall_us(~0ull);
  EXPECT_FALSE(validate());
}

TEST_F(FrameValidatorTest, gap_records_are_checked) {
  google::protobuf::RepeatedPtrField<telemetry::v1::GapRecord> records;
  auto& r = *records.Add();
  r.set_series(1);
  r.set_from_us(1e15);
  r.set_to_us(1e15 + 5);
  r.set_count(3);
  r.set_reason(telemetry::v1::GAP_REASON_SPOOL_FULL);
  const ValidationContext context{DeviceId{"dX"}, kNow, 0, {}};
  auto out = validator_.validate_gaps(records, aliases_, context);
  ASSERT_TRUE(out);
  EXPECT_EQ(raw(out->gaps[0].series), 101u);
  EXPECT_EQ(out->gaps[0].reported_by, "device");
  r.set_to_us(1);
  EXPECT_FALSE(validator_.validate_gaps(records, aliases_, context));
  r.set_to_us(kNan);
  EXPECT_FALSE(validator_.validate_gaps(records, aliases_, context));
  r.set_to_us(2e15);
  r.set_reason(static_cast<telemetry::v1::GapReason>(99));
  EXPECT_FALSE(validator_.validate_gaps(records, aliases_, context));
}

}  // namespace
}  // namespace hub
