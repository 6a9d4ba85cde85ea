// The dashboard's files over HTTP: embedded and compressed beforehand, or from a folder while it is developed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/web/embedded.h"
#include "wire/http.h"

namespace hub::web {

/// Immutable, used by all connections of a core. Answers GET and HEAD: hashed names under assets/ may be cached for
/// ever, index.html is asked for again with its ETag, unknown paths without a dot are the dashboard's own and get
/// index.html. With `web_root` files are read from that folder at each request (on the I/O thread: for development).
class Assets {
 public:
  Assets(std::span<const EmbeddedFile> files, std::string web_root) : files_(files), web_root_(std::move(web_root)) {}

  /// Nothing where there is no such file.
  std::optional<wire::HttpResponse> answer(const wire::HttpRequest& request,
                                           const std::vector<std::string>& segments) const;
  bool has_dashboard() const { return !web_root_.empty() || !files_.empty(); }

 private:
  std::optional<wire::HttpResponse> embedded(const wire::HttpRequest& request, std::string_view path) const;
  std::optional<wire::HttpResponse> from_folder(const wire::HttpRequest& request, const std::string& path) const;
  std::optional<wire::HttpResponse> find(const wire::HttpRequest& request, const std::string& path) const;

  std::span<const EmbeddedFile> files_;
  std::string web_root_;
};

std::string_view content_type_of(std::string_view path);

}  // namespace hub::web
