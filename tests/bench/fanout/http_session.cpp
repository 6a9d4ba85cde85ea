#include "http_session.h"

#include <charconv>

namespace bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLength = "\r\ncontent-length: ";

/// The value of Content-Length, whatever its letters' case.
std::optional<std::size_t> length_in(std::string_view head) {
  std::string lower;
  for (const char c : head) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::size_t at = lower.find(kLength);
  if (at == std::string::npos) return std::nullopt;
  std::size_t length = 0;
  const char* begin = lower.data() + at + kLength.size();
  const auto [end, ec] = std::from_chars(begin, lower.data() + lower.size(), length);
  return ec == std::errc() ? std::optional(length) : std::nullopt;
}

}  // namespace

PollingSession::PollingSession(std::string token, std::string device, std::string series, std::int64_t from_us)
    : head_("GET /api/v1/devices/" + device + "/series/" + series + "/readings?to=4000000000000000&from="),
      headers_(" HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer " + token +
               "\r\n\r\n"),
      from_us_(from_us) {}

bool PollingSession::ask(std::string& out) {
  if (waiting_) return false;
  waiting_ = true;
  out += head_ + std::to_string(from_us_) + headers_;
  return true;
}

std::optional<std::size_t> PollingSession::take(std::string_view in, std::string&, Receipts& receipts) {
  const std::size_t end = in.find(kHeadEnd);
  if (end == std::string_view::npos) return 0;
  const std::string_view head = in.substr(0, end + 2);
  if (!head.starts_with("HTTP/1.1 200"))
    return fail("a request was refused: " + std::string(head.substr(0, head.find("\r\n"))));
  const auto length = length_in(head);
  if (!length) return fail("an answer without Content-Length");
  const std::size_t size = end + kHeadEnd.size() + *length;
  if (in.size() < size) return 0;
  waiting_ = false;
  ++answers_;
  if (!take_rows(in.substr(end + kHeadEnd.size(), *length), receipts)) return fail("rows that make no sense");
  return size;
}

/// "rows":[[TIME,VALUE],…]
bool PollingSession::take_rows(std::string_view body, Receipts& receipts) {
  constexpr std::string_view kRows = "\"rows\":[";
  const std::size_t at = body.find(kRows);
  if (at == std::string_view::npos) return false;
  const char* here = body.data() + at + kRows.size();
  const char* const end = body.data() + body.size();
  while (here < end && *here == '[') {
    double time_us = 0, value = 0;
    const auto first = std::from_chars(here + 1, end, time_us);
    if (first.ec != std::errc() || first.ptr == end) return false;
    const auto second = std::from_chars(first.ptr + 1, end, value);
    if (second.ec != std::errc() || second.ptr == end || *second.ptr != ']') return false;
    receipts.arrived(ns_of(value));
    from_us_ = static_cast<std::int64_t>(time_us) + 1;
    here = second.ptr + 1;
    if (here < end && *here == ',') ++here;
  }
  return true;
}

}  // namespace bench
