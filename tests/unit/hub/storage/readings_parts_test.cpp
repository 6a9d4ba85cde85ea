// The small parts of the readings engine, each by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "hub/storage/sqlite/chunk.h"
#include "hub/storage/sqlite/column_codec.h"
#include "hub/storage/sqlite/commit_window.h"
#include "hub/storage/sqlite/journal_codec.h"
#include "hub/storage/sqlite/journal_segment.h"
#include "hub/storage/sqlite/stream_cursors.h"
#include "hub/storage/sqlite/tail.h"
#include "tests/fakes/readings_client.h"
#include "wire/frame_codec.h"

namespace {

using fakes::frame_of;
using fakes::number_frame;
using fakes::stream_of;
using hub::SeriesId;
using namespace hub::sqlite;
using testing::ElementsAre;

TEST(journal_codec, frame_survives_the_row_with_shared_times_shared_again) {
  auto frame = frame_of(stream_of("d", 7, 1), 42);
  frame.flags = hub::kBackfilled | hub::kTimesClamped;
  const auto shared = fakes::times({5, 3, 3});
  frame.columns = {{SeriesId{1}, shared, std::vector<double>{1, -0.0, 0.1}},
                   {SeriesId{9}, shared, std::vector<std::string>{"a", "", "a"}},
                   {SeriesId{2}, fakes::times({-1}), std::vector<std::uint8_t>{1}},
                   {SeriesId{3}, fakes::times({8}), std::vector<hub::Location>{{1, 2, 3}}}};
  frame.gaps = {{hub::DeviceId("d"), SeriesId{1}, 10, 20, 3, true, hub::GapReason::spool_full, "device"},
                {hub::DeviceId("d"), SeriesId{}, 0, 0, 1, false, hub::GapReason::not_finite, "hub"}};
  const std::vector<hub::StoredFrame> frames{frame, frame_of(stream_of("e"), 1)};
  const auto decoded = decode_journal_row(encode_journal_row(frames));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->size(), 2u);
  const auto& back = decoded->front();
  EXPECT_EQ(back.stream, frame.stream);
  EXPECT_EQ(back.first_sequence, 42u);
  EXPECT_EQ(back.received_at_us, frame.received_at_us);
  EXPECT_EQ(back.flags, frame.flags);
  ASSERT_EQ(back.columns.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(back.columns[i].series, frame.columns[i].series);
    EXPECT_EQ(*back.columns[i].times, *frame.columns[i].times);
    EXPECT_EQ(back.columns[i].values, frame.columns[i].values);
  }
  EXPECT_EQ(back.columns[0].times, back.columns[1].times) << "one block, one time column";
  EXPECT_NE(back.columns[1].times, back.columns[2].times);
  ASSERT_EQ(back.gaps.size(), 2u);
  EXPECT_EQ(back.gaps[0].reported_by, "device");
  EXPECT_EQ(back.gaps[1].reported_by, "hub");
  EXPECT_EQ(back.gaps[0].count, 3u);
  EXPECT_TRUE(back.gaps[0].at_most);
}

TEST(journal_codec, columns_of_one_block_come_together_and_others_keep_their_order) {
  auto frame = frame_of(stream_of("d"), 1);
  const auto a = fakes::times({1}), b = fakes::times({1});
  for (const auto& [series, times] : {std::pair{1u, a}, {2u, b}, {3u, a}, {4u, b}})
    frame.columns.push_back({SeriesId{series}, times, std::vector<double>{1}});
  group_by_times(frame);
  std::vector<std::uint32_t> order;
  for (const auto& column : frame.columns) order.push_back(raw(column.series));
  EXPECT_THAT(order, ElementsAre(1, 3, 2, 4));
}

TEST(journal_codec, damaged_rows_are_told) {
  EXPECT_FALSE(decode_journal_row("\xff\xff\xff"));
  EXPECT_NE(journal_checksum(1, 2, "body"), journal_checksum(2, 2, "body"));
  EXPECT_NE(journal_checksum(1, 2, "body"), journal_checksum(1, 3, "body"));
}

