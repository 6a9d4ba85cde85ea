#include "wire/frame_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace wire {
namespace {

using telemetry::v1::Block;
using telemetry::v1::Column;

std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> out;
  for (const double v : values) out.push_back(std::bit_cast<std::uint64_t>(v));
  return out;
}

/// Through bytes, as on the wire.
template <class Message>
Message reparse(const Message& message) {
  Message out;
  EXPECT_TRUE(out.ParseFromString(message.SerializeAsString()));
  return out;
}

void expect_exact(const std::vector<double>& values) {
  Column column;
  encode_numbers(values, column);
  std::vector<double> back;
  ASSERT_TRUE(decode_numbers(reparse(column), values.size(), back));
  EXPECT_EQ(bits_of(back), bits_of(values));
}

RC_GTEST_PROP(FrameCodec, any_doubles_come_back_bit_for_bit, (std::vector<std::uint64_t> raw)) {
  RC_PRE(!raw.empty());
  std::vector<double> values;
  for (const auto bits : raw) values.push_back(std::bit_cast<double>(bits));
  Column column;
  encode_numbers(values, column);
  std::vector<double> back;
  RC_ASSERT(decode_numbers(reparse(column), values.size(), back).has_value());
  RC_ASSERT(bits_of(back) == bits_of(values));
}

RC_GTEST_PROP(FrameCodec, decimals_come_back_bit_for_bit_and_small, (std::vector<std::int32_t> raw)) {
  RC_PRE(!raw.empty());
  const int scale = *rc::gen::inRange(0, 12);
  std::vector<double> values;
  for (const auto n : raw) values.push_back(static_cast<double>(n) / std::pow(10.0, scale));
  Column column;
  encode_numbers(values, column);
  std::vector<double> back;
  RC_ASSERT(decode_numbers(reparse(column), values.size(), back).has_value());
  RC_ASSERT(bits_of(back) == bits_of(values));
}

RC_GTEST_PROP(FrameCodec, any_times_come_back, (std::vector<std::int64_t> raw, std::int64_t relative)) {
  RC_PRE(!raw.empty());
  std::vector<std::int64_t> times;
  for (const auto t : raw) times.push_back(t % (std::int64_t{1} << 52));
  relative %= std::int64_t{1} << 52;
  Block block;
  encode_times(times, relative, block);
  std::vector<std::int64_t> back;
  RC_ASSERT(decode_times(reparse(block), relative, {}, back).has_value());
  RC_ASSERT(back == times);
}

RC_GTEST_PROP(FrameCodec, booleans_and_strings_come_back, (std::vector<bool> flags, std::vector<std::string> texts)) {
  std::vector<std::uint8_t> bytes(flags.begin(), flags.end()), bytes_back;
  Column column;
  encode_booleans(bytes, column);
  RC_ASSERT(decode_booleans(column, bytes.size(), bytes_back).has_value());
  RC_ASSERT(bytes_back == bytes);
  Column strings;
  encode_strings(texts, strings);
  std::vector<std::string> texts_back;
  RC_ASSERT(decode_strings(strings, texts.size(), {}, texts_back).has_value());
  RC_ASSERT(texts_back == texts);
}

RC_GTEST_PROP(FrameCodec, garbage_never_does_harm, (std::string bytes, std::uint16_t count)) {
  Column column;
  Block block;
  std::vector<double> numbers;
  std::vector<std::int64_t> times;
  std::vector<std::uint8_t> flags;
  std::vector<std::string> strings;
  if (column.ParseFromString(bytes)) {
    (void)decode_numbers(column, count, numbers);
    (void)decode_booleans(column, count, flags);
    (void)decode_strings(column, count, {}, strings);
    (void)decode_coordinates(column, count, numbers);
  }
  if (block.ParseFromString(bytes)) (void)decode_times(block, 0, {}, times);
}

