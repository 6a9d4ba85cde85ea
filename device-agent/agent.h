// One device at work: sensors into frames, frames into the spool, the spool to the hub; commands and alerts back.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "device-agent/commands/command_runner.h"
#include "device-agent/config/agent_config.h"
#include "device-agent/link/credential_keeper.h"
#include "device-agent/link/link.h"
#include "device-agent/problem_log.h"
#include "device-agent/rules/alert_actions.h"
#include "device-agent/sensors/sampler.h"
#include "device-agent/spool/frame_builder.h"
#include "device-agent/spool/spool.h"
#include "device-agent/status_file.h"
#include "wire/task_group.h"

namespace agent {

/// The composition root of a device; a simulation holds many. Lives on one thread. run() goes on until stop(), which
/// ends the link, lets running commands end, and makes everything that is not acknowledged durable.
class Agent {
 public:
  struct Parts {
    AgentConfig config;
    Credential credential;
    std::function<Sensors()> find_sensors;  // asked at the start, and every 30 s for what was plugged in
    std::string state_folder;
    std::string runtime_folder;  // for the status file, see StatusFile
    bool simulated = false;      // no commands of the config, no status file
    ConnectToHub connect = connect_to_hub;
    std::chrono::milliseconds tick{1'000};  // of the housekeeping
  };
  static base::Result<std::unique_ptr<Agent>> make(boost::asio::any_io_executor executor, Parts parts,
                                                   const base::Clock& clock, base::Random& random,
                                                   std::shared_ptr<spdlog::logger> log);
  boost::asio::awaitable<void> run();
  void stop();
  const Link& link() const { return *link_; }

 private:
  Agent(boost::asio::any_io_executor executor, Parts parts, const base::Clock& clock,
        std::shared_ptr<spdlog::logger> log);
  boost::asio::awaitable<void> sample_loop();
  boost::asio::awaitable<void> housekeeping();
  void take(const std::function<void(const SampleTime&, const Sampler::Sink&)>& sample);
  std::string sample_now();  // the values as JSON
  void close_frame();
  void note_clock();
  void note_hub_time(double server_time_us);
  void place_times();
  void tell_status();
  void on_message(const telemetry::v1::HubMessage& message);

  boost::asio::any_io_executor executor_;
  Parts parts_;
  const base::Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::steady_timer sample_timer_, second_timer_;
  wire::TaskGroup tasks_;
  FrameBuilder builder_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<CommandRunner> commands_;
  std::unique_ptr<AlertActions> alerts_;
  std::unique_ptr<CredentialKeeper> keeper_;
  std::unique_ptr<Link> link_;
  std::int64_t opened_us_ = 0;  // when the first reading came into the builder, boot time
  std::int64_t flushed_us_ = 0;
  std::int64_t looked_for_sensors_us_ = 0, told_us_ = 0;
  Sampler sampler_;
  std::optional<std::int64_t> wall_minus_boot_us_;  // once the right time is known, by this clock or the hub's
  bool was_synchronised_ = false;
  ProblemLog sensor_problems_;
  StatusFile status_;
  std::uint64_t overruns_ = 0;
  std::string spool_problem_;
  bool stopping_ = false;
};

/// 16 bytes that change at each boot of this machine.
base::Id128 boot_id(base::Random& random);

}  // namespace agent
