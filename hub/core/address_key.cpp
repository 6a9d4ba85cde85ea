#include "hub/core/address_key.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace hub {

std::string address_key(std::string_view remote) {
  std::string host(remote);
  if (!host.empty() && host.front() == '[') {
    host = host.substr(1, host.find(']') - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host.resize(host.find(':'));
  }
  std::array<std::uint8_t, 16> address{};
  if (::inet_pton(AF_INET6, host.c_str(), address.data()) != 1) return host.substr(0, 64);
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, address.data() + kMapped.size(), text.data(), text.size());
    return text.data();
  }
  return base::to_hex(base::as_chars(address).substr(0, 8));
}

}  // namespace hub
