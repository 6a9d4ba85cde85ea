#include "hub/web/assets.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

#include "hub/web/accept.h"
#include "hub/web/answer.h"
#include "hub/web/entity_tag.h"

namespace hub::web {
namespace {

constexpr std::uintmax_t kLargestFile = 16 * 1024 * 1024;

void add_caching(wire::HttpResponse& response, std::string_view path, const std::string& tag) {
  set_header(response, "ETag", tag);
  set_header(response, "Cache-Control",
             path.starts_with("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
}

wire::HttpResponse not_modified(std::string_view path, const std::string& tag) {
  wire::HttpResponse response;
  response.status = 304;
  add_caching(response, path, tag);
  set_header(response, "Vary", "Accept-Encoding");
  return response;
}

}  // namespace

std::string_view content_type_of(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::optional<wire::HttpResponse> Assets::embedded(const wire::HttpRequest& request, std::string_view path) const {
  for (const EmbeddedFile& file : files_) {
    if (file.path != path) continue;
    const std::string_view accepted = request.header("Accept-Encoding");
    const int brotli = file.brotli.empty() ? 0 : accepted_quality(accepted, "br");
    const int gzip = file.gzip.empty() ? 0 : accepted_quality(accepted, "gzip");
    std::string_view bytes = file.raw, encoding;
    if (brotli > 0 && brotli >= gzip) {
      bytes = file.brotli;
      encoding = "br";
    } else if (gzip > 0) {
      bytes = file.gzip;
      encoding = "gzip";
    }
    // A strong tag names bytes, so each encoding has its own.
    const std::string tag = "\"" + std::string(file.tag) + (encoding.empty() ? "" : "-" + std::string(encoding)) + "\"";
    if (if_none_match(request.header("If-None-Match"), tag)) return not_modified(path, tag);
    wire::HttpResponse response;
    response.static_body = bytes;
    set_header(response, "Content-Type", std::string(content_type_of(path)));
    if (!encoding.empty()) set_header(response, "Content-Encoding", std::string(encoding));
    set_header(response, "Vary", "Accept-Encoding");
    add_caching(response, path, tag);
    return response;
  }
  return std::nullopt;
}

std::optional<wire::HttpResponse> Assets::from_folder(const wire::HttpRequest& request, const std::string& path) const {
  namespace fs = std::filesystem;
  std::error_code ec;
  const fs::path root = fs::canonical(web_root_, ec);
  if (ec) return std::nullopt;
  const fs::path file = fs::canonical(root / path, ec);
  // Links may lead anywhere: what counts is where the file really is.
  if (ec || !fs::is_regular_file(file, ec)) return std::nullopt;
  const std::string inside = root.string() + "/";
  if (!file.string().starts_with(inside)) return std::nullopt;
  const auto size = fs::file_size(file, ec);
  if (ec || size > kLargestFile) return std::nullopt;
  const auto changed = fs::last_write_time(file, ec).time_since_epoch().count();
  const std::string tag = "\"" + std::to_string(changed) + "-" + std::to_string(size) + "\"";
  if (if_none_match(request.header("If-None-Match"), tag)) return not_modified("", tag);
  std::ifstream in(file, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto response = text_answer(std::move(bytes), std::string(content_type_of(path)));
  add_caching(response, "", tag);
  return response;
}

std::optional<wire::HttpResponse> Assets::find(const wire::HttpRequest& request, const std::string& path) const {
  return web_root_.empty() ? embedded(request, path) : from_folder(request, path);
}

std::optional<wire::HttpResponse> Assets::answer(const wire::HttpRequest& request,
                                                 const std::vector<std::string>& segments) const {
  std::string path;
  for (const auto& segment : segments) {
    if (segment.empty() || segment == "." || segment == ".." || segment.find('/') != std::string::npos)
      return std::nullopt;
    path += (path.empty() ? "" : "/") + segment;
  }
  if (path.empty()) path = "index.html";
  // The compressed forms are not files of their own.
  if (!path.ends_with(".br") && !path.ends_with(".gz")) {
    if (auto found = find(request, path)) return found;
  }
  const bool page = segments.empty() || segments.back().find('.') == std::string::npos;
  if (!page || path.starts_with("assets/")) return std::nullopt;
  return find(request, "index.html");
}

}  // namespace hub::web
