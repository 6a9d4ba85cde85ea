// What every engine of ReadingsStore promises about appending, acknowledging and following.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/contract/readings_store_fixture.h"

namespace {

using namespace contract;

class readings_store_append : public ReadingsStoreContract {};
INSTANTIATE_TEST_SUITE_P(engines, readings_store_append, engines(),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(readings_store_append, stored_frame_is_acknowledged_and_readable) {
  StoreUnderTest store(GetParam());
  const auto result = store.client().append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {20.5}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->commit, 1u);
  EXPECT_EQ(result->stored, 1u);
  EXPECT_FALSE(result->duplicate);
  EXPECT_EQ(store->head().commit, 1u);
  const auto page = all(store);
  EXPECT_EQ(page.type, hub::ValueType::number);
  EXPECT_THAT(page.times_us, ElementsAre(kStart));
  EXPECT_THAT(numbers(page), ElementsAre(20.5));
  EXPECT_EQ(page.as_of, 1u);
}

TEST_P(readings_store_append, resent_frame_is_stored_once_any_time_later) {
  StoreUnderTest store(GetParam());
  const auto frame = number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1});
  const auto expect_duplicate = [&](const char* when) {
    const auto result = store.client().append(frame);
    ASSERT_TRUE(result) << when;
    EXPECT_TRUE(result->duplicate) << when;
    EXPECT_EQ(result->commit, 0u) << when;
    EXPECT_EQ(result->stored, 1u) << when;
    EXPECT_EQ(all(store).times_us.size(), 1u) << when;
  };
  ASSERT_TRUE(store.client().append(frame));
  expect_duplicate("at once");
  store.restart();
  expect_duplicate("after a restart");
  store.seal();
  expect_duplicate("after sealing");
  store.restart();
  expect_duplicate("after sealing and a restart");
  EXPECT_EQ(store->status().frames_duplicate, 1u);
}

TEST_P(readings_store_append, frame_resent_within_one_group_is_stored_once) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (int i = 0; i < 20; ++i)
    replies.push_back(client.start_append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  int stored = 0;
  for (auto& reply : replies) {
    const auto result = reply.get();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->stored, 1u);
    stored += !result->duplicate;
  }
  EXPECT_EQ(stored, 1);
  EXPECT_EQ(all(store).times_us.size(), 1u);
}

TEST_P(readings_store_append, streams_are_numbered_apart_by_device_epoch_and_lane) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const std::vector<hub::StreamKey> streams{stream_of("a", 1, 0), stream_of("a", 1, 1), stream_of("a", 2, 0),
                                            stream_of("b", 1, 0)};
  std::int64_t time = kStart;
  for (const auto& stream : streams) {
    const auto result = client.append(number_frame(stream, 1, kTemperature, {time += kSecond}, {1}));
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->duplicate);
  }
  ASSERT_TRUE(client.append(number_frame(streams[0], 2, kTemperature, {time += kSecond}, {1})));
  auto asked = streams;
  asked.push_back(stream_of("unknown"));
  EXPECT_THAT(client.cursors(asked).value(), ElementsAre(2, 1, 1, 1, 0));
  store.seal();
  store.restart();
  EXPECT_THAT(store.client().cursors(asked).value(), ElementsAre(2, 1, 1, 1, 0));
}

TEST_P(readings_store_append, frame_past_the_cursor_is_refused_until_the_hole_is_filled) {
  StoreUnderTest store(GetParam());
  const auto frame = [](std::uint64_t n) {
    return number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n});
  };
  const auto expect_refused = [&](std::uint64_t n, const char* when) {
    const auto result = store.client().append(frame(n));
    ASSERT_FALSE(result) << when;
    EXPECT_EQ(to_errc(result.error()), errc::conflict) << when;
  };
  expect_refused(2, "on an unknown stream");
  ASSERT_TRUE(store.client().append(frame(1)));
  expect_refused(3, "in memory");
  store.seal();
  store.restart();
  expect_refused(3, "sealed and reopened");
  auto hole = frame_of(stream_of("a"), 2);
  hole.last_sequence = 3;
  hole.gaps.push_back({hub::DeviceId("a"), {}, 0, 0, 2, true, GapReason::missing_before, "hub"});
  ASSERT_TRUE(store.client().append(hole));
  ASSERT_TRUE(store.client().append(frame(4)));
  EXPECT_THAT(numbers(all(store)), ElementsAre(1, 4));
  store.restart();
  const auto found = gaps(store, "a");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].reported_by, "hub") << "kept through the journal";
  EXPECT_EQ(found[0].reason, GapReason::missing_before);
}