class StreamCursorsTest : public testing::Test {
 protected:
  std::map<hub::StreamKey, StreamCursor> sealed_;
  int lookups_ = 0;
  StreamCursors cursors_{[this](const hub::StreamKey& stream) -> hub::Result<StreamCursor> {
                           ++lookups_;
                           return sealed_[stream];
                         },
                         2};
};

TEST_F(StreamCursorsTest, staged_cursors_hold_only_once_kept) {
  cursors_.stage(stream_of("a"), {5, 1});
  EXPECT_EQ(cursors_.find(stream_of("a"))->sequence, 5u);
  EXPECT_EQ(cursors_.find_durable(stream_of("a"))->sequence, 0u);
  cursors_.drop_staged();
  EXPECT_EQ(cursors_.find(stream_of("a"))->sequence, 0u);
  cursors_.stage(stream_of("a"), {6, 1});
  cursors_.keep_staged();
  EXPECT_EQ(cursors_.find_durable(stream_of("a"))->sequence, 6u);
}

TEST_F(StreamCursorsTest, sealed_ones_are_forgotten_and_looked_up_again_and_others_never) {
  for (const char* device : {"a", "b", "c", "d"}) {
    cursors_.stage(stream_of(device), {9, device[0] == 'd' ? 20u : 10u});
    if (device[0] != 'd') sealed_[stream_of(device)] = {9, 10};
  }
  cursors_.keep_staged();
  cursors_.forget_sealed(10);
  EXPECT_EQ(cursors_.cached(), 1u);
  EXPECT_EQ(cursors_.find(stream_of("d"))->sequence, 9u);
  EXPECT_EQ(lookups_, 0);
  EXPECT_EQ(cursors_.find(stream_of("a"))->sequence, 9u);
  EXPECT_EQ(cursors_.find(stream_of("a"))->sequence, 9u);
  EXPECT_EQ(lookups_, 1);
}

TEST_F(StreamCursorsTest, unknown_streams_are_looked_up_once_while_there_is_room) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cursors_.find(stream_of("new"))->sequence, 0u);
  EXPECT_EQ(lookups_, 1);
  cursors_.stage(stream_of("new"), {1, 1});
  cursors_.keep_staged();
  EXPECT_EQ(cursors_.find(stream_of("new"))->sequence, 1u);
  for (const char* device : {"b", "c", "d", "e"}) (void)cursors_.find(stream_of(device));
  EXPECT_EQ(cursors_.cached(), 2u) << "what peers ask for takes no more room than this";
  EXPECT_EQ(cursors_.find(stream_of("new"))->sequence, 1u);
}

TEST(admission, decides_by_the_cursor_and_clips_gap_frames) {
  StreamCursor cursor{5, 1};
  auto old = frame_of(stream_of("a"), 5);
  EXPECT_EQ(admit(old, cursor, 2), Admission::duplicate);
  auto ahead = frame_of(stream_of("a"), 7);
  EXPECT_EQ(admit(ahead, cursor, 2), Admission::ahead);
  EXPECT_EQ(cursor.sequence, 5u);
  auto gap = frame_of(stream_of("a"), 4);
  gap.last_sequence = 8;
  gap.gaps.push_back({hub::DeviceId("a"), SeriesId{}, 1, 2, 5, false, hub::GapReason::spool_full, "device"});
  EXPECT_EQ(admit(gap, cursor, 2), Admission::stored);
  EXPECT_EQ(gap.first_sequence, 6u);
  EXPECT_TRUE(gap.gaps[0].at_most);
  EXPECT_EQ(cursor.sequence, 8u);
  EXPECT_EQ(cursor.commit, 2u);
}

