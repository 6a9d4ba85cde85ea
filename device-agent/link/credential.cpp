#include "device-agent/link/credential.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "wire/device_certificate.h"

namespace agent {

bool parse_hub_url(const std::string& url, std::string& host, std::uint16_t& port) {
  std::string_view rest = url;
  for (const std::string_view scheme : {"https://", "wss://"}) {
    if (rest.substr(0, scheme.size()) != scheme) continue;
    rest.remove_prefix(scheme.size());
    while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
    std::string_view number;
    if (!rest.empty() && rest.front() == '[') {
      const auto end = rest.find(']');
      if (end == std::string_view::npos) return false;
      host = std::string(rest.substr(1, end - 1));
      rest.remove_prefix(end + 1);
      if (!rest.empty() && rest.front() != ':') return false;
      if (!rest.empty()) number = rest.substr(1);
    } else {
      const auto colon = rest.find(':');
      host = std::string(rest.substr(0, colon));
      if (colon != std::string_view::npos) number = rest.substr(colon + 1);
    }
    if (host.empty() || host.find_first_of("/?#@ ") != std::string::npos) return false;
    port = 8443;
    if (number.empty()) return true;
    const auto [last, ec] = std::from_chars(number.data(), number.data() + number.size(), port);
    return ec == std::errc{} && last == number.data() + number.size() && port != 0;
  }
  return false;
}

std::string problem_of(const Credential& c) {
  if (c.host.empty() || c.ca_pem.empty()) return "host or ca_pem is missing";
  if (c.key_pem.empty() != c.certificate_pem.empty()) return "of key_pem and certificate_pem one is missing";
  if (c.token.empty() && c.key_pem.empty()) return "neither a token nor a certificate is there";
  if (!c.key_pem.empty() && !wire::key_fits_certificate(c.key_pem, c.certificate_pem)) {
    return "key_pem and certificate_pem do not belong together";
  }
  return {};
}

base::Result<void> write_private_file(const std::string& path, const std::string& text) {
  const auto failed = [] { return base::error_code(errno, boost::system::system_category()); };
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const auto ec = failed();
  ::close(fd);
  if (!written) return ec;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return {};
}

}  // namespace agent
