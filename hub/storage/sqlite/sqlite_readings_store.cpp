#include "hub/storage/sqlite/sqlite_readings_store.h"

#include <algorithm>
#include <filesystem>

#include "base/worker.h"
#include "hub/storage/sqlite/commit_window.h"
#include "hub/storage/sqlite/expiry.h"
#include "hub/storage/sqlite/group_commit.h"
#include "hub/storage/sqlite/partition_keeper.h"
#include "hub/storage/sqlite/query_limit.h"
#include "hub/storage/sqlite/readings_query.h"
#include "hub/storage/sqlite/recovery.h"
#include "hub/storage/sqlite/reserve_file.h"
#include "hub/storage/sqlite/sealer.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kMaxQueries = 1'024;  // waiting for a reader; past it errc::busy
constexpr std::size_t kLargestLowWater = 512u << 20;

std::uint64_t low_water(const ReadingsOptions& options, const DataFolder& folder) {
  if (options.low_water_bytes != 0) return options.low_water_bytes;
  return std::min<std::uint64_t>(kLargestLowWater, folder.capacity_bytes() / 20);
}

/// Owns all parts and their order of ending: keeper, sealer, journal thread, readers, files. The parts that queries see
/// (tail, window, latest) are written by the journal thread and locked inside.
class SqliteReadingsStore final : public ReadingsStore {
 public:
  SqliteReadingsStore(const ReadingsOptions& options, const base::Clock& clock)
      : options_(options),
        clock_(clock),
        folder_(options.folder, options.vfs, options.free_bytes),
        reserve_(folder_, low_water(options, folder_)),
        partitions_(folder_, options.file_names != nullptr ? *options.file_names : system_file_names()),
        window_(options.retained_journal_bytes, options.retained_journal_us),
        lookups_(folder_.recent_path(), open_options()),
        readers_(folder_.recent_path(), open_options(), &partitions_) {}

  ~SqliteReadingsStore() override { stop(); }

  std::optional<Problem> open(base::Random& random) {
    if (!folder_.make()) {
      return Problem{errc::storage_failed, options_.folder + ": cannot be made. Check the path and its permissions.",
                     ""};
    }
    if (!partitions_.make()) {
      return Problem{errc::storage_failed,
                     options_.folder + "/partitions: cannot be made. Check the path and its permissions.", ""};
    }
    reserve_.look();
    folder_.remove_orphans();
    const auto files = folder_.segments();
    auto recent = RecentDatabase::open(folder_, open_options(), !files.empty(), random);
    if (!recent) return recent.error();
    epoch_ = (*recent)->epoch();
    const CommitNumber sealed_through = (*recent)->sealed_through();
    if (auto done = (*recent)->load_latest(latest_); !done)
      return Problem{to_errc(done.error()), folder_.recent_path() + ": table latest cannot be read", ""};
    if (auto done = set_aside_unknown(**recent); !done)
      return Problem{to_errc(done.error()), folder_.recent_path() + ": the catalogue cannot be read", ""};
    journal_ = std::make_unique<Journal>(folder_, epoch_, open_options());
    tail_.reset(sealed_through);
    StreamCursors cursors([this](const StreamKey& stream) { return find_cursor(stream); });
    const auto head = recover_journal(folder_, files, epoch_, sealed_through, open_options(), *journal_,
                                      [&](const CommitPtr& commit) {
                                        make_visible(commit);
                                        for (const auto& frame : commit->frames)
                                          cursors.stage(frame.stream, {frame.last_sequence, commit->number});
                                        cursors.keep_staged();
                                      });
    if (!head) return head.error();
    start(std::move(*recent), std::move(cursors), *head);
    return std::nullopt;
  }

