#include "hub/web/agent_packages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "hub/identity/secret.h"
#include "hub/web/embedded.h"

namespace hub::web {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPackages = 16;
constexpr std::uint64_t kPackageBytes = 256ull * 1024 * 1024;
constexpr std::string_view kPrefix = "device-agent-", kSuffix = ".tar.gz";

/// "device-agent-x86_64.tar.gz" → "x86_64"; nothing where it is another file. It goes into a shell script.
std::string machine_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || name.size() <= kPrefix.size() + kSuffix.size())
    return "";
  const std::string_view machine = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  for (const char c : machine) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!is_good) return "";
  }
  return std::string(machine);
}

Outcome<std::string_view> map_file(const std::string& path) {
  const auto failed = [&path](const std::string& why) {
    return Problem{errc::invalid_argument, path + ": the agent's package cannot be read (" + why + ").",
                   "/agent_packages"};
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(std::strerror(errno));
  struct stat found {};
  const bool is_known = ::fstat(fd, &found) == 0;
  const auto size = static_cast<std::uint64_t>(is_known ? found.st_size : 0);
  if (!is_known || size == 0 || size > kPackageBytes) {
    ::close(fd);
    return failed(size == 0 ? "it is empty" : "it is larger than 256 MB");
  }
  void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int why = errno;
  ::close(fd);
  if (bytes == MAP_FAILED) return failed(std::strerror(why));
  return std::string_view(static_cast<const char*>(bytes), size);
}

std::string default_agent_folder() {
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  if (ec) return "";
  return (program.parent_path().parent_path() / "share/telemetry-hub/agents").string();
}

}  // namespace

Outcome<AgentPackages> AgentPackages::open_configured(const std::string& folder) {
  return open(folder.empty() ? default_agent_folder() : folder);
}

Outcome<AgentPackages> AgentPackages::open(const std::string& folder) {
  AgentPackages opened;
  std::error_code ec;
  if (folder.empty() || !fs::exists(folder, ec)) return opened;
  std::vector<std::string> names;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
    if (!machine_of(at->path().filename().string()).empty()) names.push_back(at->path().filename().string());
  }
  if (ec) {
    return Problem{errc::invalid_argument, folder + ": cannot be read (" + ec.message() + ").", "/agent_packages"};
  }
  if (names.size() > kPackages) {
    return Problem{errc::too_large, folder + ": holds more than 16 packages of the agent.", "/agent_packages"};
  }
  for (const auto& name : names) {
    const auto bytes = map_file(folder + "/" + name);
    if (!bytes) return bytes.error();
    opened.packages_[name] = {*bytes, sha256_hex(*bytes)};
  }
  return opened;
}

const AgentPackages::Package* AgentPackages::find(std::string_view file_name) const {
  const auto found = packages_.find(file_name);
  return found == packages_.end() ? nullptr : &found->second;
}

std::string install_script(const AgentPackages& packages, std::string_view address, std::string_view ca_sha256_hex) {
  std::string cases;
  for (const auto& [name, package] : packages.all()) {
    cases += "  " + machine_of(name) + ") package=" + name + " sha256=" + package.sha256_hex + " ;;\n";
  }
  std::string script(install_script_template());
  const auto fill = [&script](std::string_view mark, std::string_view text) {
    for (std::size_t at = script.find(mark); at != std::string::npos; at = script.find(mark, at + text.size())) {
      script.replace(at, mark.size(), text);
    }
  };
  fill("@HUB@", "https://" + std::string(address));
  fill("@CA_SHA256@", ca_sha256_hex);
  fill("@PACKAGES@\n", cases);
  return script;
}

std::string install_command(const std::string& script, std::string_view address, std::string_view token,
                            std::string_view name) {
  const std::string file = "/tmp/install-device-agent.sh";
  std::string command = "curl -fsSk https://" + std::string(address) + "/install -o " + file + " && echo '" +
                        sha256_hex(script) + "  " + file + "' | sha256sum -c - && sudo sh " + file + " " +
                        std::string(token);
  if (!name.empty()) command += " --name '" + std::string(name) + "'";  // device names hold no quotes
  return command;
}

}  // namespace hub::web
