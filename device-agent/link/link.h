// The connection to the hub: connects, resends, acknowledges, comes back.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "device-agent/link/credential_keeper.h"
#include "device-agent/link/hub_connection.h"
#include "device-agent/link/unreadable_frame.h"
#include "device-agent/spool/spool.h"
#include "wire/connection.h"
#include "wire/task_group.h"

namespace agent {

/// What the link asks of, and tells, the rest of the agent. Called on the agent's thread.
struct LinkEvents {
  std::function<void(telemetry::v1::Hello&)> describe;            // attributes, commands
  std::function<void(const telemetry::v1::Welcome&)> welcomed;    // before the first frame of the session leaves
  std::function<void(const telemetry::v1::HubMessage&)> message;  // executions, leases, …
  std::function<void()> disconnected;
};

/// Lives on the agent's thread. run() goes on until stop(). Frames are sent in order of their stream, the live lane
/// first, within the hub's credits; what is not acknowledged when a connection ends is sent again on the next. Other
/// messages are sent only while welcomed: their owners keep what must not be lost.
class Link {
 public:
  Link(boost::asio::any_io_executor executor, CredentialKeeper& keeper, Spool& spool, const base::Clock& clock,
       base::Random& random, std::shared_ptr<spdlog::logger> log, LinkEvents events,
       ConnectToHub connect = connect_to_hub);
  ~Link();

  boost::asio::awaitable<void> run();
  void stop();
  /// The spool has something new.
  void pump();
  /// Each second or so: what falls due with time.
  void tick();
  bool send(const telemetry::v1::DeviceMessage& message);
  /// Ends the session in good order and begins another at once: the device has something new to say in Hello.
  void reconnect();
  bool is_welcomed() const { return welcomed_; }
  const std::string& state() const { return state_; }  // for status: "connected", "waiting 4 s: …"
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  std::uint64_t rejected_frames() const { return rejected_; }

 private:
  struct Stream {
    Spool::Stream spool;
    std::uint64_t next = 1;                                     // to be sent
    std::deque<std::pair<std::uint64_t, std::size_t>> unacked;  // last sequence, bytes
    std::uint64_t told_for = 0;                                 // the frame that definitions were last asked for
  };
  boost::asio::awaitable<void> session();
  bool introduce();
  bool hello();
  bool ask_for_certificate(std::optional<telemetry::v1::RenewCertificate> request);
  bool on_welcome(const telemetry::v1::Welcome& welcome);
  void on_ack(const telemetry::v1::FrameAck& ack);
  void on_credits(const telemetry::v1::Credits& credits);
  void on_need(const telemetry::v1::NeedDefinitions& need);
  bool send_from(std::size_t index);
  void give_up(const FrameKey& frame);
  std::vector<FrameKey> under_way() const;
  boost::asio::awaitable<void> wait(std::int64_t us, const std::string& why);

  CredentialKeeper& keeper_;
  const ConnectToHub connect_;
  Spool& spool_;
  const base::Clock& clock_;
  base::Random& random_;
  std::shared_ptr<spdlog::logger> log_;
  LinkEvents events_;
  boost::asio::steady_timer timer_;
  wire::TaskGroup closers_;
  const base::Id128 process_id_;
  std::unique_ptr<wire::Connection> connection_;
  std::vector<Stream> streams_;
  UnreadableFrame unreadable_;
  std::size_t message_limit_ = 0;                         // 0: the hub says none
  std::size_t credit_[2] = {0, 0}, unacked_[2] = {0, 0};  // by lane
  std::string state_ = "starting";
  std::string refusal_;
  std::uint32_t retry_after_ms_ = 0;
  std::uint64_t sent_bytes_ = 0, rejected_ = 0;
  std::uint16_t close_code_ = 0;
  int attempt_ = 0;
  std::string shown_;         // the certificate of this connection
  bool renew_first_ = false;  // the hub takes nothing else from it: it has expired
  bool welcomed_ = false;
  bool reconnecting_ = false;
  bool stopping_ = false;
};

}  // namespace agent
