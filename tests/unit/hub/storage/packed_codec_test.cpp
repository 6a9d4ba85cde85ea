#include "hub/storage/sqlite/packed_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace {

using hub::Location;
using hub::ValueColumn;
using hub::ValueType;
using hub::sqlite::pack_integers;
using hub::sqlite::pack_times;
using hub::sqlite::pack_values;
using hub::sqlite::PackedReader;

constexpr std::int64_t kEpochUs = 1'700'000'000'000'000;

std::vector<std::int64_t> integers_again(const std::vector<std::int64_t>& values) {
  std::string packed;
  pack_integers(values, packed);
  PackedReader reader(packed);
  std::vector<std::int64_t> again;
  EXPECT_TRUE(reader.integers(values.size(), again));
  EXPECT_TRUE(reader.at_end());
  return again;
}

std::size_t check_times(const std::vector<std::int64_t>& times) {
  std::string packed;
  pack_times(times, packed);
  PackedReader reader(packed);
  std::vector<std::int64_t> again;
  EXPECT_TRUE(reader.times(times.size(), again));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(again, times);
  return packed.size();
}

/// Bit for bit; answers the size.
std::size_t check_numbers(const std::vector<double>& values) {
  std::string packed;
  pack_values(ValueColumn(values), packed);
  PackedReader reader(packed);
  const auto again = reader.values(ValueType::number, values.size());
  EXPECT_TRUE(again);
  EXPECT_TRUE(reader.at_end());
  const auto same = [](double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  };
  const auto& numbers = std::get<std::vector<double>>(*again);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), numbers.begin(), numbers.end(), same));
  return packed.size();
}

TEST(PackedCodec, integers_of_every_width_come_back) {
  std::mt19937_64 random(1);
  for (unsigned width = 0; width <= 64; ++width) {
    for (const std::size_t count : {1u, 2u, 127u, 128u, 129u, 500u}) {
      std::vector<std::int64_t> values(count);
      for (auto& v : values) {
        const std::uint64_t above = width == 0 ? 0 : random() >> (64 - width);
        v = static_cast<std::int64_t>(above - (std::uint64_t{1} << 62));
      }
      ASSERT_EQ(integers_again(values), values) << width << " " << count;
    }
  }
  const auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> extremes{least, most, 0, -1, least, most};
  EXPECT_EQ(integers_again(extremes), extremes);
}

