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
#include "device-agent/commands/built_ins.h"
#include "device-agent/commands/command_runner.h"
#include "device-agent/config/agent_config.h"
#include "device-agent/gpio/gpio_outputs.h"
#include "device-agent/health_sensor.h"
#include "device-agent/link/batching.h"
#include "device-agent/link/credential_keeper.h"
#include "device-agent/link/link.h"
#include "device-agent/problem_log.h"
#include "device-agent/rules/alert_actions.h"
#include "device-agent/sensors/sampler.h"
#include "device-agent/service_manager.h"
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
    std::string runtime_folder;             // for the status file, see StatusFile
    bool simulated = false;                 // no commands of the config, no status file
    ConnectToHub connect = {};              // empty: the real one, by the config's proxy
    std::chrono::milliseconds tick{1'000};  // of the housekeeping
    ServiceManager* service = nullptr;      // outlives the agent; none: nobody is told
    std::function<void()> restart;          // ends this process and starts another; none: restart-agent is not there
    std::vector<std::string> reboot = reboot_program();
    std::shared_ptr<GpioKernel> gpio = std::make_shared<SystemGpioKernel>();
  };
  static base::Result<std::unique_ptr<Agent>> make(boost::asio::any_io_executor executor, Parts parts,
                                                   const base::Clock& clock, base::Random& random,
                                                   std::shared_ptr<spdlog::logger> log);
  boost::asio::awaitable<void> run();
  void stop();
  /// Another configuration, checked already. Only what differs is touched; the link ends and comes back at once where
  /// the hub must hear of other commands.
  void reload(AgentConfig config, std::function<Sensors()> find_sensors);
  /// A new configuration that could not be taken, for the status; empty: the file is in order.
  void note_config_problem(std::string problem);
  const Link& link() const { return *link_; }

 private:
  Agent(boost::asio::any_io_executor executor, Parts parts, const base::Clock& clock,
        std::shared_ptr<spdlog::logger> log);
  boost::asio::awaitable<void> sample_loop();
  boost::asio::awaitable<void> housekeeping();
  void take(const std::function<void(const SampleTime&, const Sampler::Sink&)>& sample);
  std::string sample_now();  // the values as JSON
  void watch_over_sampling();
  void restart_sensors();
  void add_built_ins();
  std::string set_interval(double seconds);
  void introduce(telemetry::v1::Hello& hello) const;
  std::string announcement() const;
  void announce();
  void close_frame();
  void note_clock();
  void note_hub_time(double server_time_us);
  void place_times();
  void tell_status();
  void flush_if_due();
  void look_at_disk();
  SamplerOptions sampler_options();
  void note_arrivals();
  Sensors find_all_sensors();
  AgentHealth health() const;
  std::string problems() const;
  void on_message(const telemetry::v1::HubMessage& message);

  boost::asio::any_io_executor executor_;
  Parts parts_;
  const base::Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::steady_timer sample_timer_, second_timer_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>();  // what other threads post looks whether there still is an agent
  wire::TaskGroup tasks_;
  FrameBuilder builder_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<CommandRunner> commands_;
  std::unique_ptr<GpioOutputs> outputs_;
  std::unique_ptr<AlertActions> alerts_;
  std::unique_ptr<CredentialKeeper> keeper_;
  std::unique_ptr<Link> link_;
  Batching batching_;  // of the builder
  std::int64_t flushed_us_ = 0;
  std::int64_t looked_for_sensors_us_ = 0, told_us_ = 0, looked_at_disk_us_ = 0;
  Sampler sampler_;
  std::optional<std::int64_t> wall_minus_boot_us_;  // once the right time is known, by this clock or the hub's
  bool was_synchronised_ = false;
  ProblemLog sensor_problems_;
  StatusFile status_;
  std::uint64_t sampled_ = 0;
  std::string spool_problem_;                // why the spool cannot be written
  std::string disk_problem_;                 // what would keep it from being written
  std::string spool_findings_;               // what was wrong with it at the start
  std::string placing_problem_;              // why times could not be put right
  std::string config_problem_;               // why the configuration is still the old one
  std::string problems_;                     // all of them, as of the last tick: asked for at each turn
  std::int64_t configured_interval_us_ = 0;  // parts_.config has what counts: set-interval may have changed it
  std::string boot_id_hex_, announced_;
  bool stopping_ = false;
};

/// 16 bytes that change at each boot of this machine.
base::Id128 boot_id(base::Random& random);

}  // namespace agent
