// One device's connection, from its credential to its close.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/ingest/device_pace.h"
#include "hub/ingest/frame_intake.h"
#include "wire/task_group.h"

namespace hub {

/// A local of its own coroutine, on its core. Reads and handles one message at a time; answers, acknowledgements and
/// what the rest of the hub sends (DeviceLinks) are written at once into the connection, whose backlog is bounded: a
/// device that does not read is closed 4200. Ends when the socket does, or by close_soon(); run() returns when nothing
/// of it is left.
class DeviceSession {
 public:
  DeviceSession(std::uint64_t number, boost::asio::any_io_executor executor, const IngestServices& services,
                const IngestLimits& limits, IngestCounters& counters, IngestBudget& budget,
                std::shared_ptr<AckInbox> inbox, std::unique_ptr<wire::Connection> connection);
  ~DeviceSession();

  boost::asio::awaitable<void> run(std::optional<Principal> who);
  void replied(const AppendReply& reply);
  void flush_acks();
  /// The first reason wins.
  void close_soon(std::uint16_t code, std::string reason);

 private:
  boost::asio::awaitable<bool> read_message();
  boost::asio::awaitable<std::optional<Principal>> first_message(std::optional<Principal> who);
  boost::asio::awaitable<void> enrol();
  boost::asio::awaitable<void> renew_certificate();
  boost::asio::awaitable<bool> welcome(const Principal& who);
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<void> settle_budget();
  boost::asio::awaitable<void> rest(std::int64_t rest_us);
  void handle_execution();
  void handle_lease_state();
  bool apply(IntakeAnswer answer);
  bool send(const telemetry::v1::HubMessage& message);
  void refuse(std::uint16_t code, const std::string& reason);
  void start_hello_timer();
  void attach(const Principal& who);

  const std::uint64_t number_;
  boost::asio::any_io_executor executor_;
  const IngestServices& services_;
  const IngestLimits& limits_;
  IngestCounters& counters_;
  IngestBudget& budget_;
  std::shared_ptr<AckInbox> inbox_;
  std::unique_ptr<wire::Connection> connection_;
  wire::TaskGroup closers_;
  boost::asio::steady_timer hello_timer_;
  boost::asio::steady_timer budget_wait_;
  boost::asio::steady_timer pace_wait_;
  DevicePace pace_;
  std::shared_ptr<DeviceSession*> self_;  // null inside once the session has ended: for posts that come late
  DeviceId device_;
  std::string certificate_;           // the serial of the one signed in with; empty: a token
  std::int64_t renewed_boot_us_ = 0;  // when it last asked for a successor
  std::uint64_t link_ = 0;
  std::optional<FrameIntake> intake_;
  bool welcomed_ = false;
  bool closing_ = false;
  std::vector<HubMessagePtr> before_welcome_;         // at most 256, as DeviceLinks promises
  std::shared_ptr<std::atomic<std::size_t>> posted_;  // messages of the links on their way here
  std::string buffer_;
  telemetry::v1::DeviceMessage message_;
};

}  // namespace hub
