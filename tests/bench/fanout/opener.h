// Opens many connections, some at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"

namespace bench {

/// Owns the connections. The first one that ends before `opened` was called ends the program's run: what is measured
/// needs all of them. Later ends are counted.
class Opener final : public ConnectionOwner {
 public:
  using MakeSession = std::function<std::unique_ptr<Session>(std::size_t number)>;

  Opener(EventLoop& loop, Receipts& receipts, Target target, std::size_t wanted, std::size_t at_once, MakeSession make);

  /// `opened` is called when all are ready; at once where none is wanted.
  void start(std::function<void()> opened);
  const std::vector<std::unique_ptr<Connection>>& all() const { return connections_; }
  double seconds() const { return static_cast<double>(ready_ns_ - began_ns_) / 1e9; }
  std::size_t lost() const { return lost_; }
  std::uint64_t received_bytes() const;
  std::uint64_t sent_bytes() const;

  void ready(Connection& connection) override;
  void ended(Connection& connection, const std::string& why) override;

 private:
  void open_next();

  EventLoop& loop_;
  Receipts& receipts_;
  const Target target_;
  const std::size_t wanted_, at_once_;
  const MakeSession make_;
  std::function<void()> opened_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t ready_ = 0, lost_ = 0;
  std::int64_t began_ns_ = 0, ready_ns_ = 0;
};

/// Addresses 127.0.0.1 … to come from, as many as a number of connections needs.
unsigned source_of(std::size_t number);

}  // namespace bench