  void append(StoredFrame frame, Reply<AppendResult> reply) override {
    commits_->submit(std::move(frame), std::move(reply));
  }
  void cursors(std::vector<StreamKey> streams, Reply<std::vector<std::uint64_t>> reply) override {
    commits_->cursors(std::move(streams), std::move(reply));
  }
  void query_raw(RawQuery query, Reply<RawPage> reply) override {
    const QueryLimit limit = limit_of(query.cancellation);
    ask<RawPage>(limit, std::move(reply), [this, query = std::move(query), limit](RecentReader& reader) {
      auto page = sqlite::query_raw(reader, tail_, query, limit);
      // Where the range is empty, the series may still be known.
      if (page && page->times_us.empty()) page->type = latest_.type_of(query.series).value_or(ValueType{});
      return page;
    });
  }
  void query_buckets(BucketQuery query, Reply<Buckets> reply) override {
    const QueryLimit limit = limit_of(query.cancellation);
    ask<Buckets>(limit, std::move(reply), [this, query, limit](RecentReader& reader) {
      auto buckets = sqlite::query_buckets(reader, tail_, query, limit);
      if (buckets && buckets->index.empty()) buckets->type = latest_.type_of(query.series).value_or(ValueType{});
      return buckets;
    });
  }
  void query_many_buckets(ManyBucketsQuery query, Reply<std::vector<Buckets>> reply) override {
    const QueryLimit limit = limit_of(query.cancellation);
    ask<std::vector<Buckets>>(
        limit, std::move(reply),
        [this, query = std::move(query), limit](RecentReader& reader) -> Result<std::vector<Buckets>> {
          auto answers = sqlite::query_many_buckets(reader, tail_, query, limit);
          for (std::size_t i = 0; answers && i < answers->size(); ++i) {
            auto& one = (*answers)[i];
            if (one.index.empty()) one.type = latest_.type_of(query.series[i]).value_or(ValueType{});
          }
          return answers;
        });
  }
  void latest(std::vector<SeriesId> series, Reply<std::vector<LatestReading>> reply) override {
    post<std::vector<LatestReading>>(
        limit_of({}), std::move(reply),
        [this, series = std::move(series)]() -> Result<std::vector<LatestReading>> { return latest_.find(series); });
  }
  void gaps(GapQuery query, Reply<std::vector<Gap>> reply) override {
    const QueryLimit limit = limit_of(query.cancellation);
    ask<std::vector<Gap>>(limit, std::move(reply), [this, query = std::move(query), limit](RecentReader& reader) {
      return sqlite::query_gaps(reader, tail_, query, limit);
    });
  }
  void read_commits(CommitNumber after, std::size_t max_bytes, Reply<std::vector<CommitPtr>> reply) override {
    auto read = [this, after, max_bytes]() -> Result<std::vector<CommitPtr>> {
      const CommitNumber head = commits_->head();
      if (after > head) return errc::gone;
      if (after == head) return std::vector<CommitPtr>();
      if (auto commits = window_.read(after, max_bytes)) return std::move(*commits);
      return journal_->read(after, max_bytes);
    };
    post<std::vector<CommitPtr>>(limit_of({}), std::move(reply), std::move(read));
  }
  Position head() const override { return {epoch_, commits_->head()}; }
  void expire(std::int64_t before_us, Reply<std::uint64_t> reply) override {
    const errc refused = sealer_->post([this, before_us, reply](RecentDatabase& recent) {
      auto readings = expire_before(recent, before_us);
      keeper_->remove_soon();
      reply(std::move(readings));
    });
    if (refused != errc::ok) reply(error_code(refused));
  }
  void on_commit(std::function<void(const CommitPtr&)> listener) override { commits_->on_commit(std::move(listener)); }

  StoreStatus status() const override {
    StoreStatus status;
    commits_->report(status);
    status.head.journal_epoch = epoch_;
    status.sealed_through = sealer_->sealed_through();
    status.seals = sealer_->seals();
    status.seals_postponed = sealer_->seals_postponed();
    status.fsyncs = status.commits + status.seals;
    status.journal_bytes = journal_->bytes();
    status.recent_bytes = DataFolder::database_bytes(folder_.recent_path());
    status.tail_bytes = tail_.bytes();
    keeper_->report(status);
    status.reserve_bytes = reserve_.bytes();
    status.reserve_given_up = reserve_.is_given_up();
    if (status.warning.empty()) status.warning = set_aside_;
    if (status.warning.empty() && status.reserve_given_up) status.warning = missing_reserve();
    return status;
  }

  void stop() override {
    if (keeper_) keeper_->stop();
    if (sealer_) sealer_->stop();
    if (commits_) commits_->stop();
    std::unique_ptr<base::Worker> queries;  // ends what is queued after the lock is gone
    const std::lock_guard lock(queries_mutex_);
    queries = std::move(queries_);
  }

 private:
  OpenOptions open_options() const {
    OpenOptions options;
    options.vfs = options_.vfs;
    options.synchronous = options_.synchronous;
    return options;
  }

