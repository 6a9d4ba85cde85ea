// Files that the build put into the program (see cmake/EmbedFiles.cmake).
#pragma once

#include <span>
#include <string_view>

namespace hub::web {

/// One file of the dashboard and its compressed forms (empty where there are none).
struct EmbeddedFile {
  std::string_view path;  // "index.html", "assets/dashboard-1a2b3c4d5e.js"
  std::string_view raw, gzip, brotli;
  std::string_view tag;  // start of its SHA-256
};

/// Empty in a build with TELEMETRY_DASHBOARD=OFF.
std::span<const EmbeddedFile> embedded_dashboard();

/// openapi.json
std::string_view openapi_document();
/// install.sh, with marks for what this hub fills in
std::string_view install_script_template();

}  // namespace hub::web
