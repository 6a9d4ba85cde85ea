#include "device-agent/process/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace agent {
namespace {

/// What the child found in its way; small enough for one atomic write into a pipe.
struct Obstacle {
  int error = 0;
  char step[28] = {};
};

/// Everything the child needs, made before the fork: after it only async-signal-safe calls.
struct Prepared {
  std::vector<char*> argv, environment;
  const char* folder;
  std::optional<Account> account;
  int output, errors, obstacle;
  pid_t parent;
};

[[noreturn]] void give_up(const Prepared& p, const char* step) {
  Obstacle found;
  found.error = errno;
  std::strncpy(found.step, step, sizeof found.step - 1);
  (void)!::write(p.obstacle, &found, sizeof found);
  ::_exit(127);
}

[[noreturn]] void become(const Prepared& p) {
  ::setpgid(0, 0);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(p.output, 1) < 0 || ::dup2(p.errors, 2) < 0) give_up(p, "/dev/null");
  if (p.account) {
    if (::setgroups(p.account->groups.size(), p.account->groups.data()) != 0) give_up(p, "setgroups");
    if (::setresgid(p.account->gid, p.account->gid, p.account->gid) != 0) give_up(p, "setgid");
    if (::setresuid(p.account->uid, p.account->uid, p.account->uid) != 0) give_up(p, "setuid");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(p, "no_new_privs");
  // After the change of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != p.parent) ::_exit(127);
  if (::chdir(p.folder) != 0) give_up(p, "its folder");
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = 3; fd < 4'096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // kernels before 5.11
  }
  ::execve(p.argv[0], p.argv.data(), p.environment.data());
  give_up(p, "the program");
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    close(0);
    close(1);
  }
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  /// The caller's from here on; reading does not block.
  int take_reader() {
    if (ends[0] >= 0) ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return std::exchange(ends[0], -1);
  }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return std::string(name) + "=" + (value != nullptr ? value : otherwise);
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
  std::vector<char> buffer(16 * 1'024);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  Account account{name, entry.pw_dir, entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(account.groups.size());
  if (::getgrouplist(name.c_str(), account.gid, account.groups.data(), &count) < 0) {
    account.groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(name.c_str(), account.gid, account.groups.data(), &count);
  }
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::string why_not_as(const std::string& user) {
  if (user.empty()) return {};
  const auto account = find_account(user);
  if (!account) return "there is no user \"" + user + "\" on this machine";
  if (::geteuid() == 0 || account->uid == ::geteuid()) return {};
  return "only an agent that runs as root can run something as \"" + user + "\"; this one is uid " +
         std::to_string(::geteuid()) + ": leave user out, or run the agent as root or as that user";
}

Child start_child(const ChildSetup& setup) {
  Child child;
  if (setup.argv.empty()) {
    child.error = "no program";
    return child;
  }
  Prepared p;
  if (child.error = why_not_as(setup.user); !child.error.empty()) return child;
  const auto account = setup.user.empty() ? std::nullopt : find_account(setup.user);
  if (account && ::geteuid() == 0) p.account = account;
  std::vector<std::string> argv = setup.argv, environment;
  environment.push_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  environment.push_back(variable("LANG", "C.UTF-8"));
  if (account) {
    environment.push_back("HOME=" + account->home);
    environment.push_back("USER=" + account->name);
    environment.push_back("LOGNAME=" + account->name);
  } else {
    environment.push_back(variable("HOME", "/"));
    if (std::getenv("USER") != nullptr) environment.push_back(variable("USER", ""));
    if (std::getenv("LOGNAME") != nullptr) environment.push_back(variable("LOGNAME", ""));
  }
  if (std::getenv("TZ") != nullptr) environment.push_back(variable("TZ", ""));
  for (const auto& [name, value] : setup.environment) environment.push_back(name + "=" + value);
  Pipe output, errors, obstacle;
  if (!output.open() || !obstacle.open() || (setup.separate_errors && !errors.open())) {
    child.error = std::strerror(errno);
    return child;
  }
  p.argv = pointers(argv);
  p.environment = pointers(environment);
  p.folder = setup.folder.c_str();
  p.output = output.ends[1];
  p.errors = setup.separate_errors ? errors.ends[1] : output.ends[1];
  p.obstacle = obstacle.ends[1];
  p.parent = ::getpid();
  child.pid = ::fork();
  if (child.pid == 0) become(p);
  if (child.pid < 0) {
    child.error = std::strerror(errno);
    return child;
  }
  output.close(1);
  errors.close(1);
  obstacle.close(1);
  ::setpgid(child.pid, child.pid);  // whichever of the two comes first
  Obstacle found;
  ssize_t got;
  do got = ::read(obstacle.ends[0], &found, sizeof found);
  while (got < 0 && errno == EINTR);
  if (got == sizeof found) {
    child.error = std::string(found.step) + ": " + std::strerror(found.error);
    ::waitpid(child.pid, nullptr, 0);
    child.pid = -1;
    return child;
  }
  child.output = output.take_reader();
  child.errors = errors.take_reader();
  return child;
}

bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child;
}

int reap(pid_t child) {
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace agent
