#include "wire/tunnel.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "base/bytes.h"
#include "wire/errc.h"
#include "wire/http_text.h"

namespace asio = boost::asio;

namespace wire {
namespace {

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kHeadBytes = 16 * 1024;

std::string to_base64(std::string_view bytes) {
  std::string text = base::to_base64url(bytes);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

/// The status of "HTTP/1.x NNN …"; 0: that is no HTTP.
int status_of(std::string_view head) {
  if (head.substr(0, 7) != "HTTP/1." || head.size() < 12 || head[8] != ' ') return 0;
  int status = 0;
  const auto [end, ec] = std::from_chars(head.data() + 9, head.data() + 12, status);
  return ec == std::errc{} && end == head.data() + 12 && status >= 100 ? status : 0;
}

std::string_view header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), name)) continue;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return value;
  }
  return {};
}

}  // namespace

std::int64_t retry_after_s(std::string_view header) {
  constexpr std::int64_t kMost = 86'400;
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (ec == std::errc::result_out_of_range) return kMost;
  return ec == std::errc{} && end == header.data() + header.size() ? std::clamp<std::int64_t>(seconds, 0, kMost) : 0;
}

asio::awaitable<error_code> open_tunnel(asio::ip::tcp::socket& socket, const Proxy& proxy, std::string host,
                                        std::uint16_t port, ConnectReport& report) {
  const std::string where = host_header(host, port);
  if (!is_head_text(where)) co_return errc::malformed;
  std::string request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
  if (!proxy.user.empty() || !proxy.password.empty()) {
    request += "Proxy-Authorization: Basic " + to_base64(proxy.user + ":" + proxy.password) + "\r\n";
  }
  request += "\r\n";
  const auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(request), kWait);
  if (write_error) co_return write_error;
  std::string head;
  std::array<char, 1024> piece{};
  std::size_t end = std::string::npos;
  while (end == std::string::npos) {
    const auto [ec, n] = co_await socket.async_read_some(asio::buffer(piece), kWait);
    head.append(piece.data(), n);
    end = head.find("\r\n\r\n");
    // What does not even begin like an answer will not end like one.
    const bool is_foreign = head.compare(0, 5, "HTTP/", 0, std::min<std::size_t>(head.size(), 5)) != 0;
    if (is_foreign || (end == std::string::npos && head.size() > kHeadBytes)) co_return errc::not_a_proxy;
    if (ec && end == std::string::npos) co_return head.empty() && ec != asio::error::eof ? ec : errc::not_a_proxy;
  }
  report.status = status_of(head);
  if (report.status == 0) co_return errc::not_a_proxy;
  report.retry_after_s = retry_after_s(header_of(std::string_view(head).substr(0, end), "Retry-After"));
  if (report.status / 100 != 2) co_return errc::proxy_refused;
  // The other side of a tunnel speaks second: more bytes are not the hub's.
  if (end + 4 != head.size()) co_return errc::not_a_proxy;
  report.status = 0;
  co_return error_code{};
}

}  // namespace wire
