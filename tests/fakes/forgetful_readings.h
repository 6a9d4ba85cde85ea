// A real readings store that no longer holds early commits one by one, has a hole in them, is busy, or slow.
#pragma once

#include <atomic>
#include <functional>
#include <utility>
#include <vector>

#include "hub/storage/readings_store.h"

namespace fakes {

class ForgetfulReadings final : public hub::ReadingsStore {
 public:
  explicit ForgetfulReadings(hub::ReadingsStore& real) : real_(real) {}
  std::atomic<hub::CommitNumber> forgotten_through{0};
  std::atomic<hub::CommitNumber> hole{0};  // this commit is not among those read
  std::atomic<int> refused_reads{0};       // so many of the next reads answer busy
  std::function<void()> behind_latest;     // between an answer about latest readings and its arrival; set before use

  void append(hub::StoredFrame frame, hub::Reply<hub::AppendResult> reply) override {
    real_.append(std::move(frame), std::move(reply));
  }
  void cursors(std::vector<hub::StreamKey> streams, hub::Reply<std::vector<std::uint64_t>> reply) override {
    real_.cursors(std::move(streams), std::move(reply));
  }
  void query_raw(hub::RawQuery query, hub::Reply<hub::RawPage> reply) override {
    if (refuses()) return reply(hub::errc::busy);
    query.limit = 2;  // several pages
    real_.query_raw(std::move(query), std::move(reply));
  }
  void query_buckets(hub::BucketQuery query, hub::Reply<hub::Buckets> reply) override {
    real_.query_buckets(query, std::move(reply));
  }
  void query_many_buckets(hub::ManyBucketsQuery query, hub::Reply<std::vector<hub::Buckets>> reply) override {
    real_.query_many_buckets(std::move(query), std::move(reply));
  }
  void latest(std::vector<hub::SeriesId> series, hub::Reply<std::vector<hub::LatestReading>> reply) override {
    real_.latest(std::move(series),
                 [this, reply = std::move(reply)](hub::Result<std::vector<hub::LatestReading>> found) mutable {
                   if (behind_latest) behind_latest();
                   reply(std::move(found));
                 });
  }
  void gaps(hub::GapQuery query, hub::Reply<std::vector<hub::Gap>> reply) override {
    real_.gaps(std::move(query), std::move(reply));
  }
  void read_commits(hub::CommitNumber after, std::size_t max_bytes,
                    hub::Reply<std::vector<hub::CommitPtr>> reply) override {
    if (refuses()) return reply(hub::errc::busy);
    if (after < forgotten_through) return reply(hub::errc::gone);
    real_.read_commits(
        after, max_bytes,
        [missing = hole.load(), reply = std::move(reply)](hub::Result<std::vector<hub::CommitPtr>> commits) mutable {
          if (commits) std::erase_if(*commits, [&](const hub::CommitPtr& one) { return one->number == missing; });
          reply(std::move(commits));
        });
  }
  hub::Position head() const override { return real_.head(); }
  void expire(std::int64_t before_us, hub::Reply<std::uint64_t> reply) override {
    real_.expire(before_us, std::move(reply));
  }
  void on_commit(std::function<void(const hub::CommitPtr&)> listener) override { real_.on_commit(std::move(listener)); }
  hub::StoreStatus status() const override { return real_.status(); }
  void stop() override { real_.stop(); }

 private:
  bool refuses() {
    if (refused_reads <= 0) return false;
    --refused_reads;
    return true;
  }
  hub::ReadingsStore& real_;
};

}  // namespace fakes
