// What the contract's test files share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/readings_store_engines.h"

namespace contract {

using fakes::frame_of;
using fakes::number_frame;
using fakes::stream_of;
using hub::errc;
using hub::Gap;
using hub::GapReason;
using hub::SeriesId;
using hub::to_errc;
using testing::ElementsAre;

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kStart = 1'700'000'000 * kSecond;
inline constexpr hub::SeriesId kTemperature{1};

class ReadingsStoreContract : public testing::TestWithParam<Engine> {
 protected:
  static std::vector<double> numbers(const hub::RawPage& page) { return std::get<0>(page.values); }
  static hub::RawPage all(StoreUnderTest& store, hub::SeriesId series = kTemperature) {
    auto page = store.client().raw({series, 0, kStart * 2, 100'000, std::nullopt});
    EXPECT_TRUE(page) << page.error().message();
    return page ? *page : hub::RawPage{};
  }
  static std::vector<hub::Gap> gaps(StoreUnderTest& store, const std::string& device) {
    auto gaps = store.client().gaps({hub::DeviceId(device), {}, 0, kStart * 2});
    EXPECT_TRUE(gaps) << gaps.error().message();
    return gaps ? *gaps : std::vector<hub::Gap>{};
  }
};

}  // namespace contract
