// A Link between a real spool and a scripted hub, in one thread.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <map>
#include <sstream>

#include "device-agent/link/link.h"
#include "device-agent/spool/frame_builder.h"
#include "tests/fakes/device_certificates.h"
#include "tests/fakes/fixed_random.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/scripted_hub.h"
#include "tests/fakes/temp_folder.h"

namespace agent::link_test {

namespace pb = telemetry::v1;
using Sent = std::vector<std::string>;

inline base::Id128 id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() { open_spool(2); }
  ~LinkTest() override {
    if (!link) return;
    link->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end of the link");
  }
  void open_spool(std::uint8_t epoch) { spool = Spool::open({folder.path()}, id(epoch), id(99)).value(); }
  void append(std::uint8_t lane, int frames = 1) {
    for (int i = 0; i < frames; ++i) {
      builder.add(builder.alias("temperature", "Cel", pb::VALUE_TYPE_NUMBER, 1'000), clock.now_us(), 21.5);
      spool->append(lane, builder.close(clock));
      spool->set_definitions(builder.definitions());
    }
  }
  void start(std::uint8_t random_byte = 0) {
    random = std::make_unique<fakes::FixedRandom>(random_byte);
    LinkEvents events;
    events.welcomed = [this](const pb::Welcome&) { happened.push_back("welcomed"); };
    events.message = [this](const pb::HubMessage& m) { messages.push_back(m); };
    events.disconnected = [this] { happened.push_back("disconnected"); };
    const auto save = [this](const Credential& changed) {
      saved.push_back(changed);
      return base::Result<void>();
    };
    keeper = std::make_unique<CredentialKeeper>(credential, save, clock, log);
    link = std::make_unique<Link>(io.get_executor(), *keeper, *spool, clock, *random, log, std::move(events),
                                  connector ? connector : hub.connector(), limits);
    tasks.spawn(link->run());
  }
  pb::Hello start_welcomed(std::vector<std::uint64_t> stored = {}, std::uint32_t credit_bytes = 1 << 20) {
    start();
    hub.until_connected(1);
    auto hello = hub.welcome(std::move(stored), credit_bytes);
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    return hello;
  }
  pb::Hello reconnect(int times, std::vector<std::uint64_t> stored = {}) {
    hub.peer().hang_up();
    hub.until_connected(times);
    auto hello = hub.welcome(std::move(stored));
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    return hello;
  }
  static Sent frames_of(const Sent& all) {
    Sent frames;
    for (const auto& s : all) {
      if (s.find(':') != std::string::npos) frames.push_back(s);
    }
    return frames;
  }
  Sent sent_frames() { return frames_of(hub.take_all()); }
  void answer_renewal(const std::string& csr, std::int64_t from_s) {
    pb::HubMessage message;
    message.mutable_renewed_certificate()->set_certificate_pem(
        wire::sign_device_certificate(fakes::test_ca("device CA"), csr, "d1", from_s, from_s + 90 * 86'400).value());
    hub.send(message);
  }
  void ask_for_definitions(std::uint32_t stream, std::uint64_t sequence, std::uint32_t alias) {
    pb::HubMessage message;
    auto& need = *message.mutable_need_definitions();
    need.set_stream(stream);
    need.set_sequence(sequence);
    need.add_aliases(alias);
    hub.send(message);
  }

  boost::asio::io_context io{1};
  fakes::TempFolder folder;
  fakes::ManualClock clock;
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
  fakes::ScriptedHub hub{io};
  wire::TaskGroup tasks{io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); }};
  std::unique_ptr<fakes::FixedRandom> random;
  std::unique_ptr<Spool> spool;
  FrameBuilder builder;
  std::vector<std::string> happened;
  std::vector<pb::HubMessage> messages;
  Credential credential{"hub.test", 8'443, "d1", "test", "secret", "", "", "", "", 0};
  std::vector<Credential> saved;
  ConnectToHub connector;  // empty: the scripted hub's
  LinkLimits limits;
  std::unique_ptr<CredentialKeeper> keeper;
  std::unique_ptr<Link> link;
};

}  // namespace agent::link_test
