// A viewer that polls: one reading request after the other on a connection kept alive.
#pragma once

#include <string>

#include "session.h"

namespace bench {

/// Asks the hub's REST API for a number series' readings since the last one it has.
class PollingSession final : public Session {
 public:
  PollingSession(std::string token, std::string device, std::string series, std::int64_t from_us);

  /// Appends a request; false while the last one is not answered.
  bool ask(std::string& out);
  std::uint64_t answers() const { return answers_; }

  void start(std::string&) override { ready_ = true; }
  std::optional<std::size_t> take(std::string_view in, std::string& out, Receipts& receipts) override;
  bool is_ready() const override { return ready_; }
  bool publish(std::int64_t, std::string&) override { return false; }

 private:
  bool take_rows(std::string_view body, Receipts& receipts);

  const std::string head_;  // of the path, and of the headers
  const std::string headers_;
  std::int64_t from_us_;
  bool ready_ = false, waiting_ = false;
  std::uint64_t answers_ = 0;
};

}  // namespace bench
