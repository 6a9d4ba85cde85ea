// A ReadingsStore without files: the interface's promises in the simplest form that keeps them.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/worker.h"
#include "hub/storage/readings_store.h"

namespace fakes {

/// Each append is a commit of its own. Appends run on one thread, questions on another; `before_question` runs there
/// before each, so that a test can put commits exactly between two questions.
class InMemoryReadingsStore final : public hub::ReadingsStore {
 public:
  InMemoryReadingsStore() { head_.journal_epoch.fill(7); }
  ~InMemoryReadingsStore() override { stop(); }

  std::function<void()> before_question;  // set before use

  /// Commits now, on the calling thread (instead of append, where a test needs to know when).
  hub::CommitNumber commit(hub::StoredFrame frame) {
    std::function<void(const hub::CommitPtr&)> listener;
    hub::CommitPtr made;
    const std::lock_guard order(commit_mutex_);
    {
      const std::lock_guard lock(mutex_);
      auto commit = std::make_shared<hub::Commit>();
      commit->number = head_.commit + 1;
      commit->committed_at_us = frame.received_at_us;
      commit->size_bytes = frame.size_bytes();
      for (auto& gap : frame.gaps) gap.device = frame.stream.device;
      commit->frames.push_back(std::move(frame));
      made = commit;
      commits_.push_back(made);
      head_.commit = made->number;
      listener = listener_;
    }
    if (listener) listener(made);
    return made->number;
  }
  int questions_cancelled() const { return questions_cancelled_; }
  /// Commits up to `number` are no longer held one by one.
  void forget_through(hub::CommitNumber number) {
    const std::lock_guard lock(mutex_);
    forgotten_ = number;
  }

  void append(hub::StoredFrame frame, hub::Reply<hub::AppendResult> reply) override {
    journal_->post([this, frame = std::move(frame), reply]() mutable {
      const auto stored = frame.last_sequence;
      const auto number = commit(std::move(frame));
      reply(hub::AppendResult{number, stored, false});
    });
  }
  void cursors(std::vector<hub::StreamKey> streams, hub::Reply<std::vector<std::uint64_t>> reply) override {
    reply(std::vector<std::uint64_t>(streams.size(), 0));
  }

  void query_raw(hub::RawQuery query, hub::Reply<hub::RawPage> reply) override {
    ask([this, query, reply] {
      if (query.cancellation.is_cancelled()) return call_off(reply);
      hub::RawPage page;
      std::int64_t skip_time = 0;
      std::uint64_t skip = 0;
      if (query.cursor) {
        const auto at = query.cursor->find(':');
        skip_time = std::stoll(query.cursor->substr(0, at));
        skip = std::stoull(query.cursor->substr(at + 1));
      }
      std::unique_lock lock(mutex_);
      page.as_of = head_.commit;
      const auto found = select(query.series, query.cursor ? skip_time : query.from_us, query.to_us);
      std::uint64_t answered = 0;
      std::int64_t last = 0;
      for (const auto& [time, commit, index, column, offset] : found) {
        if (query.cursor && time == skip_time && skip > 0) {
          --skip;
          if (last != time) answered = 0;
          last = time, ++answered;
          continue;
        }
        if (page.times_us.size() == query.limit) {
          page.next = std::to_string(last) + ":" + std::to_string(answered);
          break;
        }
        if (page.times_us.empty()) page.values = like(column->values), page.type = hub::type_of(column->values);
        page.times_us.push_back(time);
        push(page.values, column->values, offset);
        answered = last == time ? answered + 1 : 1;
        last = time;
      }
      lock.unlock();
      reply(std::move(page));
    });
  }

