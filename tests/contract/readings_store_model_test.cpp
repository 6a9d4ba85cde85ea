// Every engine answers like a model that keeps all readings in one sorted vector, whatever is sealed, compacted,
// replayed, late, resent or read meanwhile.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "tests/contract/readings_store_engines.h"

namespace {

using contract::StoreSettings;
using contract::StoreUnderTest;

constexpr std::int64_t kSecond = 1'000'000;
// Over midnight: two days, two hours, five buckets of ten minutes.
constexpr std::int64_t kStart = (1'700'006'400 - 1'000) * kSecond;
constexpr std::int64_t kRange = 3'000 * kSecond;

struct ModelReading {
  std::int64_t time_us = 0;
  std::uint64_t stored = 0;  // order of storing
  double value = 0;
  auto operator<=>(const ModelReading&) const = default;
};

/// One series.
class Model {
 public:
  void add(std::int64_t time_us, double value) { readings_.push_back({time_us, next_++, value}); }
  std::vector<ModelReading> range(std::int64_t from, std::int64_t to) const {
    std::vector<ModelReading> found;
    for (const auto& r : readings_) {
      if (r.time_us >= from && r.time_us < to) found.push_back(r);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::vector<ModelReading> readings_;
  std::uint64_t next_ = 0;
};

void expect_same_raw(StoreUnderTest& store, SeriesId series, const Model& model, std::int64_t from, std::int64_t to,
                     std::uint32_t limit) {
  std::vector<std::pair<std::int64_t, double>> expected, seen;
  for (const auto& r : model.range(from, to)) expected.emplace_back(r.time_us, r.value);
  std::optional<std::string> cursor;
  do {
    const auto page = store.client().raw({series, from, to, limit, cursor});
    RC_ASSERT(page.has_value());
    RC_ASSERT(page->times_us.size() <= limit);
    RC_ASSERT(page->as_of == store->head().commit);
    const auto& values = std::get<0>(page->values);
    RC_ASSERT(values.size() == page->times_us.size());
    for (std::size_t i = 0; i < values.size(); ++i) seen.emplace_back(page->times_us[i], values[i]);
    cursor = page->next;
    RC_ASSERT(seen.size() <= expected.size());
  } while (cursor);
  RC_ASSERT(seen == expected);
}

void expect_same_buckets(StoreUnderTest& store, SeriesId series, const Model& model, std::int64_t from, std::int64_t to,
                         std::uint32_t width) {
  const auto buckets = store.client().buckets({series, from, to, width});
  RC_ASSERT(buckets.has_value());
  RC_ASSERT(buckets->as_of == store->head().commit);
  std::size_t k = 0;
  const auto bound = [&](std::uint32_t i) {
    return from + static_cast<std::int64_t>(static_cast<unsigned long long>(to - from) * i / width);
  };
  for (std::uint32_t i = 0; i < width; ++i) {
    const auto expected = model.range(bound(i), bound(i + 1));
    if (expected.empty()) continue;
    RC_ASSERT(k < buckets->index.size());
    RC_ASSERT(buckets->index[k] == i);
    RC_ASSERT(buckets->count[k] == expected.size());
    double low = expected[0].value, high = low, magnitude = 0;
    long double sum = 0;
    for (const auto& r : expected) {
      low = std::min(low, r.value);
      high = std::max(high, r.value);
      sum += r.value;
      magnitude += std::abs(r.value);
    }
    RC_ASSERT(buckets->minimum[k] == low);
    RC_ASSERT(buckets->maximum[k] == high);
    RC_ASSERT(std::abs(static_cast<double>(sum) - buckets->sum[k]) <= magnitude * 1e-14);
    RC_ASSERT(std::get<0>(buckets->first)[k] == expected.front().value);
    RC_ASSERT(std::get<0>(buckets->last)[k] == expected.back().value);
    ++k;
  }
  RC_ASSERT(k == buckets->index.size());
}

class readings_store_model : public testing::TestWithParam<contract::Engine> {};
INSTANTIATE_TEST_SUITE_P(engines, readings_store_model, contract::engines(),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(readings_store_model, answers_are_those_of_a_sorted_vector) {
  const bool ok = rc::check("random lives", [&] {
    StoreSettings settings;
    settings.tail_max_bytes = *rc::gen::element<std::size_t>(1, 2'000, 1u << 20);
    StoreUnderTest store(GetParam(), settings);
    const SeriesId series[] = {SeriesId{1}, SeriesId{2}};
    Model models[2];
    std::uint64_t sequence = 0;
    // Few different times: ties are the hard part.
    const auto some_time = rc::gen::map(rc::gen::inRange<std::int64_t>(0, 60), [](std::int64_t n) {
      return kStart + n * (kRange / 60) + (n % 7 == 0 ? 1 : 0);
    });
    const auto some_value = rc::gen::map(rc::gen::inRange(-1000, 1000), [](int n) { return n / 8.0; });
    const int steps = *rc::gen::inRange(1, 40);
    for (int step = 0; step < steps; ++step) {
      const int what = *rc::gen::inRange(0, 21);
      if (what == 0) {
        store.restart();
      } else if (what == 1) {
        store.seal();
      } else if (what == 2) {
        store.compact();
      } else if (what < 6) {
        const int i = *rc::gen::inRange(0, 2);
        const auto from = kStart + *rc::gen::inRange<std::int64_t>(-kRange / 4, kRange);
        const auto to = from + *rc::gen::inRange<std::int64_t>(1, kRange);
        expect_same_raw(store, series[i], models[i], from, to, *rc::gen::inRange(1u, 30u));
        expect_same_buckets(store, series[i], models[i], from, to, *rc::gen::inRange(1u, 300u));
      } else {
        auto frame = fakes::frame_of(fakes::stream_of("d"), ++sequence);
        frame.flags = *rc::gen::element<std::uint32_t>(0, 0, hub::kBackfilled, hub::kUnsynchronised);
        const bool share = *rc::gen::inRange(0, 2) == 1;
        const auto shared = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(some_time));
        const auto shared_column = fakes::times(shared);
        const int columns = *rc::gen::inRange(1, 5);
        for (int c = 0; c < columns; ++c) {
          const auto own = share && c % 2 == 0
                               ? shared
                               : *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(some_time));
          const auto column = share && c % 2 == 0 ? shared_column : fakes::times(own);
          const auto values = *rc::gen::container<std::vector<double>>(own.size(), some_value);
          frame.columns.push_back({series[*rc::gen::inRange(0, 2)], column, values});
        }
        const auto result = store.client().append(frame);
        RC_ASSERT(result.has_value());
        // Columns that share their times are one block, which comes where its first column is.
        std::vector<const hub::SeriesColumn*> order;
        for (const auto& column : frame.columns) order.push_back(&column);
        std::stable_sort(order.begin(), order.end(), [&](const auto* a, const auto* b) {
          const auto place = [&](const auto* c) {
            return std::find_if(frame.columns.begin(), frame.columns.end(),
                                [&](const auto& o) { return o.times == c->times; }) -
                   frame.columns.begin();
          };
          return place(a) < place(b);
        });
        for (const auto* column : order) {
          Model& model = models[raw(column->series) - 1];
          for (std::size_t i = 0; i < column->times->size(); ++i)
            model.add((*column->times)[i], std::get<0>(column->values)[i]);
        }
        if (*rc::gen::inRange(0, 4) == 0) {
          RC_ASSERT(store.client().append(frame).value().duplicate);
        }
      }
    }
    for (int i = 0; i < 2; ++i) {
      expect_same_raw(store, series[i], models[i], 0, kStart * 2, 100'000);
      expect_same_buckets(store, series[i], models[i], kStart - kRange, kStart + 2 * kRange, 97);
      const auto expected = models[i].range(0, kStart * 2);
      const auto latest = store.client().latest({series[i]}).value();
      RC_ASSERT(latest.size() == (expected.empty() ? 0u : 1u));
      if (!expected.empty()) {
        RC_ASSERT(latest[0].time_us == expected.back().time_us);
        RC_ASSERT(std::get<double>(latest[0].value) == expected.back().value);
      }
    }
  });
  EXPECT_TRUE(ok);
}

TEST_P(readings_store_model, buckets_are_exact_at_extreme_ranges) {
  StoreUnderTest store(GetParam());
  const std::vector<std::int64_t> times{-(1LL << 60), -1, 0, 1, kStart, 1LL << 60};
  ASSERT_TRUE(
      store.client().append(fakes::number_frame(fakes::stream_of("a"), 1, SeriesId{1}, times, {1, 2, 3, 4, 5, 6})));
  for (const bool sealed : {false, true}) {
    if (sealed) store.compact();
    const auto all = store.client().buckets({SeriesId{1}, -(1LL << 61), 1LL << 61, 20'000}).value();
    EXPECT_EQ(all.index, (std::vector<std::uint32_t>{5'000, 9'999, 10'000, 10'007, 15'000}));
    EXPECT_EQ(all.count, (std::vector<std::uint32_t>{1, 1, 2, 1, 1}));
    // More buckets than microseconds: each reading in the last bucket that begins at or before it.
    const auto narrow = store.client().buckets({SeriesId{1}, -1, 2, 7}).value();
    EXPECT_EQ(narrow.index, (std::vector<std::uint32_t>{2, 4, 6}));
    const auto page = store.client().raw({SeriesId{1}, -(1LL << 61), 1LL << 61, 100, std::nullopt}).value();
    EXPECT_EQ(page.times_us, times);
  }
}

TEST_P(readings_store_model, queries_see_whole_commits_while_others_append_and_seal) {
  StoreSettings settings;
  settings.tail_max_bytes = 20'000;
  StoreUnderTest store(GetParam(), settings);
  constexpr int kWriters = 4;
  constexpr std::uint64_t kFrames = 300;
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      auto client = store.client();
      const auto stream = fakes::stream_of("d" + std::to_string(w));
      for (std::uint64_t n = 1; n <= kFrames; ++n) {
        // All writers write the same series; each reading is worth one, at a time of its own.
        const auto time = kStart + (static_cast<std::int64_t>(n) * kWriters + w) * kSecond;
        for (;;) {
          const auto result = client.append(fakes::number_frame(stream, n, SeriesId{1}, {time, time + 1}, {1, 1}));
          if (result) break;
          ASSERT_EQ(hub::to_errc(result.error()), hub::errc::busy);
        }
      }
      --writing;
    });
  }
  std::size_t seen = 0;
  hub::CommitNumber as_of = 0;
  while (writing > 0) {
    store.clock().advance(90'000 *
                          kSecond);  // days end all the time: compaction and its next generations run meanwhile
    const auto page = store.client().raw({SeriesId{1}, 0, kStart * 2, 100'000, std::nullopt});
    ASSERT_TRUE(page);
    EXPECT_GE(page->times_us.size(), seen) << "a reading went away";
    EXPECT_EQ(page->times_us.size() % 2, 0u) << "half a frame";
    EXPECT_GE(page->as_of, as_of);
    seen = page->times_us.size();
    as_of = page->as_of;
    const auto buckets = store.client().buckets({SeriesId{1}, kStart, kStart + 10'000 * kSecond, 50});
    ASSERT_TRUE(buckets);
    double sum = 0;
    for (const double s : buckets->sum) sum += s;
    EXPECT_GE(sum, static_cast<double>(seen));
  }
  for (auto& thread : threads) thread.join();
  const auto page = store.client().raw({SeriesId{1}, 0, kStart * 2, 100'000, std::nullopt}).value();
  EXPECT_EQ(page.times_us.size(), kWriters * kFrames * 2);
  EXPECT_GT(store->status().seals, 0u);
}

}  // namespace
