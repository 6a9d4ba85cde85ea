// Asks a ReadingsStore and waits for the answer, as tests like it; and makes frames.
#pragma once

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/storage/readings_store.h"

namespace fakes {

inline constexpr std::chrono::seconds kReplyDeadline{60};

/// Calls `start(reply)` and waits for what the reply says.
template <class T, class Start>
hub::Result<T> await_reply(Start start) {
  auto promise = std::make_shared<std::promise<hub::Result<T>>>();
  auto future = promise->get_future();
  start([promise](hub::Result<T> result) { promise->set_value(std::move(result)); });
  if (future.wait_for(kReplyDeadline) != std::future_status::ready) throw std::runtime_error("the store never replied");
  return future.get();
}

class ReadingsClient {
 public:
  explicit ReadingsClient(hub::ReadingsStore& store) : store_(store) {}

  hub::Result<hub::AppendResult> append(hub::StoredFrame frame) {
    return await_reply<hub::AppendResult>([&](auto reply) { store_.append(std::move(frame), reply); });
  }
  std::future<hub::Result<hub::AppendResult>> start_append(hub::StoredFrame frame) {
    auto promise = std::make_shared<std::promise<hub::Result<hub::AppendResult>>>();
    auto future = promise->get_future();
    store_.append(std::move(frame), [promise](auto result) { promise->set_value(std::move(result)); });
    return future;
  }
  hub::Result<std::vector<std::uint64_t>> cursors(std::vector<hub::StreamKey> streams) {
    return await_reply<std::vector<std::uint64_t>>([&](auto reply) { store_.cursors(std::move(streams), reply); });
  }
  hub::Result<hub::RawPage> raw(hub::RawQuery query) {
    return await_reply<hub::RawPage>([&](auto reply) { store_.query_raw(std::move(query), reply); });
  }
  hub::Result<hub::Buckets> buckets(hub::BucketQuery query) {
    return await_reply<hub::Buckets>([&](auto reply) { store_.query_buckets(query, reply); });
  }
  hub::Result<std::vector<hub::Buckets>> many_buckets(hub::ManyBucketsQuery query) {
    return await_reply<std::vector<hub::Buckets>>(
        [&](auto reply) { store_.query_many_buckets(std::move(query), reply); });
  }
  hub::Result<std::vector<hub::LatestReading>> latest(std::vector<hub::SeriesId> series) {
    return await_reply<std::vector<hub::LatestReading>>([&](auto reply) { store_.latest(std::move(series), reply); });
  }
  hub::Result<std::vector<hub::Gap>> gaps(hub::GapQuery query) {
    return await_reply<std::vector<hub::Gap>>([&](auto reply) { store_.gaps(std::move(query), reply); });
  }
  hub::Result<std::vector<hub::CommitPtr>> commits(hub::CommitNumber after, std::size_t max_bytes) {
    return await_reply<std::vector<hub::CommitPtr>>([&](auto reply) { store_.read_commits(after, max_bytes, reply); });
  }
  hub::Result<std::uint64_t> expire(std::int64_t before_us) {
    return await_reply<std::uint64_t>([&](auto reply) { store_.expire(before_us, reply); });
  }

 private:
  hub::ReadingsStore& store_;
};

inline hub::TimeColumn times(std::vector<std::int64_t> us) {
  return std::make_shared<const std::vector<std::int64_t>>(std::move(us));
}

inline hub::StreamKey stream_of(const std::string& device, std::uint8_t epoch = 1, std::uint8_t lane = 0) {
  hub::StreamKey key;
  key.device = hub::DeviceId(device);
  key.epoch.fill(epoch);
  key.lane = lane;
  return key;
}

/// A frame without columns; add them.
inline hub::StoredFrame frame_of(const hub::StreamKey& stream, std::uint64_t sequence) {
  hub::StoredFrame frame;
  frame.stream = stream;
  frame.first_sequence = frame.last_sequence = sequence;
  frame.received_at_us = 1'700'000'000'000'000;
  return frame;
}

inline hub::StoredFrame number_frame(const hub::StreamKey& stream, std::uint64_t sequence, hub::SeriesId series,
                                     std::vector<std::int64_t> times_us, std::vector<double> values) {
  auto frame = frame_of(stream, sequence);
  frame.columns.push_back({series, times(std::move(times_us)), std::move(values)});
  return frame;
}

}  // namespace fakes
