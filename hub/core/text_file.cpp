#include "hub/core/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hub {
namespace {

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

std::optional<std::string> read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return std::nullopt;
  return text.str();
}

Outcome<bool> write_text_file(const std::string& path, const std::string& text, mode_t mode) {
  const std::string beside = path + ".new";
  const auto failed = [&](const char* what) {
    return Problem{errc::storage_failed, path + " cannot be " + what + ": " + std::strerror(errno), ""};
  };
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0) return failed("made");
  const bool written = write_all(fd, text) && ::fsync(fd) == 0;
  const Problem problem = written ? Problem{} : failed("written");
  ::close(fd);
  if (!written) return problem;
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("put in place");
  const int folder = ::open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return true;
}

}  // namespace hub