TEST(PackedCodec, times_come_back_and_regular_ones_take_next_to_nothing) {
  std::mt19937_64 random(2);
  std::vector<std::int64_t> regular, jittering, drifting, bursts;
  for (int i = 0; i < 3'600; ++i) {
    regular.push_back(kEpochUs + i * 1'000'000LL);
    jittering.push_back(kEpochUs + i * 1'000'000LL + static_cast<std::int64_t>(random() % 5) * 1'000);
    drifting.push_back((drifting.empty() ? kEpochUs : drifting.back()) + 1'000'000 +
                       static_cast<std::int64_t>(random() % 7));
    bursts.push_back((bursts.empty() ? kEpochUs : bursts.back()) + (random() % 50 == 0 ? 100'000'000 : 0));
  }
  EXPECT_LT(check_times(regular), 80u);
  EXPECT_LT(check_times(jittering), 3'600u * 3 / 8 + 150);
  EXPECT_LT(check_times(drifting), 3'600u * 3 / 8 + 200);
  check_times(bursts);
  check_times({kEpochUs});
  check_times({kEpochUs, kEpochUs});
  check_times({-(std::int64_t{1} << 61), 0, std::int64_t{1} << 61});
  check_times({-5, -3, 1'000'000});
}

TEST(PackedCodec, every_double_comes_back_bit_for_bit) {
  std::mt19937_64 random(3);
  const double nan_with_payload = std::bit_cast<double>(0x7ff8'0000'dead'beefull);
  const double signalling = std::bit_cast<double>(0xfff0'0000'0000'0001ull);
  check_numbers({0.0, -0.0, 1, -1});
  check_numbers({-0.0});
  check_numbers({nan_with_payload, signalling, std::numeric_limits<double>::infinity(), 5e-324, 1.7e308, -0.1});
  check_numbers({nan_with_payload, nan_with_payload});
  check_numbers({4e15, 4.1e15, 9'007'199'254'740'993.0});
  check_numbers({0.1, 0.25, 1e-9, 123456.789});
  for (int run = 0; run < 200; ++run) {
    std::vector<double> values(1 + random() % 700);
    for (auto& v : values) {
      switch (run % 5) {
        case 0:
          v = std::bit_cast<double>(random());
          break;
        case 1:
          v = static_cast<double>(random() % 10'000) / 100;
          break;
        case 2:
          v = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
          break;
        case 3:
          v = static_cast<double>(static_cast<std::int64_t>(random() % 2'001) - 1'000) / std::pow(10, run % 10);
          break;
        default:
          v = random() % 50 == 0 ? std::sin(static_cast<double>(run)) : 21.5;
      }
    }
    check_numbers(values);
  }
}

TEST(PackedCodec, takes_the_bytes_that_the_kind_of_sensor_needs) {
  std::mt19937_64 random(4);
  std::vector<double> constant(600, 21.53), switched(600), walk(600), counter(600), narrow(600);
  double level = 215, total = 1e6;
  for (std::size_t i = 0; i < 600; ++i) {
    switched[i] = i < 300 ? 0 : 1;
    level += static_cast<double>(random() % 3) - 1;
    walk[i] = level / 10;
    counter[i] = total += static_cast<double>(random() % 4);
    narrow[i] = static_cast<double>(9.81f + static_cast<float>(random() % 1'000) / 3e4f);
  }
  EXPECT_EQ(check_numbers(constant), 9u);
  EXPECT_LT(check_numbers(switched), 40u);
  EXPECT_LT(check_numbers(walk), 600u / 4 + 30);
  EXPECT_LT(check_numbers(counter), 600u / 4 + 30);
  EXPECT_LT(check_numbers(narrow), 600u * 3);
}

TEST(PackedCodec, other_types_come_back) {
  const std::vector<ValueColumn> columns{std::vector<std::uint8_t>{1}, std::vector<std::uint8_t>(300, 0),
                                         std::vector<std::uint8_t>{0, 1, 1, 0},
                                         std::vector<std::string>{"", "on", std::string("\0x", 2), "on"},
                                         std::vector<Location>{{1, 2, 3}, {-90, 180, -0.5}, {1, 2, 3}}};
  for (const auto& column : columns) {
    std::string packed;
    pack_values(column, packed);
    for (std::size_t size = 0; size <= packed.size(); ++size) {
      PackedReader reader(std::string_view(packed).substr(0, size));
      const auto again = reader.values(hub::type_of(column), hub::size_of(column));
      ASSERT_EQ(again.has_value(), size == packed.size()) << size;
      if (again) {
        EXPECT_EQ(*again, column);
      }
    }
  }
}

TEST(PackedCodec, damage_is_an_error_or_other_values_and_never_more) {
  std::mt19937_64 random(5);
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) {
    times.push_back(kEpochUs + i * 1'000'003LL + static_cast<std::int64_t>(random() % 9));
    values.push_back(static_cast<double>(random() % 300) / 10);
  }
  std::string packed;
  pack_times(times, packed);
  pack_values(ValueColumn(values), packed);
  pack_values(ValueColumn(std::vector<std::string>(300, "text")), packed);
  for (int run = 0; run < 20'000; ++run) {
    std::string damaged = packed;
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    PackedReader reader(damaged);
    std::vector<std::int64_t> again;
    if (!reader.times(300, again)) continue;
    EXPECT_TRUE(std::is_sorted(again.begin(), again.end()));
    const auto numbers = reader.values(ValueType::number, 300);
    if (!numbers) continue;
    EXPECT_EQ(hub::size_of(*numbers), 300u);
    (void)reader.values(ValueType::string, 300);
  }
}

}  // namespace
