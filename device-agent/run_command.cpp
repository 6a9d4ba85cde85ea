#include "device-agent/run_command.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "device-agent/agent.h"
#include "device-agent/credential_file.h"
#include "device-agent/enrolment.h"
#include "device-agent/sensor_list.h"

namespace agent {
namespace {

namespace asio = boost::asio;
constexpr auto kWithError = asio::as_tuple(asio::use_awaitable);

/// Two agents on one folder would be one device twice and spoil its spool. The kernel drops the lock with the process.
class FolderLock {
 public:
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  /// What is wrong; empty: this process has the folder.
  std::string take(const std::string& folder) {
    const std::string path = folder + "/agent.lock";
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    // A lock needs no writing: a disk that is read-only or full is no reason not to run.
    if (fd_ < 0 && (errno == EROFS || errno == ENOSPC)) {
      fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd_ < 0) return {};  // never made: nobody has it
    }
    if (fd_ < 0) return path + ": " + std::strerror(errno);
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return {};
    return errno == EWOULDBLOCK ? folder + ": another agent runs with this state folder"
                                : path + ": " + std::strerror(errno);
  }

 private:
  int fd_ = -1;
};

/// Everything of one `run`: ends when all its devices have.
struct Run {
  RunOptions options;
  std::shared_ptr<spdlog::logger> log;
  asio::io_context io{1};
  base::SystemClock clock;
  base::SystemRandom random;
  std::vector<std::unique_ptr<Agent>> agents;
  wire::TaskGroup tasks{io.get_executor(), [this](const std::exception& e) { log->error("{}", e.what()); }};
  asio::signal_set signals{io, SIGINT, SIGTERM, SIGHUP};
  ServiceManager service;
  bool restarting = false;  // by itself, as there is nobody else to do it
  bool stopping = false;
  int exit_code = 0;

  bool add(Credential credential, std::function<Sensors()> find_sensors, const std::string& folder, bool simulated) {
    Agent::Parts parts;
    parts.config = options.config;
    parts.credential = std::move(credential);
    parts.find_sensors = std::move(find_sensors);
    parts.state_folder = folder;
    parts.runtime_folder = simulated ? std::string() : find_runtime_folder();
    parts.simulated = simulated;
    if (!simulated) {
      parts.service = &service;
      parts.restart = [this] {
        log->info("restarting");
        restarting = !service.is_there();
        finish();
      };
    }
    auto made = Agent::make(io.get_executor(), std::move(parts), clock, random, log);
    if (!made) {
      log->error("{}: {}", folder, made.error().message());
      return false;
    }
    agents.push_back(std::move(*made));
    tasks.spawn(agents.back()->run());
    return true;
  }

  /// Enrols where there is no credential yet; connects a few at a time so that a fleet does not knock all at once.
  asio::awaitable<void> simulate() {
    EnrolRequest request;
    if (!options.hub_url.empty() && !parse_hub_url(options.hub_url, request.host, request.port)) {
      log->error("--hub: \"{}\" is not https://HOST[:PORT]", options.hub_url);
      exit_code = 2;
      co_return finish();
    }
    for (unsigned i = 0; i < options.simulate && !stopping; ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "simulated-%04u", i + 1);
      const std::string folder = options.state_folder + "/" + name;
      std::string problem;
      auto credential = load_credential(folder, problem);
      if (!credential) {
        if (request.host.empty() || options.simulate_token.empty()) {
          log->error("{}: {}; or give --hub and --simulate-token", folder, problem);
          exit_code = 3;
          co_return finish();
        }
        request.token = options.simulate_token;
        request.name = name;
        request.ca_sha256 = options.ca_sha256;
        request.proxy = options.config.proxy;
        EnrolAnswer answer = co_await enrol(request);
        if (!answer.credential || !save_credential(folder, *answer.credential)) {
          log->error("cannot enrol {}: {}", name, answer.problem);
          exit_code = answer.exit_code != 0 ? answer.exit_code : 1;
          co_return finish();
        }
        credential = answer.credential;
      }
      if (!add(
              *credential, [i] { return make_simulated_sensors(i + 1); }, folder, true)) {
        exit_code = 1;
        co_return finish();
      }
      if (i % 50 == 49) {
        asio::steady_timer pause(io, std::chrono::milliseconds(20));
        co_await pause.async_wait(kWithError);
      }
    }
  }

  /// The file whole, or nothing of it.
  void reload() {
    if (options.simulate > 0) return log->warn("SIGHUP: made-up devices have no configuration to read again");
    service.reloading();
    AgentConfig config;
    std::string problem;
    for (auto& agent : agents) {
      if (read_config(options.config_path, config, problem)) {
        agent->reload(config, [config] { return list_running_sensors(config, find_runtime_folder()); });
      } else {
        log->error("the configuration stays as it was: {}", problem);
        agent->note_config_problem(problem);
      }
    }
    service.ready();
  }

  void finish() {
    service.stopping();
    stopping = true;
    for (auto& agent : agents) agent->stop();
    signals.cancel();
  }

  asio::awaitable<void> wait_for_signal() {
    for (;;) {
      const auto [ec, number] = co_await signals.async_wait(kWithError);
      if (ec || stopping) co_return;
      if (number == SIGHUP) {
        reload();
        continue;
      }
      log->info("stopping");
      co_return finish();
    }
  }
};

/// This process becomes the next one: same id, same arguments, the program as it is on disk now.
int start_again(const std::string& program, std::vector<std::string> arguments, spdlog::logger& log) {
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  log.error("cannot start {} again: {}", program, std::strerror(errno));
  return 1;
}

}  // namespace

int run_agents(RunOptions options, std::shared_ptr<spdlog::logger> log) {
  std::signal(SIGPIPE, SIG_IGN);
  std::error_code ec;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", ec).string();
  Run run;
  run.service = ServiceManager::from_environment();
  run.options = std::move(options);
  run.log = std::move(log);
  FolderLock lock;
  if (const std::string problem = lock.take(run.options.state_folder); !problem.empty()) {
    run.log->error("{}", problem);
    return 1;
  }
  if (run.options.simulate == 0) {
    std::string problem;
    auto credential = load_credential(run.options.state_folder, problem);
    if (!credential) {
      run.log->error("{}", problem);
      return 3;
    }
    if (!run.add(
            *credential, [config = run.options.config] { return list_running_sensors(config, find_runtime_folder()); },
            run.options.state_folder, false))
      return 1;
  } else {
    run.tasks.spawn(run.simulate());
  }
  run.tasks.spawn(run.wait_for_signal());
  run.io.run();
  if (run.restarting && run.exit_code == 0) return start_again(program, run.options.arguments, *run.log);
  return run.exit_code;
}

}  // namespace agent
