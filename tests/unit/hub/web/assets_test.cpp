#include "hub/web/assets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace hub::web {
namespace {

constexpr EmbeddedFile kFiles[] = {
    {"index.html", "<html>", "GZ-index", "BR-index", "aaaa"},
    {"assets/app-0123456789.js", "script", "GZ-script", "BR-script", "bbbb"},
    {"assets/plain-0123456789.svg", "<svg>", {}, {}, "cccc"},
};

wire::HttpRequest get(std::string encoding = "", std::string none_match = "") {
  wire::HttpRequest request;
  request.method = "GET";
  if (!encoding.empty()) request.headers.push_back({"Accept-Encoding", std::move(encoding)});
  if (!none_match.empty()) request.headers.push_back({"If-None-Match", std::move(none_match)});
  return request;
}

using Path = std::vector<std::string>;
const Assets kAssets(kFiles, "");

TEST(Assets, the_best_accepted_form_is_sent) {
  const Path script{"assets", "app-0123456789.js"};
  const auto form = [&](const char* encoding) {
    const auto response = kAssets.answer(get(encoding), script);
    return std::string(response->static_body) + "/" + std::string(response->header("Content-Encoding"));
  };
  EXPECT_EQ(form("gzip, deflate, br"), "BR-script/br");
  EXPECT_EQ(form("gzip"), "GZ-script/gzip");
  EXPECT_EQ(form("gzip, br;q=0.5"), "GZ-script/gzip");
  EXPECT_EQ(form("br;q=0, gzip;q=0"), "script/");
  EXPECT_EQ(form(""), "script/");
  EXPECT_EQ(form("*"), "BR-script/br");
  const auto plain = kAssets.answer(get("br"), {"assets", "plain-0123456789.svg"});
  EXPECT_EQ(plain->static_body, "<svg>");
  EXPECT_EQ(plain->header("Content-Encoding"), "");
  EXPECT_EQ(plain->header("Vary"), "Accept-Encoding");
}

TEST(Assets, hashed_names_are_kept_for_ever_and_the_page_is_asked_for_again) {
  EXPECT_NE(kAssets.answer(get(), {"assets", "app-0123456789.js"})->header("Cache-Control").find("immutable"),
            std::string_view::npos);
  const auto page = kAssets.answer(get(), {});
  EXPECT_EQ(page->header("Cache-Control"), "no-cache");
  EXPECT_EQ(page->header("Content-Type"), "text/html; charset=utf-8");
  const std::string tag(page->header("ETag"));
  EXPECT_EQ(kAssets.answer(get("", tag), {})->status, 304);
  // Another encoding is another representation.
  EXPECT_EQ(kAssets.answer(get("br", tag), {})->status, 200);
}

TEST(Assets, the_dashboards_own_paths_get_its_page) {
  EXPECT_EQ(kAssets.answer(get(), {"device", "d1"})->static_body, "<html>");
  EXPECT_EQ(kAssets.answer(get(), {"setup"})->static_body, "<html>");
}

TEST(Assets, what_is_not_there_is_not_there) {
  for (const Path& path : {Path{"favicon.ico"}, Path{"assets", "old-1.js"}, Path{"assets", "app"}, Path{"..", "etc"},
                           Path{"a", "..", "index"}, Path{"assets", "..", "index.html"}, Path{"a/b"},
                           Path{"device", ""}, Path{"index.html.br"}}) {
    EXPECT_FALSE(kAssets.answer(get(), path)) << path.back();
  }
}

TEST(Assets, a_web_root_serves_its_files_and_nothing_outside) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("web-root-" + std::to_string(::getpid()));
  fs::create_directories(folder / "root/assets");
  std::ofstream(folder / "root/index.html") << "<own>";
  std::ofstream(folder / "root/assets/a.js") << "own script";
  std::ofstream(folder / "secret.txt") << "secret";
  fs::create_symlink(folder / "secret.txt", folder / "root/link.txt");
  const Assets assets(kFiles, (folder / "root").string());
  EXPECT_EQ(assets.answer(get(), {})->body, "<own>");
  const auto script = assets.answer(get("br"), {"assets", "a.js"});
  EXPECT_EQ(script->body, "own script");
  EXPECT_EQ(script->header("Cache-Control"), "no-cache");
  EXPECT_EQ(assets.answer(get("", std::string(script->header("ETag"))), {"assets", "a.js"})->status, 304);
  EXPECT_FALSE(assets.answer(get(), {"..", "secret.txt"}));
  EXPECT_FALSE(assets.answer(get(), {"link.txt"}));
  EXPECT_EQ(assets.answer(get(), {"device", "d1"})->body, "<own>");
  fs::remove_all(folder);
}

TEST(Assets, a_build_without_a_dashboard_says_so) {
  const Assets none({}, "");
  EXPECT_FALSE(none.has_dashboard());
  EXPECT_FALSE(none.answer(get(), {}));
  EXPECT_TRUE(kAssets.has_dashboard());
}

}  // namespace
}  // namespace hub::web