  void query_buckets(hub::BucketQuery query, hub::Reply<hub::Buckets> reply) override {
    ask([this, query, reply] {
      if (query.cancellation.is_cancelled()) return call_off(reply);
      std::unique_lock lock(mutex_);
      auto out = buckets_of(query);
      lock.unlock();
      reply(std::move(out));
    });
  }
  void query_many_buckets(hub::ManyBucketsQuery query, hub::Reply<std::vector<hub::Buckets>> reply) override {
    ask([this, query, reply] {
      if (query.cancellation.is_cancelled()) return call_off(reply);
      if (query.width == 0 || query.width > 20'000 || query.from_us >= query.to_us)
        return reply(hub::errc::invalid_argument);
      if (query.series.size() > hub::kMaxSeriesAtOnce || query.series.size() * query.width > hub::kMaxBucketsAtOnce)
        return reply(hub::errc::too_large);
      std::vector<hub::Buckets> out;
      std::unique_lock lock(mutex_);
      for (const auto series : query.series)
        out.push_back(buckets_of({series, query.from_us, query.to_us, query.width, {}}));
      lock.unlock();
      reply(std::move(out));
    });
  }

  void latest(std::vector<hub::SeriesId> series, hub::Reply<std::vector<hub::LatestReading>> reply) override {
    ask([this, series, reply] {
      std::vector<hub::LatestReading> out;
      std::unique_lock lock(mutex_);
      for (const auto id : series) {
        const auto all = select(id, INT64_MIN, INT64_MAX);
        if (all.empty()) continue;
        const auto& last = all.back();
        out.push_back(
            {id, std::get<0>(last), hub::value_at(std::get<3>(last)->values, std::get<4>(last)), std::get<1>(last)});
      }
      lock.unlock();
      reply(std::move(out));
    });
  }

  void gaps(hub::GapQuery query, hub::Reply<std::vector<hub::Gap>> reply) override {
    ask([this, query, reply] {
      if (query.cancellation.is_cancelled()) return call_off(reply);
      std::vector<hub::Gap> out;
      std::unique_lock lock(mutex_);
      for (const auto& commit : commits_) {
        for (const auto& frame : commit->frames) {
          for (const auto& gap : frame.gaps) {
            const bool wanted = query.series.empty() || hub::raw(gap.series) == 0 ||
                                std::find(query.series.begin(), query.series.end(), gap.series) != query.series.end();
            if (gap.device == query.device && wanted && gap.from_us < query.to_us && gap.to_us >= query.from_us)
              out.push_back(gap);
          }
        }
      }
      lock.unlock();
      reply(std::move(out));
    });
  }

  void read_commits(hub::CommitNumber after, std::size_t max_bytes,
                    hub::Reply<std::vector<hub::CommitPtr>> reply) override {
    ask([this, after, max_bytes, reply] {
      std::vector<hub::CommitPtr> out;
      std::unique_lock lock(mutex_);
      const bool gone = after > head_.commit || after < forgotten_;
      std::size_t bytes = 0;
      for (auto i = static_cast<std::size_t>(after); !gone && i < commits_.size(); ++i) {
        if (!out.empty() && bytes >= max_bytes) break;
        out.push_back(commits_[i]);
        bytes += commits_[i]->size_bytes;
      }
      lock.unlock();
      if (gone) return reply(hub::error_code(hub::errc::gone));
      reply(std::move(out));
    });
  }

  hub::Position head() const override {
    const std::lock_guard lock(mutex_);
    return head_;
  }
  void expire(std::int64_t, hub::Reply<std::uint64_t> reply) override { reply(std::uint64_t{0}); }
  void on_commit(std::function<void(const hub::CommitPtr&)> listener) override {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }
  hub::StoreStatus status() const override {
    hub::StoreStatus status;
    status.head = head();
    return status;
  }
  void stop() override {
    journal_.reset();
    questions_.reset();
  }

 private:
  /// With mutex_ held.
  hub::Buckets buckets_of(const hub::BucketQuery& query) const {
    hub::Buckets out;
    out.as_of = head_.commit;
    const std::int64_t range = query.to_us - query.from_us;  // times width it must fit: tests ask for days at most
    for (const auto& [time, commit, index, column, offset] : select(query.series, query.from_us, query.to_us)) {
      auto bucket = static_cast<std::uint32_t>((time - query.from_us) * query.width / range);
      // Its begin is rounded down, so that a time right at it may belong to the next.
      while (bucket + 1 < query.width && query.from_us + range * (bucket + 1) / query.width <= time) ++bucket;
      const auto* numbers = std::get_if<std::vector<double>>(&column->values);
      const auto* booleans = std::get_if<std::vector<std::uint8_t>>(&column->values);
      const double number = numbers != nullptr    ? (*numbers)[offset]
                            : booleans != nullptr ? ((*booleans)[offset] != 0 ? 1 : 0)
                                                  : 0;
      if (out.index.empty()) {
        out.type = hub::type_of(column->values);
        out.first = like(column->values), out.last = like(column->values);
      }
      if (out.index.empty() || out.index.back() != bucket) {
        out.index.push_back(bucket), out.count.push_back(1);
        out.minimum.push_back(number), out.maximum.push_back(number), out.sum.push_back(number);
        push(out.first, column->values, offset), push(out.last, column->values, offset);
      } else {
        ++out.count.back();
        out.minimum.back() = std::min(out.minimum.back(), number);
        out.maximum.back() = std::max(out.maximum.back(), number);
        out.sum.back() += number;
        std::visit([](auto& values) { values.pop_back(); }, out.last);
        push(out.last, column->values, offset);
      }
    }
    return out;
  }
  using Found = std::tuple<std::int64_t, hub::CommitNumber, std::size_t, const hub::SeriesColumn*, std::size_t>;

  void ask(std::function<void()> question) {
    questions_->post([this, question = std::move(question)] {
      if (before_question) before_question();
      question();
    });
  }
  template <class T>
  void call_off(const hub::Reply<T>& reply) {
    ++questions_cancelled_;
    reply(hub::error_code(hub::errc::cancelled));
  }
  std::vector<Found> select(hub::SeriesId series, std::int64_t from_us, std::int64_t to_us) const {
    std::vector<Found> found;
    for (const auto& commit : commits_) {
      std::size_t index = 0;
      for (const auto& frame : commit->frames) {
        for (const auto& column : frame.columns) {
          if (column.series != series) continue;
          for (std::size_t i = 0; i < column.times->size(); ++i) {
            const auto time = (*column.times)[i];
            if (time >= from_us && time < to_us) found.emplace_back(time, commit->number, index, &column, i);
            ++index;
          }
        }
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static hub::ValueColumn like(const hub::ValueColumn& column) {
    return std::visit([](const auto& values) -> hub::ValueColumn { return std::decay_t<decltype(values)>(); }, column);
  }
  static void push(hub::ValueColumn& to, const hub::ValueColumn& from, std::size_t i) {
    std::visit([&](auto& values) { values.push_back(std::get<std::decay_t<decltype(values)>>(from)[i]); }, to);
  }

  std::mutex commit_mutex_;  // commits are announced in order
  mutable std::mutex mutex_;
  hub::Position head_;
  hub::CommitNumber forgotten_ = 0;
  std::atomic<int> questions_cancelled_{0};
  std::vector<hub::CommitPtr> commits_;
  std::function<void(const hub::CommitPtr&)> listener_;
  std::unique_ptr<base::Worker> journal_ = std::make_unique<base::Worker>("journal");
  std::unique_ptr<base::Worker> questions_ = std::make_unique<base::Worker>("questions");
};

}  // namespace fakes
