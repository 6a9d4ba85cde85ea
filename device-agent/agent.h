// One device at work: sensors into frames, frames into the spool, the spool to the hub; commands and alerts back.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "device-agent/commands/command_runner.h"
#include "device-agent/config.h"
#include "device-agent/link/link.h"
#include "device-agent/rules/alert_actions.h"
#include "device-agent/sensors/sensor.h"
#include "device-agent/spool/frame_builder.h"
#include "device-agent/spool/spool.h"
#include "wire/task_group.h"

namespace agent {

/// The composition root of a device; a simulation holds many. Lives on one thread. run() goes on until stop(), which
/// ends the link, lets running commands end, and makes everything that is not acknowledged durable.
class Agent {
 public:
  struct Parts {
    AgentConfig config;
    Credential credential;
    Sensors sensors;
    std::string state_folder;
    bool simulated = false;  // no commands of the config, no status file
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
  std::string sample_all();  // the values as JSON
  void close_frame();
  void write_status() const;
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
  std::unique_ptr<Link> link_;
  std::int64_t opened_us_ = 0;  // when the first reading came into the builder, boot time
  std::int64_t flushed_us_ = 0;
  std::uint64_t overruns_ = 0;
  std::string spool_problem_;
  bool stopping_ = false;
};

/// 16 bytes that change at each boot of this machine.
base::Id128 boot_id(base::Random& random);
/// Whether the config names this series ('*' at the end: any that begin so).
bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled);
/// Takes out the series that `disabled` names.
Sensors without_disabled(Sensors sensors, const std::vector<std::string>& disabled);

}  // namespace agent