  void start(std::unique_ptr<RecentDatabase> recent, StreamCursors cursors, CommitNumber head) {
    CommitLimits limits;
    limits.pending_max_bytes = options_.pending_max_bytes;
    limits.commit_max_bytes = options_.commit_max_bytes;
    limits.window_us = options_.commit_window_us;
    // Sealing begins at tail_max_bytes; while it runs, or waits for the disk, as much again may come.
    limits.tail_max_bytes = options_.tail_max_bytes + std::max(options_.tail_max_bytes, options_.pending_max_bytes);
    limits.low_water_bytes = low_water(options_, folder_);
    commits_ = std::make_unique<GroupCommit>(limits, clock_, folder_, *journal_, std::move(cursors), latest_, tail_,
                                             head, [this](const CommitPtr& commit) {
                                               make_visible(commit);
                                               commits_->set_sealed_through(sealer_->sealed_through());
                                               sealer_->nudge();
                                             });
    commits_->set_restore_point(recent->restore_point());
    SealPolicy policy;
    policy.tail_max_bytes = options_.tail_max_bytes;
    policy.interval_us = options_.seal_interval_us;
    policy.retained_journal_bytes = options_.retained_journal_bytes;
    policy.retained_journal_us = options_.retained_journal_us;
    sealer_ = std::make_unique<Sealer>(
        policy, clock_, std::move(recent), *journal_, tail_, reserve_, [this] { return commits_->rotate(); },
        [this](std::string why) { commits_->fail(std::move(why)); });
    queries_ = std::make_unique<base::Worker>("readings", kMaxQueries, std::max(1u, options_.readers));
    PartitionPolicy keeping;
    keeping.retention = options_.retention;
    keeping.class_of = options_.class_of;
    keeping.grace_us = options_.compact_grace_us;
    keeping.late_us = options_.compact_late_us;
    keeping.low_water_bytes = limits.low_water_bytes;
    keeping.free_bytes_wanted = 2 * limits.low_water_bytes;
    keeper_ = std::make_unique<PartitionKeeper>(keeping, clock_, folder_, partitions_, open_options(), epoch_, readers_,
                                                *sealer_);
    commits_->start();
    sealer_->start([this] { keeper_->nudge(); });
    keeper_->start();
  }

  /// Files that the catalogue does not know come from elsewhere, or from a later time than a restored catalogue.
  Result<void> set_aside_unknown(RecentDatabase& recent) {
    auto known = recent.partitions().files();
    if (!known) return known.error();
    auto removals = recent.partitions().removals();
    if (!removals) return removals.error();
    known->insert(removals->begin(), removals->end());
    const auto aside = partitions_.set_aside_unknown(*known);
    if (!aside.empty()) {
      set_aside_ = std::to_string(aside.size()) + " files of readings that this hub does not know were renamed, the " +
                   "first is now " + partitions_.path_of(aside.front()) + "; nothing in them is answered";
    }
    return {};
  }

  std::string missing_reserve() const {
    return folder_.path() + "/reserve, which keeps " + std::to_string(reserve_.wanted_bytes() >> 20) +
           " MB for sealing and signing in on a full disk, is not there: it is made once " +
           std::to_string(reserve_.made_from_bytes() >> 20) + " MB are free";
  }

  void make_visible(const CommitPtr& commit) {
    tail_.append(commit);
    window_.append(commit);
    latest_.update(*commit);
  }

  Result<StreamCursor> find_cursor(const StreamKey& stream) {
    auto reader = lookups_.borrow();
    if (!reader) return reader.error();
    return (*reader)->cursor(stream);
  }

  QueryLimit limit_of(Cancellation cancellation) const {
    return QueryLimit(clock_, clock_.boot_us() + options_.query_limit_us, std::move(cancellation));
  }

  template <class T, class Function>
  void post(const QueryLimit& limit, Reply<T> reply, Function function) {
    auto answer = [limit, reply, function = std::move(function)]() mutable {
      // It may have waited for longer than it may take.
      if (auto going = limit.check(); !going) return reply(going.error());
      reply(function());
    };
    errc refused = errc::ok;
    {
      const std::lock_guard lock(queries_mutex_);
      if (!queries_) {
        refused = errc::unavailable;
      } else if (!queries_->try_post(std::move(answer))) {
        refused = errc::busy;
      }
    }
    if (refused != errc::ok) reply(error_code(refused));
  }

  template <class T, class Function>
  void ask(const QueryLimit& limit, Reply<T> reply, Function function) {
    post<T>(limit, std::move(reply), [this, limit, function = std::move(function)]() -> Result<T> {
      auto reader = readers_.borrow();
      if (!reader) return reader.error();
      const InterruptedSql interrupted((*reader)->connection(), limit);
      auto result = function(**reader);
      if (!result && to_errc(result.error()) == errc::cancelled) {
        if (auto going = limit.check(); !going) return going.error();  // interrupted SQL does not say by which
      }
      return result;
    });
  }

  const ReadingsOptions options_;
  const base::Clock& clock_;
  const DataFolder folder_;
  ReserveFile reserve_;
  const PartitionFolder partitions_;
  std::string set_aside_;  // what to say about files that were not known at the start
  base::Id128 epoch_{};
  Tail tail_;
  CommitWindow window_;
  LatestTable latest_;
  RecentReaders lookups_, readers_;  // lookups_: the journal thread's
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<GroupCommit> commits_;
  std::unique_ptr<Sealer> sealer_;
  std::unique_ptr<PartitionKeeper> keeper_;
  std::mutex queries_mutex_;
  std::unique_ptr<base::Worker> queries_;
};

}  // namespace

Outcome<std::unique_ptr<ReadingsStore>> open_readings_store(ReadingsOptions options, const base::Clock& clock,
                                                            base::Random& random) {
  auto store = std::make_unique<SqliteReadingsStore>(options, clock);
  if (auto problem = store->open(random)) return *problem;
  return std::unique_ptr<ReadingsStore>(std::move(store));
}

}  // namespace hub::sqlite
