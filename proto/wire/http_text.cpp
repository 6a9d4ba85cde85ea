#include "wire/http_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wire {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const auto& header : headers) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::string_view reason_of(int status) {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr std::array<Reason, 26> kReasons{{
      {200, "OK"},
      {201, "Created"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  }};
  for (const auto& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return "Status";
}

/// Whether a comma-separated list holds `token`.
bool holds_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equals_ignoring_case(item, token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  // A value from elsewhere must not end its line and begin another header.
  for (const char c : value) {
    if (c != '\r' && c != '\n') out.push_back(c);
  }
  out.append("\r\n");
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view HttpRequest::header(std::string_view name) const {
  return find_header(headers, name);
}
std::string_view HttpResponse::header(std::string_view name) const {
  return find_header(headers, name);
}

std::string response_head(const HttpResponse& response, std::optional<std::size_t> content_length, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(reason_of(response.status)).append("\r\n");
  for (const auto& header : response.headers) append_header(out, header.name, header.value);
  if (content_length && response.status != 204 && response.status != 304) {
    append_header(out, "Content-Length", std::to_string(*content_length));
  }
  append_header(out, "Connection", keep_alive ? "keep-alive" : "close");
  return out.append("\r\n");
}

std::string request_text(const FetchRequest& request) {
  const bool is_v6 = request.host.find(':') != std::string::npos;
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  append_header(out, "Host", (is_v6 ? "[" + request.host + "]" : request.host) + ":" + std::to_string(request.port));
  for (const auto& header : request.headers) append_header(out, header.name, header.value);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    append_header(out, "Content-Length", std::to_string(request.body.size()));
  }
  append_header(out, "Connection", "close");
  return out.append("\r\n").append(request.body);
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
  response.body = R"({"type":"about:blank","title":")" + std::string(reason_of(status)) + R"(","status":)" +
                  std::to_string(status) + R"(,"detail":")" + escaped + "\"}";
  return response;
}

bool is_websocket_upgrade(const HttpRequest& request) {
  return request.method == "GET" && request.version >= 11 && holds_token(request.header("Upgrade"), "websocket") &&
         holds_token(request.header("Connection"), "upgrade") && request.header("Sec-WebSocket-Version") == "13" &&
         request.header("Sec-WebSocket-Key").size() == 24;
}

}  // namespace wire
