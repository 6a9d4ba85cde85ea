// The connection to the hub: connects, resends, acknowledges, comes back.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "device-agent/link/back_off.h"
#include "device-agent/link/credential_keeper.h"
#include "device-agent/link/frame_sender.h"
#include "device-agent/link/hub_connection.h"
#include "device-agent/spool/spool.h"
#include "wire/connection.h"
#include "wire/deadline.h"
#include "wire/task_group.h"

namespace agent {

/// What the link asks of, and tells, the rest of the agent. Called on the agent's thread.
struct LinkEvents {
  std::function<void(telemetry::v1::Hello&)> describe;            // attributes, commands
  std::function<void(const telemetry::v1::Welcome&)> welcomed;    // before the first frame of the session leaves
  std::function<void(const telemetry::v1::HubMessage&)> message;  // executions, leases, …; of a session welcomed
  std::function<void()> disconnected;
};

/// How long the hub may take, and what one Hello holds. Tests shorten them.
struct LinkLimits {
  std::chrono::milliseconds welcome{30'000};       // after Hello
  std::chrono::milliseconds goodbye{5'000};        // to close, after its Refusal
  std::chrono::milliseconds acknowledge{120'000};  // anything of what is under way
  std::size_t hello_streams = FrameSender::kHelloStreams;
};

/// Of all sessions, for status.
struct LinkCounters {
  std::uint64_t attempts = 0, sessions = 0;
  std::uint64_t wire_sent_bytes = 0, wire_received_bytes = 0;  // TLS included
  std::string last_error;                                      // why the last attempt or session ended
  std::string address;                                         // whom the socket reached, where one is open
};

/// Lives on the agent's thread. run() goes on until stop(), which also ends a connect at once. Frames are
/// FrameSender's; what is not acknowledged when a connection ends is sent again on the next. Other messages are sent
/// only while welcomed: their owners keep what must not be lost. A hub that speaks nonsense is told why, left, and
/// tried again with back-off.
class Link {
 public:
  Link(boost::asio::any_io_executor executor, CredentialKeeper& keeper, Spool& spool, const base::Clock& clock,
       base::Random& random, std::shared_ptr<spdlog::logger> log, LinkEvents events, ConnectToHub connect,
       LinkLimits limits = {});
  ~Link();

  boost::asio::awaitable<void> run();
  void stop();
  /// The spool has something new.
  void pump() { frames_.pump(); }
  /// Each second or so: what falls due with time.
  void tick();
  bool send(const telemetry::v1::DeviceMessage& message);
  /// Ends the session in good order and begins another at once: the device has something new to say in Hello.
  void reconnect();
  bool is_welcomed() const { return welcomed_; }
  /// What is measured now belongs into the live lane.
  bool is_live() const { return welcomed_ && frames_.is_live_flowing(); }
  const std::string& state() const { return state_; }  // for status: "connected", "waiting 4 s: …"
  /// What is wrong with a link that is connected; empty: nothing.
  std::string problem() const;
  LinkCounters counters() const;
  const FrameSender& frames() const { return frames_; }
  std::uint64_t sent_bytes() const { return frames_.sent_bytes(); }
  std::uint64_t rejected_frames() const { return frames_.rejected_frames(); }

 private:
  boost::asio::awaitable<void> session();
  boost::asio::awaitable<bool> open();
  boost::asio::awaitable<void> connect_once(HubConnection& made);
  boost::asio::awaitable<void> leave(std::uint16_t code);
  bool handle(const telemetry::v1::HubMessage& message);
  bool introduce();
  bool hello();
  bool ask_for_certificate(std::optional<telemetry::v1::RenewCertificate> request);
  bool on_welcome(const telemetry::v1::Welcome& welcome);
  void on_refusal(const telemetry::v1::Refusal& refusal);
  bool accept(std::string problem);
  void end_session();
  boost::asio::awaitable<void> wait_for_next();

  CredentialKeeper& keeper_;
  const ConnectToHub connect_;
  const base::Clock& clock_;
  base::Random& random_;
  std::shared_ptr<spdlog::logger> log_;
  LinkEvents events_;
  const LinkLimits limits_;
  FrameSender frames_;
  boost::asio::steady_timer timer_;
  wire::TaskGroup connecting_, closers_;
  const base::Id128 process_id_;
  std::unique_ptr<wire::Connection> connection_;
  wire::Deadline deadline_;  // of what the hub owes; declared after the connection it aborts
  BackOff back_off_;
  LinkCounters counters_;
  std::string state_ = "starting";
  std::string refusal_;    // why this session ends
  std::string violation_;  // what the hub did wrong in it
  std::int64_t hint_us_ = 0, welcomed_us_ = 0;
  std::uint16_t close_code_ = 0;
  std::string shown_;         // the certificate of this connection
  bool renew_first_ = false;  // the hub takes nothing else from it: it has expired
  bool welcomed_ = false;
  bool reconnecting_ = false;
  bool stopping_ = false;
};

}  // namespace agent