TEST(FrameCodec, special_doubles_are_exact) {
  const double inf = std::numeric_limits<double>::infinity();
  expect_exact({0.0, -0.0});
  expect_exact({-0.0});
  expect_exact({inf, -inf, std::bit_cast<double>(0x7ff8000000001234ull), std::bit_cast<double>(0xfff0000000000001ull)});
  expect_exact({5e-324, 2.2250738585072014e-308, 1.7976931348623157e308});
  expect_exact({9007199254740992.0, 9007199254740993.0, -9007199254740992.0});
  expect_exact({0.1, 0.2, 0.1 + 0.2});
  expect_exact({1e22, 1e-22, 123456.789});
}

TEST(FrameCodec, decimals_are_chosen_where_they_are_exact_and_shorter) {
  Column column;
  encode_numbers(std::vector<double>{21.5, 21.4, 21.6}, column);
  EXPECT_EQ(column.decimal_scale(), 1u);
  EXPECT_EQ(std::vector<std::int64_t>(column.decimals().begin(), column.decimals().end()),
            (std::vector<std::int64_t>{215, -1, 2}));
  encode_numbers(std::vector<double>{M_PI, M_E}, column);
  EXPECT_EQ(column.doubles_size(), 2);
  EXPECT_EQ(column.decimals_size(), 0);
}

TEST(FrameCodec, what_does_not_fit_is_refused) {
  std::vector<double> numbers;
  std::vector<std::int64_t> times;
  std::vector<std::uint8_t> flags;
  std::vector<std::string> strings;
  Column c;
  EXPECT_FALSE(decode_numbers(c, 1, numbers));
  c.add_doubles(1);
  EXPECT_FALSE(decode_numbers(c, 2, numbers));
  c.add_decimals(1);
  EXPECT_FALSE(decode_numbers(c, 2, numbers)) << "both kinds at once";
  c.clear_doubles();
  c.set_decimal_scale(23);
  EXPECT_FALSE(decode_numbers(c, 1, numbers));
  c.set_decimal_scale(0);
  c.set_decimals(0, INT64_MAX);
  EXPECT_FALSE(decode_numbers(c, 1, numbers)) << "past 2^53";
  c.set_bits("ab");
  EXPECT_FALSE(decode_booleans(c, 8, flags));
  c.add_dictionary("x");
  c.add_indices(1);
  EXPECT_FALSE(decode_strings(c, 1, {}, strings)) << "index past the dictionary";
  c.set_dictionary(0, std::string(2'000, 'x'));
  c.set_indices(0, 0);
  EXPECT_FALSE(decode_strings(c, 1, {}, strings)) << "too long";
  c.set_dictionary(0, std::string(1'024, 'x'));
  c.clear_indices();
  for (int i = 0; i < 60'000; ++i) c.add_indices(0);
  EXPECT_FALSE(decode_strings(c, 60'000, {}, strings)) << "a bomb of one string";
  Block b;
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.set_count(70'000);
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.set_count(3);
  b.add_jitter(1);
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.clear_jitter();
  b.set_step(INT64_MAX / 2);
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.set_step(1'000'000'000'000'000);
  b.set_unit_us(1'000'000);
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.set_step(0);
  b.set_unit_us(1'000'001);
  EXPECT_FALSE(decode_times(b, 0, {}, times));
  b.set_unit_us(0);
  b.set_base_us(INT64_MAX);
  EXPECT_FALSE(decode_times(b, 1, {}, times));
}

TEST(FrameCodec, names_are_checked) {
  EXPECT_TRUE(is_series_name("cpu.0:temp-max_1"));
  EXPECT_FALSE(is_series_name("a/b"));
  EXPECT_FALSE(is_series_name(std::string(129, 'a')));
  EXPECT_TRUE(
      is_unit("\xC2\xB0"
              "C"));
  EXPECT_FALSE(is_unit("a\nb"));
  EXPECT_TRUE(is_device_name("Living room 2"));
  EXPECT_FALSE(is_device_name(" x"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_utf8("ab\xE2\x82"));
}

}  // namespace
}  // namespace wire
