// Starts a child that has nothing of the agent but a pipe.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agent {

/// An account of this machine, looked up before the fork: nothing of that is allowed after it.
struct Account {
  std::string name, home;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
/// Nothing where there is none of that name.
std::optional<Account> find_account(const std::string& name);
/// Why this process cannot start a child as `user`; empty: it can. Root can be anyone, anyone else only itself.
std::string why_not_as(const std::string& user);

struct ChildSetup {
  std::vector<std::string> argv;                   // the program with its whole path first
  std::string user;                                // empty: as this process
  std::string folder = "/";                        // it begins in
  std::map<std::string, std::string> environment;  // besides PATH, HOME, USER, LOGNAME, LANG, TZ
  bool separate_errors = false;                    // stderr into a pipe of its own
};
struct Child {
  pid_t pid = -1;     // also its process group
  int output = -1;    // stdout and stderr, does not block; the caller closes it
  int errors = -1;    // stderr, where it is separate; likewise
  std::string error;  // why there is none
};
/// The child: own process group; stdin from /dev/null; no descriptor, signal setting or environment of the agent; the
/// account's groups, group and user, in that order; no new privileges (a setuid program gives none); killed by the
/// kernel when the agent's thread is gone. Returns when the program was started or could not be.
Child start_child(const ChildSetup& setup);

/// Whether it has ended; it is not reaped by that, so its process group still has its number.
bool has_ended(pid_t child);
/// Kills what is left of its process group and waits for the child. 128 + signal where one ended it.
int reap(pid_t child);

}  // namespace agent
