#include "hub/web/origin.h"

#include <gtest/gtest.h>

namespace hub::web {
namespace {

wire::HttpRequest request(std::vector<wire::Header> headers) {
  wire::HttpRequest made;
  made.method = "POST";
  made.headers = std::move(headers);
  return made;
}

TEST(Origin, the_hubs_own_pages_may) {
  EXPECT_TRUE(is_own_origin(request({{"Host", "hub:8443"}, {"Origin", "https://hub:8443"}})));
  EXPECT_TRUE(is_own_origin(request({{"host", "hub"}, {"origin", "https://hub"}})));
  EXPECT_TRUE(is_own_origin(request({{"Host", "[::1]:8443"}, {"Origin", "https://[::1]:8443"}})));
}

TEST(Origin, all_others_may_not) {
  for (const auto* origin :
       {"https://evil.example", "null", "", "http://hub:8443", "https://hub", "https://hub:8443.evil.example",
        "https://hub:8443/", "https://hub:84430", "https://xhub:8443", "HTTPS://hub:8443", "https://user@hub:8443"}) {
    EXPECT_FALSE(is_own_origin(request({{"Host", "hub:8443"}, {"Origin", origin}}))) << origin;
    // What a browser says of itself beside a foreign origin changes nothing.
    EXPECT_FALSE(is_own_origin(request({{"Host", "hub:8443"}, {"Origin", origin}, {"Sec-Fetch-Site", "same-origin"}})));
  }
  EXPECT_FALSE(is_own_origin(request({{"Origin", "https://"}})));
}

TEST(Origin, without_an_origin_a_browser_must_say_where_it_comes_from) {
  EXPECT_TRUE(is_own_origin(request({{"Host", "hub"}})));
  EXPECT_TRUE(is_own_origin(request({{"Host", "hub"}, {"Sec-Fetch-Site", "same-origin"}})));
  EXPECT_TRUE(is_own_origin(request({{"Host", "hub"}, {"Sec-Fetch-Site", "none"}})));
  for (const auto* site : {"cross-site", "same-site", "", "SAME-ORIGIN"}) {
    EXPECT_FALSE(is_own_origin(request({{"Host", "hub"}, {"Sec-Fetch-Site", site}}))) << site;
  }
}

TEST(Origin, only_reading_methods_are_free) {
  for (const auto* method : {"GET", "HEAD", "OPTIONS"}) EXPECT_FALSE(changes_state(method));
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "get", "ANY"}) EXPECT_TRUE(changes_state(method));
}

}  // namespace
}  // namespace hub::web
