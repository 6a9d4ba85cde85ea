#include "wire/proxy.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "wire/http_text.h"

namespace asio = boost::asio;

namespace wire {
namespace {

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc{} && end == text.data() + text.size() && port != 0;
}

/// "host", "host:port", "[address]", "[address]:port", a bare IPv6 address. False: none of these.
bool split_host(std::string_view text, std::string& host, std::optional<std::uint16_t>& port) {
  port.reset();
  std::string_view number;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = std::string(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
    has_port = !text.empty();
    if (has_port) number = text.substr(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && text.rfind(':') == colon) {
    host = std::string(text.substr(0, colon));
    number = text.substr(colon + 1);
    has_port = true;
  } else {
    host = std::string(text);
  }
  if (host.empty() || host.find_first_of(" /?#@\t\r\n") != std::string::npos) return false;
  std::uint16_t read = 0;
  if (has_port) {
    if (!read_port(number, read)) return false;
    port = read;
  }
  return true;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      unsigned value = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      const char* const from = text.data() + i + 1;
      const auto [end, ec] = std::from_chars(from, from + 2, value, 16);
      if (ec != std::errc{} || end != from + 2) return std::nullopt;
      c = static_cast<char>(value);
      i += 2;
    }
    // They go into a head: a line break would write another header.
    if (c == '\0' || c == '\r' || c == '\n') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

bool is_address(const std::string& text, asio::ip::address& address) {
  boost::system::error_code ec;
  address = asio::ip::make_address(text, ec);
  return !ec;
}

bool is_in_network(std::string_view network, const asio::ip::address& address) {
  boost::system::error_code ec;
  if (address.is_v4()) {
    const auto net = asio::ip::make_network_v4(std::string(network), ec);
    return !ec && net.canonical() == asio::ip::network_v4(address.to_v4(), net.prefix_length()).canonical();
  }
  const auto net = asio::ip::make_network_v6(std::string(network), ec);
  return !ec && net.canonical() == asio::ip::network_v6(address.to_v6(), net.prefix_length()).canonical();
}

/// The host of one entry of NO_PROXY is ours.
bool names(std::string entry, const std::string& host) {
  asio::ip::address ours;
  asio::ip::address theirs;
  if (is_address(host, ours)) return is_address(entry, theirs) && ours == theirs;
  while (!entry.empty() && (entry.front() == '.' || entry.front() == '*')) entry.erase(0, 1);
  if (entry.empty() || entry.size() > host.size()) return false;
  const std::string_view end = std::string_view(host).substr(host.size() - entry.size());
  return equal_ignoring_case(end, entry) &&
         (entry.size() == host.size() || host[host.size() - entry.size() - 1] == '.');
}

bool is_this_machine(const std::string& host) {
  asio::ip::address address;
  return host == "localhost" || (is_address(host, address) && address.is_loopback());
}

}  // namespace

std::optional<Proxy> parse_proxy(std::string_view url, std::string& problem) {
  constexpr std::string_view kForm = "must be http://[USER:PASSWORD@]HOST[:PORT]";
  std::string_view rest = url;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (!equal_ignoring_case(rest.substr(0, scheme), "http")) {
      problem = std::string(kForm) + "; only http:// proxies are spoken with (the tunnel through them is encrypted)";
      return std::nullopt;
    }
    rest.remove_prefix(scheme + 3);
  }
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  Proxy proxy;
  // A password may have an @ of its own: the last one divides.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const auto who = rest.substr(0, at);
    const auto colon = who.find(':');
    const auto user = percent_decoded(who.substr(0, colon));
    const auto password =
        colon == std::string_view::npos ? std::optional<std::string>("") : percent_decoded(who.substr(colon + 1));
    if (!user || !password || user->find(':') != std::string::npos) {
      problem = std::string(kForm) + "; its user or password cannot be read (write special characters as %XX)";
      return std::nullopt;
    }
    proxy.user = *user;
    proxy.password = *password;
    rest.remove_prefix(at + 1);
  }
  std::optional<std::uint16_t> port;
  if (!split_host(rest, proxy.host, port)) {
    problem = kForm;
    return std::nullopt;
  }
  proxy.port = port.value_or(proxy.port);
  return proxy;
}

bool is_exempt(std::string_view no_proxy, const std::string& host, std::uint16_t port) {
  asio::ip::address address;
  const bool by_address = is_address(host, address);
  while (!no_proxy.empty()) {
    const auto comma = no_proxy.find_first_of(", ");
    const std::string_view entry = no_proxy.substr(0, comma);
    no_proxy.remove_prefix(comma == std::string_view::npos ? no_proxy.size() : comma + 1);
    if (entry == "*") return true;
    if (entry.find('/') != std::string_view::npos) {
      if (by_address && is_in_network(entry, address)) return true;
      continue;
    }
    std::string name;
    std::optional<std::uint16_t> only;
    if (split_host(entry, name, only) && (!only || *only == port) && names(std::move(name), host)) return true;
  }
  return false;
}

const char* process_environment(const char* name) {
  return std::getenv(name);
}

std::optional<Proxy> choose_proxy(const std::string& configured, const std::string& host, std::uint16_t port,
                                  const Environment& environment, std::string& problem) {
  if (configured == "none") return std::nullopt;
  if (!configured.empty()) return parse_proxy(configured, problem);
  if (is_this_machine(host)) return std::nullopt;
  const auto first = [&environment](std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      const char* value = environment(key);
      if (value != nullptr && *value != '\0') return std::pair<const char*, std::string>(key, value);
    }
    return std::pair<const char*, std::string>(nullptr, "");
  };
  const auto [key, url] = first({"https_proxy", "HTTPS_PROXY"});
  if (key == nullptr || is_exempt(first({"no_proxy", "NO_PROXY"}).second, host, port)) return std::nullopt;
  auto proxy = parse_proxy(url, problem);
  if (!proxy) problem = std::string(key) + " of the environment " + problem;
  return proxy;
}

}  // namespace wire
