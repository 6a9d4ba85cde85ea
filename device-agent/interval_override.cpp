#include "device-agent/interval_override.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace agent {

std::optional<std::int64_t> load_interval(const std::string& folder, std::int64_t configured_us) {
  std::ifstream in(folder + "/interval");
  std::int64_t interval_us = 0, was_configured_us = 0;
  if (!(in >> interval_us >> was_configured_us) || was_configured_us != configured_us) return std::nullopt;
  if (interval_us < 100'000 || interval_us > 3'600'000'000LL) return std::nullopt;
  return interval_us;
}

base::Result<void> save_interval(const std::string& folder, std::optional<std::int64_t> interval_us,
                                 std::int64_t configured_us) {
  const auto failed = [] { return base::error_code(errno, boost::system::system_category()); };
  const std::string path = folder + "/interval";
  if (!interval_us) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed();
    return {};
  }
  const std::string text = std::to_string(*interval_us) + " " + std::to_string(configured_us) + "\n";
  const int fd = ::open((path + ".new").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  const bool is_written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const auto ec = failed();
  ::close(fd);
  if (!is_written) return ec;
  if (::rename((path + ".new").c_str(), path.c_str()) != 0) return failed();
  return {};
}

}  // namespace agent
