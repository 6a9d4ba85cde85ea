#include "wire/http_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wire {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
    return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOurs{"content-length", "transfer-encoding", "connection", "keep-alive"};
  return std::any_of(kOurs.begin(), kOurs.end(), [&](auto ours) { return equal_ignoring_case(ours, name); });
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const auto& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

bool has_token(const std::vector<Header>& headers, std::string_view name, std::string_view token) {
  for (const auto& header : headers) {
    if (!equal_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    for (bool more = true; more;) {
      const auto comma = rest.find(',');
      more = comma != std::string_view::npos;
      if (equal_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      if (more) rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

std::string response_head(const HttpResponse& response, unsigned version, Framing framing, std::size_t body_bytes,
                          bool keep_alive) {
  std::string head;
  head.reserve(256);
  head.append(version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\n");
  for (const auto& header : response.headers) {
    if (is_ours(header.name) || !is_token(header.name) || !is_head_text(header.value)) continue;
    append_header(head, header.name, header.value);
  }
  if (framing == Framing::length) append_header(head, "Content-Length", std::to_string(body_bytes));
  if (framing == Framing::chunked) append_header(head, "Transfer-Encoding", "chunked");
  if (!keep_alive) {
    append_header(head, "Connection", "close");
  } else if (version == 10) {
    append_header(head, "Connection", "keep-alive");
  }
  head.append("\r\n");
  return head;
}

std::optional<std::string> request_text(const FetchRequest& request, std::string_view host) {
  const bool plain_target = !request.target.empty() && request.target.front() == '/' && is_head_text(request.target) &&
                            request.target.find(' ') == std::string::npos;
  if (!is_token(request.method) || !plain_target || !is_head_text(host)) return std::nullopt;
  std::string text;
  text.reserve(256 + request.body.size());
  text.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  append_header(text, "Host", host);
  for (const auto& header : request.headers) {
    if (!is_token(header.name) || !is_head_text(header.value)) return std::nullopt;
    if (!is_ours(header.name) && !equal_ignoring_case(header.name, "host")) {
      append_header(text, header.name, header.value);
    }
  }
  const bool bodiless = request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
  if (!bodiless || !request.body.empty()) append_header(text, "Content-Length", std::to_string(request.body.size()));
  append_header(text, "Connection", "close");
  text.append("\r\n").append(request.body);
  return text;
}

std::string chunk_text(std::string_view chunk) {
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, chunk.size(), 16).ptr;
  return std::string(size, end).append("\r\n").append(chunk).append("\r\n");
}

HttpResponse problem_response(int status, std::string_view detail) {
  HttpResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/problem+json"});
  std::string escaped;
  for (const char c : detail) {
    if (c == '"' || c == '\\') escaped.push_back('\\');
    if (static_cast<unsigned char>(c) >= 0x20) escaped.push_back(c);
  }
  response.body = R"({"type":"about:blank","title":")" + std::string(reason_phrase(status)) + R"(","status":)" +
                  std::to_string(status) + R"(,"detail":")" + escaped + "\"}";
  return response;
}

bool is_websocket_upgrade(const HttpRequest& request) {
  const auto key = request.header("Sec-WebSocket-Key");
  constexpr std::size_t kKeyCharacters = 24;  // base64 of 16 bytes
  return request.method == "GET" && request.version == 11 && request.body.empty() &&
         has_token(request.headers, "Connection", "upgrade") && has_token(request.headers, "Upgrade", "websocket") &&
         request.header("Sec-WebSocket-Version") == "13" && key.size() == kKeyCharacters && key.ends_with("==");
}

std::string host_header(const std::string& host, std::uint16_t port) {
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  return (bare_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_head_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string_view HttpRequest::header(std::string_view name) const {
  return find_header(headers, name);
}

std::string_view HttpResponse::header(std::string_view name) const {
  return find_header(headers, name);
}

}  // namespace wire