TEST_P(readings_store_append, gap_frame_moves_the_cursor_and_is_clipped_by_it) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  for (std::uint64_t n = 1; n <= 3; ++n)
    ASSERT_TRUE(client.append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n) * kSecond}, {1})));
  auto gap_frame = frame_of(stream_of("a"), 2);
  gap_frame.last_sequence = 10;
  gap_frame.gaps.push_back({hub::DeviceId("a"), kTemperature, kStart + 2 * kSecond, kStart + 10 * kSecond, 9, false,
                            GapReason::spool_full, "device"});
  const auto result = client.append(gap_frame);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->duplicate);
  EXPECT_EQ(result->stored, 10u);
  const auto again = client.append(gap_frame);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  for (const bool sealed : {false, true}) {
    if (sealed) store.seal();
    const auto found = gaps(store, "a");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].count, 9u);
    EXPECT_TRUE(found[0].at_most) << "part of it had come after all";
    EXPECT_EQ(found[0].reason, GapReason::spool_full);
    EXPECT_EQ(found[0].reported_by, "device");
    EXPECT_EQ(found[0].series, kTemperature);
  }
}

TEST_P(readings_store_append, gap_frame_that_fits_keeps_its_exact_count) {
  StoreUnderTest store(GetParam());
  auto frame = frame_of(stream_of("a"), 1);
  frame.last_sequence = 4;
  frame.gaps.push_back(
      {hub::DeviceId("a"), kTemperature, kStart, kStart + kSecond, 7, false, GapReason::spool_full, "device"});
  ASSERT_TRUE(store.client().append(frame));
  const auto found = gaps(store, "a");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].at_most);
}

TEST_P(readings_store_append, what_could_not_be_read_back_is_refused) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const auto refused = [&](hub::StoredFrame frame) {
    const auto result = client.append(std::move(frame));
    return !result && to_errc(result.error()) == errc::invalid_argument;
  };
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 0, kTemperature, {kStart}, {1})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1, 2})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {}, {})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, SeriesId{}, {kStart}, {1})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {std::nan("")})));
  auto wide = number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1});
  wide.last_sequence = 2;
  EXPECT_TRUE(refused(wide));
  ASSERT_TRUE(client.append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  auto other_type = frame_of(stream_of("a"), 2);
  other_type.columns.push_back({kTemperature, fakes::times({kStart}), std::vector<std::string>{"warm"}});
  EXPECT_TRUE(refused(other_type));
  EXPECT_EQ(store->head().commit, 1u);
}

TEST_P(readings_store_append, commits_are_read_in_order_from_anywhere_also_after_restart_and_sealing) {
  StoreUnderTest store(GetParam());
  for (std::uint64_t n = 1; n <= 30; ++n) {
    if (n == 10) store.restart();
    if (n == 20) store.seal();
    ASSERT_TRUE(store.client().append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n})));
  }
  store.restart();
  const auto head = store->head().commit;
  for (hub::CommitNumber after = 0; after <= head; ++after) {
    hub::CommitNumber last = after;
    for (;;) {
      const auto commits = store.client().commits(last, 1);
      ASSERT_TRUE(commits) << "after " << last << ": " << commits.error().message();
      if (commits->empty()) break;
      for (const auto& commit : *commits) EXPECT_EQ(commit->number, ++last);
    }
    EXPECT_EQ(last, head);
  }
  const auto commits = store.client().commits(0, 100'000'000).value();
  ASSERT_FALSE(commits.empty());
  EXPECT_EQ(commits[0]->frames[0].stream, stream_of("a"));
  EXPECT_EQ(std::get<0>(commits[0]->frames[0].columns[0].values)[0], 1.0);
  EXPECT_GT(commits.size(), 1u);
}

TEST_P(readings_store_append, commits_past_the_head_and_too_old_ones_are_gone) {
  StoreSettings settings;
  settings.retained_journal_bytes = 1;
  StoreUnderTest store(GetParam(), settings);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    ASSERT_TRUE(store.client().append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1})));
    store.seal();
  }
  const auto old = store.client().commits(0, 1);
  ASSERT_FALSE(old);
  EXPECT_EQ(to_errc(old.error()), errc::gone);
  const auto future = store.client().commits(store->head().commit + 1, 1);
  ASSERT_FALSE(future);
  EXPECT_EQ(to_errc(future.error()), errc::gone);
  EXPECT_TRUE(store.client().commits(store->head().commit, 1).value().empty());
  EXPECT_EQ(all(store).times_us.size(), 5u) << "what is sealed is not gone";
}

TEST_P(readings_store_append, numbers_and_epoch_stay_over_restarts) {
  StoreUnderTest store(GetParam());
  const auto epoch = store->head().journal_epoch;
  EXPECT_EQ(store->head().commit, 0u);
  for (std::uint64_t n = 1; n <= 6; ++n) {
    const auto result = store.client().append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1}));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->commit, store->head().commit);
    const auto head = store->head();
    if (n % 2 == 0) store.seal();
    const auto before = store->head();
    store.restart();
    EXPECT_EQ(store->head(), before);
    EXPECT_GE(store->head().commit, head.commit);
    EXPECT_EQ(store->head().journal_epoch, epoch);
  }
}

