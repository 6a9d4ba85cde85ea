// The hub's end of a device link, in memory: the test answers Hello and looks at what the device sends.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/link/hub_connection.h"
#include "telemetry/v1/device.pb.h"
#include "tests/fakes/scripted_connection.h"

namespace fakes {

/// Runs the io_context of what is tested only while it waits for something, so a test is one thread.
class ScriptedHub {
 public:
  explicit ScriptedHub(boost::asio::io_context& io) : io_(io) {}

  /// What the device's link is made with.
  agent::ConnectToHub connector() {
    return [this](agent::Credential credential, agent::HandshakeTime time) {
      shown_ = std::move(credential);
      time_ = time;
      return connect();
    };
  }
  /// What the last connect came with.
  const agent::Credential& shown() const { return shown_; }
  const agent::HandshakeTime& handshake_time() const { return time_; }
  /// The next connects fail like this instead.
  void fail_with(std::string problem, bool refused) { failure_ = {std::move(problem), refused}; }
  void accept() { failure_.reset(); }
  int connects() const { return connects_; }
  bool has_peer() const { return !peers_.empty(); }
  ScriptedPeer& peer() { return *peers_.back(); }

  /// False, and a failed test, where `condition` does not come about within ten seconds.
  bool until(const std::function<bool()>& condition, const std::string& what) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << "never came: " << what;
        return false;
      }
      if (io_.stopped()) io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  /// Runs what is ready now.
  void settle() {
    if (io_.stopped()) io_.restart();
    io_.poll();
  }
  bool until_connected(int times) {
    return until([&] { return connects_ >= times && !peers_.empty(); }, "connection " + std::to_string(times));
  }

  /// The next message of the device; an empty one after ten seconds.
  telemetry::v1::DeviceMessage receive() {
    std::optional<std::string> bytes;
    telemetry::v1::DeviceMessage message;
    until([&] { return (bytes = peer().try_receive()).has_value(); }, "a message of the device");
    EXPECT_TRUE(bytes && message.ParseFromString(*bytes));
    return message;
  }
  /// The next message if one has been sent by now.
  std::optional<telemetry::v1::DeviceMessage> receive_now() {
    settle();
    const auto bytes = peer().try_receive();
    if (!bytes) return std::nullopt;
    telemetry::v1::DeviceMessage message;
    EXPECT_TRUE(message.ParseFromString(*bytes));
    return message;
  }
  /// "2:7" for frame 7 of stream 2, "2:7-9" for a gap, "definitions 2", "hello"; of everything sent by now.
  std::vector<std::string> take_all() {
    std::vector<std::string> seen;
    while (const auto m = receive_now()) {
      if (m->has_frame()) {
        seen.push_back(std::to_string(m->frame().stream()) + ":" + std::to_string(m->frame().sequence()));
      } else if (m->has_gap()) {
        seen.push_back(std::to_string(m->gap().stream()) + ":" + std::to_string(m->gap().first()) + "-" +
                       std::to_string(m->gap().last()));
      } else if (m->has_definitions()) {
        seen.push_back("definitions " + std::to_string(m->definitions().stream()));
      } else {
        seen.push_back(m->has_hello() ? "hello" : "other");
      }
    }
    return seen;
  }
  void send(const telemetry::v1::HubMessage& message) { peer().send(message.SerializeAsString()); }
  std::uint32_t message_limit_bytes = 0;  // said in Welcome
  /// Welcome for the Hello that this reads first; `stored` by stream, 0 where it is shorter.
  telemetry::v1::Hello welcome(std::vector<std::uint64_t> stored = {}, std::uint32_t credit_bytes = 1 << 20,
                               double server_time_us = 1.7e15) {
    const telemetry::v1::DeviceMessage first = receive();
    EXPECT_TRUE(first.has_hello());
    telemetry::v1::HubMessage message;
    auto& welcome = *message.mutable_welcome();
    for (int i = 0; i < first.hello().streams_size(); ++i) {
      const auto n = static_cast<std::size_t>(i);
      welcome.add_streams()->set_stored(n < stored.size() ? stored[n] : 0);
    }
    welcome.set_credit_bytes_live(credit_bytes);
    welcome.set_credit_bytes_backfill(credit_bytes);
    welcome.set_server_time_us(server_time_us);
    welcome.set_message_limit_bytes(message_limit_bytes);
    welcome.set_device_name("test");
    send(message);
    return first.hello();
  }
  void acknowledge(std::uint32_t stream, std::uint64_t stored) {
    telemetry::v1::HubMessage message;
    auto& ack = *message.mutable_ack()->add_streams();
    ack.set_stream(stream);
    ack.set_stored(stored);
    send(message);
  }
  void refuse(std::uint32_t code, const std::string& reason, std::uint32_t retry_after_ms = 0) {
    telemetry::v1::HubMessage message;
    message.mutable_refusal()->set_close_code(code);
    message.mutable_refusal()->set_reason(reason);
    message.mutable_refusal()->set_retry_after_ms(retry_after_ms);
    send(message);
    settle();
    peer().hang_up(wire::CloseReason(static_cast<std::uint16_t>(code), reason));
  }

 private:
  wire::Awaitable<agent::HubConnection> connect() {
    ++connects_;
    if (failure_) co_return agent::HubConnection(failure_->first, failure_->second);
    peers_.push_back(std::make_shared<ScriptedPeer>(io_.get_executor()));
    co_return agent::HubConnection(std::make_unique<ScriptedConnection>(peers_.back()));
  }

  boost::asio::io_context& io_;
  agent::Credential shown_;
  agent::HandshakeTime time_;
  std::optional<std::pair<std::string, bool>> failure_;
  std::vector<std::shared_ptr<ScriptedPeer>> peers_;
  int connects_ = 0;
};

}  // namespace fakes
