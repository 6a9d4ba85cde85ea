#include "wire/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace wire {
namespace {

Proxy parsed(const std::string& url) {
  std::string problem;
  const auto proxy = parse_proxy(url, problem);
  EXPECT_TRUE(proxy) << url << ": " << problem;
  return proxy.value_or(Proxy{});
}

TEST(Proxy, is_a_host_a_port_and_at_will_who_we_are) {
  EXPECT_EQ(parsed("http://proxy:3128").host, "proxy");
  EXPECT_EQ(parsed("http://proxy:3128").port, 3128);
  EXPECT_EQ(parsed("http://proxy/").port, 80);
  EXPECT_EQ(parsed("proxy.example:8080").port, 8080) << "as people write it into https_proxy";
  EXPECT_EQ(parsed("http://[2001:db8::1]:3128").host, "2001:db8::1");
  const Proxy proxy = parsed("HTTP://us%40er:p%3Ass@w%25rd@proxy:3128/");
  EXPECT_EQ(proxy.user, "us@er");
  EXPECT_EQ(proxy.password, "p:ss@w%rd");
  EXPECT_EQ(proxy.host, "proxy");
  EXPECT_EQ(parsed("http://user@proxy").password, "");
}

TEST(Proxy, what_is_none_is_said_without_the_password) {
  for (const std::string url :
       {"https://user:hunter2@proxy", "socks5://hunter2@proxy:1080", "http://", "http://hunter2@", "http://a b:hunter2",
        "http://proxy:0", "http://proxy:65536", "http://proxy:", "http://[::1", "http://u:hunter2%0d%0aX: y@proxy",
        "http://u:hunter2%zz@proxy", "http://proxy/hunter2"}) {
    std::string problem;
    EXPECT_FALSE(parse_proxy(url, problem)) << url;
    EXPECT_NE(problem.find("http://[USER:PASSWORD@]HOST[:PORT]"), std::string::npos) << url;
    EXPECT_EQ(problem.find("hunter2"), std::string::npos) << problem;
  }
}

TEST(Proxy, exemptions_are_names_addresses_and_networks) {
  const std::string list = "localhost, .corp.example,hub.test:8443 10.0.0.0/8,192.0.2.7,fd00::/8,[2001:db8::5]:8443";
  for (const auto& [host, port] : {std::pair<std::string, int>{"localhost", 1},
                                   {"a.corp.example", 1},
                                   {"CORP.example", 1},
                                   {"hub.test", 8443},
                                   {"b.hub.test", 8443},
                                   {"10.200.3.4", 1},
                                   {"192.0.2.7", 1},
                                   {"fd12::1", 1},
                                   {"2001:db8::5", 8443}}) {
    EXPECT_TRUE(is_exempt(list, host, static_cast<std::uint16_t>(port))) << host;
  }
  for (const auto& [host, port] : {std::pair<std::string, int>{"hub.test", 443},
                                   {"xcorp.example", 1},
                                   {"example", 1},
                                   {"11.0.0.1", 1},
                                   {"192.0.2.70", 1},
                                   {"2001:db8::5", 443},
                                   {"", 1}}) {
    EXPECT_FALSE(is_exempt(list, host, static_cast<std::uint16_t>(port))) << host;
  }
  EXPECT_TRUE(is_exempt("*", "anything", 1));
  EXPECT_FALSE(is_exempt("", "anything", 1));
  EXPECT_FALSE(is_exempt("10.0.0.0/999,/8,[,:,.", "10.0.0.1", 1)) << "nonsense exempts nobody";
}

struct Chosen {
  std::string host, problem;
};
Chosen choose(const std::string& configured, std::map<std::string, std::string> environment,
              const std::string& host = "hub.test") {
  Chosen chosen;
  const auto read = [&environment](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  const auto proxy = choose_proxy(configured, host, 8443, read, chosen.problem);
  if (proxy) chosen.host = proxy->host;
  return chosen;
}

TEST(Proxy, the_configuration_goes_before_the_environment) {
  EXPECT_EQ(choose("", {}).host, "");
  EXPECT_EQ(choose("", {{"HTTPS_PROXY", "http://upper"}}).host, "upper");
  EXPECT_EQ(choose("", {{"HTTPS_PROXY", "http://upper"}, {"https_proxy", "lower:80"}}).host, "lower");
  EXPECT_EQ(choose("", {{"https_proxy", ""}, {"HTTPS_PROXY", "http://upper"}}).host, "upper");
  EXPECT_EQ(choose("http://configured", {{"https_proxy", "http://lower"}, {"no_proxy", "*"}}).host, "configured");
  EXPECT_EQ(choose("none", {{"https_proxy", "http://lower"}}).host, "");
  EXPECT_EQ(choose("", {{"https_proxy", "http://lower"}, {"NO_PROXY", "hub.test"}}).host, "");
  for (const std::string here : {"localhost", "127.0.0.1", "::1"}) {
    EXPECT_EQ(choose("", {{"https_proxy", "http://lower"}}, here).host, "") << here;
    EXPECT_EQ(choose("http://configured", {}, here).host, "configured") << here;
  }
}

TEST(Proxy, a_variable_that_is_no_proxy_is_named) {
  const auto chosen = choose("", {{"HTTPS_PROXY", "socks5://u:hunter2@proxy"}});
  EXPECT_EQ(chosen.problem.rfind("HTTPS_PROXY of the environment must be http://", 0), 0u) << chosen.problem;
  EXPECT_EQ(chosen.problem.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace wire
