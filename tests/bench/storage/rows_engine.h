// SQLite as one would use it without further thought for telemetry: a row a reading, in the order of its key.
#pragma once

#include <optional>
#include <set>

#include "hub/storage/sqlite/database.h"
#include "tests/bench/storage/engine.h"

namespace bench {

class RowsEngine final : public Engine {
 public:
  explicit RowsEngine(EngineOptions options);

  void prepare(std::vector<Frame> frames) override;
  void store() override;
  void seal() override {}
  bool compact() override { return false; }
  void close() override;
  void open() override;
  void forget_cached() override;
  std::uint64_t commits() const override { return commits_; }
  Sizes sizes() override;
  std::size_t latest(std::span<const std::uint32_t> series) override;
  std::vector<Reading> raw(std::uint32_t series, std::int64_t from_us, std::int64_t to_us) override;
  std::vector<Bucket> buckets(std::uint32_t series, std::int64_t from_us, std::int64_t to_us,
                              std::uint32_t width) override;
  /// The rows' room stays with the file, for rows to come.
  std::uint64_t expire(std::int64_t before_us) override;

 private:
  struct Connection {
    hub::sqlite::Database db;  // outlives its statements
    hub::sqlite::Statement insert, latest, raw, buckets, expire;
  };
  void execute(const char* sql);
  hub::sqlite::Statement statement(const char* sql);

  const EngineOptions options_;
  std::optional<Connection> connection_;
  std::vector<Frame> prepared_;
  std::set<std::uint32_t> series_;  // all that were stored, as a table of series would say
  std::uint64_t commits_ = 0;
};

}  // namespace bench