TEST(chunk, buckets_are_ten_minutes_and_ids_order_by_time_then_series) {
  EXPECT_EQ(bucket_of(0), 0);
  EXPECT_EQ(bucket_of(-1), -1);
  EXPECT_EQ(bucket_of(kBucketUs - 1), 0);
  EXPECT_EQ(bucket_of(kBucketUs), 1);
  EXPECT_EQ(bucket_of(std::numeric_limits<std::int64_t>::max()), kMaxBucket);
  EXPECT_EQ(bucket_of(std::numeric_limits<std::int64_t>::min()), kMinBucket);
  for (const std::int64_t bucket : {kMinBucket, std::int64_t{-1}, std::int64_t{0}, kMaxBucket}) {
    const auto span = span_of_bucket(bucket);
    EXPECT_EQ(bucket_of(span.from_us), bucket);
    EXPECT_EQ(bucket_of(span.to_us - 1), bucket);
  }
  const SeriesId last_series{0xffffffff};
  EXPECT_LT(chunk_id(kMinBucket, last_series, 255), chunk_id(kMinBucket + 1, SeriesId{0}, 0));
  EXPECT_LT(chunk_id(-1, last_series, 255), chunk_id(0, SeriesId{0}, 0));
  EXPECT_LT(chunk_id(3, SeriesId{1}, 255), chunk_id(3, SeriesId{2}, 0));
  EXPECT_GT(chunk_id(kMaxBucket, last_series, 255), 0);
  EXPECT_EQ(part_of(chunk_id(-7, SeriesId{5}, 200)), 200u);
}

TEST(chunk, readings_and_ranks_survive_the_payload) {
  for (const bool listed : {false, true}) {
    ChunkReadings readings{{10, 20, 20, 35}, std::vector<double>{0.1, -5, 3, 3}, {7, 8, 9, 10}};
    if (listed) readings.ranks = {7, 9, 300, 301};
    ChunkHeader header;
    summarise(readings, header);
    EXPECT_EQ(header.count, 4u);
    EXPECT_EQ(header.first_us, 10);
    EXPECT_EQ(header.last_us, 35);
    EXPECT_EQ(header.minimum, -5);
    EXPECT_EQ(header.maximum, 3);
    EXPECT_DOUBLE_EQ(header.sum, 1.1);
    EXPECT_EQ(header.last_rank, readings.rank(readings.times_us.size() - 1));
    const auto payload = encode_chunk(readings);
    const auto decoded = decode_chunk(header, payload);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->times_us, readings.times_us);
    EXPECT_EQ(decoded->values, readings.values);
    for (std::size_t i = 0; i < readings.times_us.size(); ++i) EXPECT_EQ(decoded->rank(i), readings.rank(i)) << i;
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto cut = decode_chunk(header, std::string_view(payload).substr(0, size));
      ASSERT_FALSE(cut) << size;
      EXPECT_EQ(hub::to_errc(cut.error()), hub::errc::storage_damaged) << size;
    }
    EXPECT_FALSE(decode_chunk(header, payload + '\0'));
    EXPECT_EQ(hub::to_errc(decode_chunk(header, "\x03" + payload.substr(1)).error()), hub::errc::unsupported_version);
  }
}

TEST(chunk, payloads_of_version_1_are_read) {
  ChunkReadings readings{{1'000'010, 2'000'020, 2'000'020}, std::vector<double>{0.1, -5, 3}, {7, 9, 300}};
  ChunkHeader header;
  summarise(readings, header);
  telemetry::v1::Block block;
  wire::encode_times(readings.times_us, 0, block);
  hub::sqlite::encode_values(readings.values, *block.add_columns());
  const std::string body = block.SerializeAsString();
  const std::string payload = "\x01" + std::string(1, static_cast<char>(body.size())) + body + "\x02" + "\xa3\x02";
  const auto decoded = decode_chunk(header, payload);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->times_us, readings.times_us);
  EXPECT_EQ(decoded->values, readings.values);
  EXPECT_EQ(decoded->ranks, readings.ranks);
}

TEST(chunk, sums_do_not_depend_on_the_order_of_their_terms) {
  ExactSum ascending, descending;
  const std::vector<double> terms{1e16, 1, -1e16, 1, 1e-3};
  for (const double t : terms) ascending.add(t);
  for (auto it = terms.rbegin(); it != terms.rend(); ++it) descending.add(*it);
  EXPECT_DOUBLE_EQ(ascending.value(), 2.001);
  EXPECT_DOUBLE_EQ(descending.value(), 2.001);
  ExactSum overflow;
  overflow.add(1e308);
  overflow.add(1e308);
  EXPECT_TRUE(std::isinf(overflow.value()));
}

