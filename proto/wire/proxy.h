// An HTTP proxy on the way to a server: which one, and for whom.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace wire {

/// Its user and password are secrets: never in a log, a status or an error.
struct Proxy {
  std::string host;
  std::uint16_t port = 80;
  std::string user, password;  // percent-decoded; both empty: none are sent
};

/// "http://[USER:PASSWORD@]HOST[:PORT]", an IPv6 address in brackets. Nothing where it is not of that form; `problem`
/// then says why, without repeating the text (a password may stand in it).
std::optional<Proxy> parse_proxy(std::string_view url, std::string& problem);

/// Whether a NO_PROXY list names the host: "*", names (and what lies below them), addresses, networks ("10.0.0.0/8"),
/// each with ":PORT" at will.
bool is_exempt(std::string_view no_proxy, const std::string& host, std::uint16_t port);

/// The variables of an environment: null where one is not there.
using Environment = std::function<const char*(const char*)>;
const char* process_environment(const char* name);

/// The proxy for host:port. `configured` is a URL and then always used, or "none", or empty: then the environment says
/// (https_proxy, HTTPS_PROXY, no_proxy, NO_PROXY; this machine itself is never asked for through a proxy). Nothing and
/// no `problem`: straight ahead.
std::optional<Proxy> choose_proxy(const std::string& configured, const std::string& host, std::uint16_t port,
                                  const Environment& environment, std::string& problem);

}  // namespace wire