TEST_P(readings_store_append, listener_hears_every_commit_in_order_when_it_is_visible_and_before_the_reply) {
  StoreUnderTest store(GetParam());
  std::mutex mutex;
  std::vector<hub::CommitNumber> heard;
  std::atomic<bool> head_was_behind{false};
  std::vector<std::future<hub::Result<hub::RawPage>>> queries;
  store->on_commit([&](const hub::CommitPtr& commit) {
    if (store->head().commit < commit->number) head_was_behind = true;
    auto promise = std::make_shared<std::promise<hub::Result<hub::RawPage>>>();
    const std::lock_guard lock(mutex);
    queries.push_back(promise->get_future());
    store->query_raw({kTemperature, 0, kStart * 2, 100'000, std::nullopt},
                     [promise](auto page) { promise->set_value(std::move(page)); });
    heard.push_back(commit->number);
  });
  for (std::uint64_t n = 1; n <= 50; ++n) {
    const auto result = store.client().append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1}));
    ASSERT_TRUE(result);
    const std::lock_guard lock(mutex);
    ASSERT_EQ(heard.size(), n);
    EXPECT_EQ(heard.back(), result->commit);
  }
  EXPECT_FALSE(head_was_behind);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto page = queries[i].get();
    ASSERT_TRUE(page);
    EXPECT_GE(page->times_us.size(), i + 1);
    EXPECT_GE(page->as_of, heard[i]);
  }
}

TEST_P(readings_store_append, full_queue_answers_busy_and_frames_behind_a_refused_one_are_not_stored) {
  StoreSettings settings;
  settings.pending_max_bytes = 4'000;
  StoreUnderTest store(GetParam(), settings);
  // Replies are handed over only after the flood: the journal thread stays in its listener until then.
  std::promise<void> release;
  auto released = release.get_future().share();
  store->on_commit([released](const hub::CommitPtr&) { released.wait(); });
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (std::uint64_t n = 1; n <= 200; ++n)
    replies.push_back(client.start_append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n})));
  release.set_value();
  std::uint64_t accepted = 0;
  bool refused = false;
  for (auto& reply : replies) {
    const auto result = reply.get();
    if (result) {
      EXPECT_FALSE(refused) << "a later frame jumped a refused one";
      ++accepted;
    } else {
      if (!refused) {
        EXPECT_EQ(to_errc(result.error()), errc::busy);
      }
      refused = true;
    }
  }
  EXPECT_TRUE(refused);
  EXPECT_GT(accepted, 0u);
  // Room comes back a moment after the replies: until then the answer stays busy, and a session tries again.
  for (std::uint64_t n = accepted + 1; n <= 200; ++n) {
    bool stored = false;
    for (int attempt = 0; attempt < 100'000 && !stored; ++attempt) {
      const auto result = client.append(
          number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n}));
      stored = result.has_value();
      if (!stored) {
        ASSERT_EQ(to_errc(result.error()), errc::busy);
      }
    }
    ASSERT_TRUE(stored);
  }
  EXPECT_EQ(all(store).times_us.size(), 200u);
  EXPECT_TRUE(gaps(store, "a").empty());
}

TEST_P(readings_store_append, nearly_full_disk_refuses_frames_and_takes_them_again_by_itself) {
  auto free_bytes = std::make_shared<std::atomic<std::uint64_t>>(1'000);
  StoreSettings settings;
  settings.low_water_bytes = 100;
  settings.free_bytes = [free_bytes](const std::string&) { return free_bytes->load(); };
  StoreUnderTest store(GetParam(), settings);
  ASSERT_TRUE(store.client().append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  *free_bytes = 99;
  const auto refused = store.client().append(number_frame(stream_of("a"), 2, kTemperature, {kStart + 1}, {2}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_errc(refused.error()), errc::unavailable);
  EXPECT_THAT(store->status().failure, testing::HasSubstr("full"));
  EXPECT_EQ(all(store).times_us.size(), 1u) << "reads go on";
  *free_bytes = 1'000;
  StoreUnderTest::wait_until([&] { return store->status().failure.empty(); });
  EXPECT_TRUE(store.client().append(number_frame(stream_of("a"), 2, kTemperature, {kStart + 1}, {2})));
}

TEST_P(readings_store_append, stop_answers_everything_and_refuses_what_comes_later) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (std::uint64_t n = 1; n <= 50; ++n)
    replies.push_back(client.start_append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1})));
  store->stop();
  for (auto& reply : replies) {
    ASSERT_EQ(reply.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_TRUE(reply.get());
  }
  EXPECT_EQ(to_errc(client.append(number_frame(stream_of("a"), 51, kTemperature, {kStart}, {1})).error()),
            errc::unavailable);
  EXPECT_EQ(to_errc(client.raw({kTemperature, 0, 1, 1, std::nullopt}).error()), errc::unavailable);
  EXPECT_EQ(to_errc(client.cursors({stream_of("a")}).error()), errc::unavailable);
  EXPECT_EQ(to_errc(client.expire(1).error()), errc::unavailable);
  store.restart();
  EXPECT_EQ(all(store).times_us.size(), 50u);
}

}  // namespace
