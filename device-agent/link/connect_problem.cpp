#include "device-agent/link/connect_problem.h"

#include <boost/asio/error.hpp>

#include "wire/errc.h"

namespace agent {
namespace {

std::string at(const std::string& host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string no_address(const std::string& host, const base::error_code& ec) {
  if (ec == base::error_code(wire::errc::timed_out)) return "DNS did not answer for " + host + " in time";
  if (ec == boost::asio::error::host_not_found) return "DNS knows no address of " + host;
  if (ec == boost::asio::error::host_not_found_try_again) {
    return "DNS cannot be asked for " + host + " now: is there a network?";
  }
  return "no address of " + host + ": " + ec.message();
}

std::string not_connected(const base::error_code& ec, const std::string& detail) {
  return detail.empty() ? ec.message() : detail;
}

std::string refused_by_proxy(const ConnectRoute& route, int status) {
  const std::string hub = at(route.host, route.port);
  const std::string code = " (" + std::to_string(status) + ")";
  switch (status) {
    case 407:
      return route.proxy->user.empty() ? "wants a user and a password" + code
                                       : "does not take the user and password it was given" + code;
    case 401:
    case 403:
      return "does not allow connections to " + hub + code;
    case 404:
    case 405:
    case 501:
      return "does not tunnel: it is no proxy for TLS" + code;
    case 500:
    case 502:
    case 503:
    case 504:
      return "cannot reach the hub at " + hub + code;
    default:
      return "refused the connection to " + hub + code;
  }
}

std::string of_proxy(const ConnectRoute& route, const base::error_code& ec, const wire::ConnectReport& report) {
  if (ec == base::error_code(wire::errc::proxy_refused)) return refused_by_proxy(route, report.status);
  if (ec == base::error_code(wire::errc::not_a_proxy)) return "does not answer as an HTTP proxy";
  if (ec == base::error_code(wire::errc::timed_out)) return "took the connection and did not answer in time";
  return "ended the connection: " + ec.message();
}

}  // namespace

bool is_somebody_else(const base::error_code& ec, const wire::ConnectReport& report) {
  return report.stage == wire::ConnectStage::tls &&
         (ec == base::error_code(wire::errc::certificate_untrusted) ||
          ec == base::error_code(wire::errc::host_mismatch) || ec == base::error_code(wire::errc::not_tls));
}

std::string connect_problem(const ConnectRoute& route, const base::error_code& ec, const wire::ConnectReport& report) {
  const std::string proxy = route.proxy != nullptr ? "the proxy " + at(route.proxy->host, route.proxy->port) : "";
  switch (report.stage) {
    case wire::ConnectStage::resolve_proxy:
      return proxy + ": " + no_address(route.proxy->host, ec);
    case wire::ConnectStage::connect_proxy:
      return proxy + " is not reached: " + not_connected(ec, report.detail);
    case wire::ConnectStage::ask_proxy:
      return proxy + " " + of_proxy(route, ec, report);
    case wire::ConnectStage::resolve:
      return no_address(route.host, ec);
    case wire::ConnectStage::connect:
      return not_connected(ec, report.detail);
    case wire::ConnectStage::tls:
      if (is_somebody_else(ec, report)) {
        const std::string hint = ec == base::error_code(wire::errc::not_tls)
                                     ? ""
                                     : "; if the hub was set up anew, this device must be enrolled again";
        return "a captive portal or proxy answers instead of the hub: " + ec.message() + hint;
      }
      if (ec == base::error_code(wire::errc::timed_out)) return "it took the connection and did not speak TLS in time";
      return ec.message();
    case wire::ConnectStage::answer:
      break;
  }
  if (ec == base::error_code(wire::errc::upgrade_refused)) {
    if (report.status == 429 || report.status == 503) {
      return "the hub is busy (status " + std::to_string(report.status) + ")";
    }
    return "the answer has status " + std::to_string(report.status) +
           " and is no device link: does this address lead to a hub?";
  }
  if (ec == base::error_code(wire::errc::timed_out)) return "it took the connection and did not answer in time";
  return ec.message();
}

}  // namespace agent
