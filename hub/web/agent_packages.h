// The agent's packages that this hub gives to devices, and the script that installs them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "hub/core/errc.h"

namespace hub::web {

/// What lies as device-agent-MACHINE.tar.gz in a folder (deploy/agent-package makes them), mapped into memory and
/// hashed when the hub starts: a file that is replaced later counts from the next start. Immutable, thread-safe. The
/// mappings live as long as the process, since answers refer to them. At most 16 packages of at most 256 MB.
class AgentPackages {
 public:
  struct Package {
    std::string_view bytes;
    std::string sha256_hex;
  };

  AgentPackages() = default;
  /// A folder that is not there has no packages. Problem: it is there and cannot be read, or holds too much.
  static Outcome<AgentPackages> open(const std::string& folder);
  /// As configured; empty: PREFIX/share/telemetry-hub/agents for a program PREFIX/bin/telemetry-hub.
  static Outcome<AgentPackages> open_configured(const std::string& folder);

  bool is_empty() const { return packages_.empty(); }
  const Package* find(std::string_view file_name) const;
  const std::map<std::string, Package, std::less<>>& all() const { return packages_; }  // by file name

 private:
  std::map<std::string, Package, std::less<>> packages_;
};

/// A POSIX shell script that installs the package for its machine from `address` (HOST:PORT), checks it against the
/// SHA-256 written in the script, and enrols the machine with the token that it is given. The same for the same
/// arguments, so that its own SHA-256 can be shown beside the command.
std::string install_script(const AgentPackages& packages, std::string_view address, std::string_view ca_sha256_hex);

/// What to paste on the device: fetches the script, checks it, runs it.
std::string install_command(const std::string& script, std::string_view address, std::string_view token,
                            std::string_view name);

}  // namespace hub::web
