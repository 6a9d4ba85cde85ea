#include "device-agent/sensors/system_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>

namespace agent {

// Without waiting for anyone: a pipe that nobody writes is an empty file.
std::optional<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  constexpr std::size_t kMostBytes = 64 * 1024;
  std::string text;
  for (std::size_t room = 4'096; text.size() < kMostBytes; room = text.size()) {
    const std::size_t had = text.size();
    text.resize(std::min(kMostBytes, had + room));
    const ssize_t got = ::read(fd, text.data() + had, text.size() - had);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      ::close(fd);
      return std::nullopt;
    }
    if (got == 0) break;
  }
  ::close(fd);
  return text;
}

std::optional<std::string> read_line(const std::string& path) {
  auto text = read_file(path);
  if (!text) return std::nullopt;
  text->resize(std::min(text->find('\n'), text->size()));
  return text;
}

std::optional<double> to_number(std::string_view word) {
  double value = 0;
  const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (ec != std::errc{} || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> read_number(const std::string& path) {
  const auto text = read_line(path);
  return text ? to_number(*text) : std::nullopt;
}

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (!name.empty() && name[0] != '.') names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t begin = text.find_first_not_of(" \t\n", i);
    if (begin == std::string_view::npos) break;
    i = std::min(text.find_first_of(" \t\n", begin), text.size());
    words.push_back(text.substr(begin, i - begin));
  }
  return words;
}

std::string name_part(std::string_view text) {
  std::string out(text.substr(0, 64));
  for (char& c : out) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!fine) c = '_';
  }
  return out;
}

}  // namespace agent