hub::CommitPtr commit(hub::CommitNumber number) {
  std::vector<hub::StoredFrame> frames;
  const auto time = static_cast<std::int64_t>(number);
  frames.push_back(number_frame(stream_of("a"), number, SeriesId{1}, {time, time + 10}, {1, 2}));
  return make_commit(number, time * 1'000, std::move(frames));
}

TEST(commit_window, holds_the_newest_by_bytes_and_age) {
  const std::size_t one = commit(1)->size_bytes;
  CommitWindow by_bytes(3 * one, 1'000'000);
  CommitWindow by_age(1'000 * one, 2'000);
  for (hub::CommitNumber n = 1; n <= 10; ++n) {
    by_bytes.append(commit(n));
    by_age.append(commit(n));
  }
  EXPECT_FALSE(by_bytes.read(6, 1));
  EXPECT_EQ(by_bytes.read(7, 1'000 * one)->size(), 3u);
  EXPECT_EQ(by_bytes.read(7, 1)->size(), 1u);
  EXPECT_EQ(by_bytes.read(10, 1)->size(), 0u);
  EXPECT_FALSE(by_age.read(6, 1));
  EXPECT_EQ(by_age.read(7, 1'000 * one)->front()->number, 8u);
}

TEST(tail, copies_what_touches_the_range_and_trims_what_is_sealed) {
  Tail tail(0);
  for (hub::CommitNumber n = 1; n <= 5; ++n) tail.append(commit(n));
  const auto copy_of = [&](SeriesId series, std::int64_t from_us, std::int64_t to_us) {
    return tail.copy(std::span(&series, 1), from_us, to_us);
  };
  EXPECT_EQ(copy_of(SeriesId{1}, 0, 100).runs.front().size(), 5u);
  EXPECT_EQ(copy_of(SeriesId{1}, 0, 3).runs.front().size(), 2u) << "times 1 and 2";
  EXPECT_EQ(copy_of(SeriesId{1}, 15, 100).runs.front().size(), 1u);
  EXPECT_EQ(copy_of(SeriesId{2}, 0, 100).runs.front().size(), 0u);
  tail.trim(3);
  EXPECT_EQ(copy_of(SeriesId{1}, 0, 100).runs.front().front().commit->number, 4u);
  EXPECT_EQ(copy_of(SeriesId{1}, 0, 100).head, 5u);
  EXPECT_EQ(tail.commits_through(4).size(), 1u);
  tail.trim(5);
  EXPECT_TRUE(tail.empty());
  EXPECT_EQ(tail.bytes(), 0u);
  EXPECT_EQ(copy_of(SeriesId{1}, 0, 100).head, 5u);
}

TEST(tail, gap_of_unknown_times_stands_where_it_was_received) {
  auto frame = frame_of(stream_of("a"), 1);
  frame.received_at_us = 500;
  const auto gap = [](std::int64_t from, std::int64_t to) {
    return hub::Gap{hub::DeviceId("a"), SeriesId{}, from, to, 1, false, hub::GapReason::quota, "hub"};
  };
  frame.gaps = {gap(0, 0), gap(0, 90), gap(80, 0), gap(10, 20)};
  const auto placed = gaps_of(*make_commit(1, 0, {frame}));
  ASSERT_EQ(placed.size(), 4u);
  EXPECT_THAT((std::vector<std::int64_t>{placed[0].from_us, placed[0].to_us}), ElementsAre(500, 500));
  EXPECT_THAT((std::vector<std::int64_t>{placed[1].from_us, placed[1].to_us}), ElementsAre(90, 90));
  EXPECT_THAT((std::vector<std::int64_t>{placed[2].from_us, placed[2].to_us}), ElementsAre(80, 80));
  EXPECT_THAT((std::vector<std::int64_t>{placed[3].from_us, placed[3].to_us}), ElementsAre(10, 20));
}

}  // namespace
