// A whole hub in this process, driven over its own port.
#include "hub/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hub/core/text_file.h"
#include "hub/logging.h"
#include "hub/metrics.h"
#include "hub/offline_hub.h"
#include "tests/fakes/temp_folder.h"
#include "wire/connection.h"

namespace hub {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

constexpr char kPassword[] = "correct horse battery";

class RunningHub {
 public:
  explicit RunningHub(const std::string& folder, Settings settings = {}) {
    settings.data_dir = folder;
    settings.port = 0;
    settings.bind = "127.0.0.1";
    settings.public_host = "localhost";
    settings.threads = 2;
    auto opened = App::open(settings, make_logger("error", "text"));
    if (!opened) throw std::runtime_error(opened.error().detail);
    app_ = std::move(*opened);
    if (auto started = app_->start(); !started) throw std::runtime_error(started.error().detail);
    wire::ClientTls::Options options;
    options.ca_pem = app_->certificates().ca_pem;
    tls_ = std::make_unique<wire::ClientTls>(*wire::ClientTls::make(options));
    thread_ = std::thread([this] { ended_ = static_cast<bool>(app_->run(false)); });
  }
  ~RunningHub() { stop(); }
  bool stop() {
    if (thread_.joinable()) {
      app_->stop();
      thread_.join();
    }
    return ended_;
  }
  App& app() { return *app_; }

  wire::HttpResponse call(const std::string& method, const std::string& target, const std::string& body = "",
                          std::vector<wire::Header> headers = {}) {
    wire::FetchRequest request;
    request.method = method;
    request.host = "localhost";
    request.port = app_->port();
    request.target = target;
    request.body = body;
    request.headers = std::move(headers);
    if (!cookie_.empty()) request.headers.push_back({"Cookie", cookie_});
    boost::asio::io_context context;
    auto future = boost::asio::co_spawn(context, wire::fetch(std::move(request), *tls_), boost::asio::use_future);
    context.run();
    auto response = future.get();
    if (!response) throw std::runtime_error(method + " " + target + ": " + response.error().message());
    const std::string set(response->header("Set-Cookie"));
    if (!set.empty()) cookie_ = set.substr(0, set.find(';'));
    return *response;
  }
  /// What an attempt to upgrade is answered with.
  int upgrade(const std::string& path, const std::string& subprotocol,
              std::map<std::string, std::string> headers = {}) {
    wire::ConnectTarget target;
    target.host = "localhost";
    target.port = app_->port();
    target.path = path;
    target.subprotocol = subprotocol;
    target.headers = std::move(headers);
    if (!cookie_.empty()) target.headers["Cookie"] = cookie_;
    wire::ConnectReport report;
    boost::asio::io_context context;
    boost::asio::co_spawn(context, wire::connect(std::move(target), *tls_, wire::ConnectionLimits{}, &report),
                          boost::asio::detached);
    context.run();
    return report.status;
  }
  json::object object(const std::string& method, const std::string& target, const std::string& body = "") {
    return json::parse(call(method, target, body).body).as_object();
  }
  void set_up() {
    const std::string url = app_->setup_url();
    const std::string code = url.substr(url.find("code=") + 5);
    const auto answer = call("POST", "/api/v1/setup",
                             R"({"code":")" + code + R"(","username":"admin","password":")" + kPassword + "\"}");
    ASSERT_EQ(answer.status, 201) << answer.body;
  }
  std::string cookie_;

 private:
  std::unique_ptr<App> app_;
  std::unique_ptr<wire::ClientTls> tls_;
  std::thread thread_;
  bool ended_ = false;
};

TEST(App, is_set_up_once_and_then_signed_in_to) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path());
  EXPECT_EQ(hub.call("GET", "/api/v1/devices").status, 401);
  EXPECT_EQ(hub.object("GET", "/api/v1/setup").at("needed"), true);
  const auto announced = read_text_file(temp.path() + "/setup-url");
  ASSERT_TRUE(announced);
  EXPECT_EQ(*announced, hub.app().setup_url() + "\n");
  EXPECT_EQ(hub.call("POST", "/api/v1/setup", R"({"code":"WRONGWRONGWR","username":"a","password":"12345678"})").status,
            401);
  hub.set_up();
  EXPECT_EQ(hub.object("GET", "/api/v1/setup").at("needed"), false);
  EXPECT_EQ(hub.object("GET", "/api/v1/session").at("user").at("role"), "admin");
  EXPECT_EQ(hub.call("POST", "/api/v1/setup", R"({"code":"x","username":"a","password":"12345678"})").status, 409);

  const auto wrong = hub.call("POST", "/api/v1/session", R"({"username":"admin","password":"wrong"})");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(wrong.header("Set-Cookie"), "");
  const auto right =
      hub.call("POST", "/api/v1/session", std::string(R"({"username":"admin","password":")") + kPassword + "\"}");
  EXPECT_EQ(right.status, 201);
  EXPECT_THAT(std::string(right.header("Set-Cookie")), HasSubstr("; Path=/; Max-Age="));
  EXPECT_THAT(std::string(right.header("Set-Cookie")), HasSubstr("; HttpOnly; Secure; SameSite=Strict"));
  EXPECT_EQ(hub.call("DELETE", "/api/v1/session").status, 204);
  EXPECT_EQ(hub.call("GET", "/api/v1/session").status, 401);
  EXPECT_TRUE(hub.stop());
}

TEST(App, answers_every_call_of_its_table) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path());
  hub.set_up();
  const auto enrolment =
      hub.object("POST", "/api/v1/enrolments", R"({"name":"green house","ttl":"1h","tags":{"room":"1"}})");
  EXPECT_THAT(std::string(enrolment.at("command").as_string()),
              HasSubstr("device-agent enroll https://localhost:" + std::to_string(hub.app().port()) + " "));
  EXPECT_THAT(std::string(enrolment.at("command").as_string()), HasSubstr(hub.app().certificates().ca_sha256_hex));
  const std::string token(enrolment.at("token").as_string());
  const std::string redeem = R"({"token":")" + token + R"(","attributes":{"os":"test"}})";
  const auto grant = hub.call("POST", "/api/v1/enrolments/redeem", redeem);
  ASSERT_EQ(grant.status, 201) << grant.body;
  EXPECT_EQ(json::parse(grant.body).at("ca_pem"), json::value(hub.app().certificates().ca_pem));
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments/redeem", redeem).status, 410);
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments/redeem", R"({"token":"nonsense"})").status, 401);

  const auto devices = hub.object("GET", "/api/v1/devices").at("devices").as_array();
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].at("name"), "green house");
  EXPECT_EQ(devices[0].at("tags").at("room"), "1");
  EXPECT_TRUE(devices[0].at("last_seen").is_null());
  const std::string id(devices[0].at("id").as_string());
  EXPECT_EQ(hub.object("GET", "/api/v1/devices/green%20house").at("id"), json::value(id));
  EXPECT_EQ(hub.object("PATCH", "/api/v1/devices/" + id, R"({"name":"shed","tags":{}})").at("name"), "shed");
  EXPECT_EQ(hub.call("PATCH", "/api/v1/devices/" + id, R"({"name":" shed"})").status, 400);
  EXPECT_EQ(hub.call("PATCH", "/api/v1/devices/" + id, "{}").status, 400);
  EXPECT_TRUE(hub.object("GET", "/api/v1/devices/shed/series").at("series").as_array().empty());
  EXPECT_TRUE(hub.object("GET", "/api/v1/devices/shed/commands").at("commands").as_array().empty());
  EXPECT_TRUE(hub.object("GET", "/api/v1/devices/shed/gaps?from=-1h&to=now").at("gaps").as_array().empty());
  EXPECT_EQ(hub.call("GET", "/api/v1/devices/shed/series/none/readings?from=0&to=1").status, 404);
  EXPECT_EQ(hub.call("GET", "/api/v1/devices/shed/gaps?from=now&to=-1h").status, 400);

  const auto execution =
      hub.call("POST", "/api/v1/devices/shed/executions", R"({"command":"ping"})", {{"Idempotency-Key", "k"}});
  ASSERT_EQ(execution.status, 201) << execution.body;
  const std::string made(json::parse(execution.body).at("id").as_string());
  EXPECT_EQ(std::string(execution.header("Location")), "/api/v1/executions/" + made);
  EXPECT_EQ(
      json::parse(
          hub.call("POST", "/api/v1/devices/shed/executions", R"({"command":"ping"})", {{"Idempotency-Key", "k"}}).body)
          .at("id"),
      json::value(made));
  EXPECT_EQ(hub.object("GET", "/api/v1/executions/" + made).at("state"), "QUEUED");
  EXPECT_EQ(hub.object("GET", "/api/v1/devices/shed/executions").at("executions").as_array().size(), 1u);
  EXPECT_EQ(hub.object("POST", "/api/v1/executions/" + made + "/cancel", "{}").at("state"), "CANCELLED");
  for (const auto* bad :
       {R"({"command":"ping","arguments":[1]})", R"({"command":"ping","not_after":1})", R"({})", R"({"command":""})"}) {
    EXPECT_EQ(hub.call("POST", "/api/v1/devices/shed/executions", bad).status, 400) << bad;
  }

  const std::string rule =
      R"({"name":"hot","condition":{"series":"temp*","above":30},"for":"30s","clear":28,"severity":"warning","scope":{"devices":[]}})";
  const auto posted = hub.call("POST", "/api/v1/alert-rules", rule);
  ASSERT_EQ(posted.status, 201) << posted.body;
  const std::string rule_path = "/api/v1/alert-rules/" + std::string(json::parse(posted.body).at("id").as_string());
  const std::string tag(hub.call("GET", rule_path).header("ETag"));
  EXPECT_FALSE(tag.empty());
  const auto put = hub.call("PUT", rule_path, rule, {{"If-Match", tag}});
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_NE(put.header("ETag"), tag);
  EXPECT_EQ(hub.call("PUT", rule_path, rule, {{"If-Match", tag}}).status, 412);
  EXPECT_EQ(hub.call("DELETE", rule_path, "", {{"If-Match", tag}}).status, 412);
  EXPECT_EQ(hub.call("PUT", rule_path, rule).status, 200);
  EXPECT_EQ(hub.object("GET", "/api/v1/alert-rules").at("rules").as_array().size(), 1u);
  EXPECT_EQ(hub.call("DELETE", rule_path).status, 204);
  EXPECT_EQ(hub.call("GET", rule_path).status, 404);
  EXPECT_TRUE(hub.object("GET", "/api/v1/alerts?state=firing").at("alerts").as_array().empty());
  EXPECT_EQ(hub.call("GET", "/api/v1/alerts?state=loud").status, 400);
  EXPECT_EQ(hub.call("GET", "/api/v1/alerts/a1").status, 404);

  EXPECT_EQ(hub.call("DELETE", "/api/v1/devices/shed").status, 204);
  EXPECT_EQ(hub.call("GET", "/api/v1/devices/shed").status, 404);
  const auto about = hub.object("GET", "/api/v1/hub");
  EXPECT_EQ(about.at("version"), TELEMETRY_VERSION);
  EXPECT_TRUE(about.at("failure").is_null());
  EXPECT_EQ(json::parse(hub.call("GET", "/api/v1/openapi.json").body).at("openapi"), "3.1.0");
  EXPECT_EQ(hub.call("GET", "/healthz").status, 200);
  EXPECT_EQ(hub.call("GET", "/readyz").status, 200);
  EXPECT_THAT(hub.call("GET", "/metrics").body, HasSubstr("# TYPE telemetry_hub_readings_stored_total counter"));
}

TEST(App, lets_each_role_do_its_own_and_no_more) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path());
  hub.set_up();
  const std::string admin = hub.cookie_;
  EXPECT_EQ(hub.call("POST", "/api/v1/users", R"({"username":"eve","password":"12345678","role":"viewer"})").status,
            201);
  EXPECT_EQ(hub.call("POST", "/api/v1/users", R"({"username":"eve","password":"12345678","role":"admin"})").status,
            409);
  EXPECT_EQ(hub.call("POST", "/api/v1/users", R"({"username":"x","password":"12345678","role":"root"})").status, 400);
  EXPECT_EQ(hub.call("DELETE", "/api/v1/users/admin").status, 409) << "the last admin stays";
  EXPECT_EQ(hub.object("GET", "/api/v1/users").at("users").as_array().size(), 2u);
  ASSERT_EQ(hub.call("POST", "/api/v1/session", R"({"username":"eve","password":"12345678"})").status, 201);
  EXPECT_EQ(hub.call("GET", "/api/v1/devices").status, 200);
  EXPECT_EQ(hub.call("GET", "/api/v1/users").status, 403);
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments", "{}").status, 403);
  EXPECT_EQ(hub.call("POST", "/api/v1/alert-rules", "{}").status, 403);
  EXPECT_EQ(hub.call("POST", "/api/v1/devices/none/executions", "{}").status, 403) << "before it is told what exists";
  hub.cookie_ = admin;
  EXPECT_EQ(hub.call("DELETE", "/api/v1/users/eve").status, 204);
}

TEST(App, other_origins_neither_write_nor_listen) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path());
  hub.set_up();
  const std::string own = "https://localhost:" + std::to_string(hub.app().port());
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments", "{}", {{"Origin", own}}).status, 201);
  for (const std::string& origin : {std::string("https://evil.example"), std::string("null"), own + ".evil.example"}) {
    EXPECT_EQ(hub.call("POST", "/api/v1/enrolments", "{}", {{"Origin", origin}}).status, 403) << origin;
    EXPECT_EQ(hub.upgrade("/api/v1/live", "telemetry.live.v1", {{"Origin", origin}}), 403) << origin;
  }
  EXPECT_EQ(hub.upgrade("/api/v1/live", "telemetry.live.v1", {{"Origin", own}}), 101);
  EXPECT_EQ(hub.upgrade("/api/v1/live", ""), 400) << "no subprotocol";
  EXPECT_EQ(hub.upgrade("/api/v1/live", "telemetry.device.v1"), 400);
  EXPECT_EQ(hub.call("GET", "/api/v1/live").status, 426);
  EXPECT_EQ(hub.upgrade("/api/v1/device", "telemetry.device.v1", {{"Authorization", "Bearer nonsense"}}), 401);
  hub.cookie_.clear();
  EXPECT_EQ(hub.upgrade("/api/v1/live", "telemetry.live.v1"), 401);
}

TEST(App, every_answer_carries_the_security_headers) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path());
  for (const auto* target :
       {"/", "/healthz", "/api/v1/setup", "/api/v1/devices", "/api/v1/nothing", "/api/v1/live", "/none.txt"}) {
    const auto answer = hub.call("GET", target);
    EXPECT_THAT(std::string(answer.header("Content-Security-Policy")), HasSubstr("default-src 'none'")) << target;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << target;
  }
  EXPECT_EQ(hub.call("PUT", "/api/v1/devices").status, 405);
  EXPECT_EQ(hub.call("HEAD", "/api/v1/setup").body, "");
}

TEST(App, a_web_root_is_served_instead_of_what_is_embedded) {
  const fakes::TempFolder temp;
  std::filesystem::create_directories(temp.path() + "/web");
  std::ofstream(temp.path() + "/web/index.html") << "<own page>";
  Settings settings;
  settings.web_root = temp.path() + "/web";
  RunningHub hub(temp.path() + "/data", settings);
  EXPECT_EQ(hub.call("GET", "/").body, "<own page>");
  EXPECT_EQ(hub.call("GET", "/device/d1").body, "<own page>");
  EXPECT_EQ(hub.call("POST", "/").status, 405);
}

TEST(App, a_restart_keeps_users_devices_and_certificates) {
  const fakes::TempFolder temp;
  std::string ca, cookie;
  {
    RunningHub hub(temp.path());
    hub.set_up();
    const auto enrolment = hub.object("POST", "/api/v1/enrolments", R"({"name":"kept"})");
    ASSERT_EQ(hub.call("POST", "/api/v1/enrolments/redeem",
                       R"({"token":")" + std::string(enrolment.at("token").as_string()) + "\"}")
                  .status,
              201);
    ca = hub.app().certificates().ca_pem;
    cookie = hub.cookie_;
    EXPECT_TRUE(hub.stop());
  }
  RunningHub hub(temp.path());
  EXPECT_EQ(hub.app().certificates().ca_pem, ca);
  EXPECT_EQ(hub.app().setup_url(), "");
  EXPECT_FALSE(std::filesystem::exists(temp.path() + "/setup-url"));
  hub.cookie_ = cookie;
  EXPECT_EQ(hub.call("GET", "/api/v1/devices/kept").status, 200);
}

TEST(App, says_who_holds_the_folder_and_which_port_is_taken) {
  const fakes::TempFolder temp;
  RunningHub hub(temp.path() + "/one");
  Settings settings;
  settings.data_dir = temp.path() + "/one";
  const auto same = App::open(settings, make_logger("error", "text"));
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code, errc::conflict);
  EXPECT_THAT(same.error().detail, HasSubstr(std::to_string(::getpid())));
  settings.data_dir = temp.path() + "/two";
  settings.bind = "127.0.0.1";
  settings.port = hub.app().port();
  const auto taken = App::open(settings, make_logger("error", "text"));
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().detail, HasSubstr("port " + std::to_string(hub.app().port()) + " on 127.0.0.1 is taken"));
}

TEST(AdminChannel, the_command_line_reaches_a_hub_that_serves) {
  // Longer than a socket address may be.
  const fakes::TempFolder temp;
  const std::string folder = temp.path() + "/" + std::string(150, 'x');
  RunningHub hub(folder);
  const auto added =
      ask_running_hub(folder, {{"op", "user_add"}, {"username", "ann"}, {"password", kPassword}, {"role", "admin"}});
  ASSERT_TRUE(added) << added.error().detail;
  EXPECT_EQ(added->at("role"), "admin");
  EXPECT_EQ(
      hub.call("POST", "/api/v1/session", std::string(R"({"username":"ann","password":")") + kPassword + "\"}").status,
      201);
  const auto again =
      ask_running_hub(folder, {{"op", "user_add"}, {"username", "ann"}, {"password", kPassword}, {"role", "admin"}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::conflict);
  EXPECT_THAT(again.error().detail, HasSubstr("--replace"));
  const auto token = ask_running_hub(folder, {{"op", "enroll"}, {"name", "pi"}, {"uses", 1}});
  ASSERT_TRUE(token);
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments/redeem",
                     R"({"token":")" + std::string(token->at("token").as_string()) + "\"}")
                .status,
            201);
  EXPECT_EQ(ask_running_hub(folder, {{"op", "user_list"}})->at("users").as_array().size(), 1u);
  EXPECT_EQ(ask_running_hub(folder, {{"op", "user_remove"}, {"username", "ann"}}).error().code, errc::conflict);
  EXPECT_EQ(ask_running_hub(folder, {{"op", "user_remove"}, {"username", "bob"}}).error().code, errc::not_found);
  EXPECT_EQ(
      ask_running_hub(folder, {{"op", "user_password"}, {"username", "bob"}, {"password", kPassword}}).error().code,
      errc::not_found);
  EXPECT_EQ(ask_running_hub(folder, {{"op", "enroll"}, {"uses", 0}}).error().field, "/uses");
  EXPECT_EQ(ask_running_hub(folder, {{"op", "dance"}}).error().code, errc::invalid_argument);
  struct stat status {};
  ASSERT_EQ(::stat((folder + "/admin.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_TRUE(hub.stop());
  EXPECT_FALSE(ask_running_hub(folder, {{"op", "user_list"}}));
}

TEST(OfflineHub, works_on_the_folder_that_a_hub_later_serves) {
  const fakes::TempFolder temp;
  Settings settings;
  settings.data_dir = temp.path() + "/data";
  std::string token;
  {
    auto offline = OfflineHub::open(settings);
    ASSERT_TRUE(offline) << offline.error().detail;
    EXPECT_TRUE((*offline)->run({{"op", "user_add"}, {"username", "ann"}, {"password", kPassword}, {"role", "admin"}}));
    const auto made = (*offline)->run({{"op", "enroll"}, {"uses", 2}});
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_THAT(std::string(made->at("command").as_string()), HasSubstr((*offline)->certificates().ca_sha256_hex));
    token = std::string(made->at("token").as_string());
  }
  RunningHub hub(settings.data_dir);
  EXPECT_EQ(hub.app().setup_url(), "");
  EXPECT_EQ(hub.call("POST", "/api/v1/enrolments/redeem", R"({"token":")" + token + R"(","name":"pi"})").status, 201);
}

TEST(Metrics, are_prometheus_text) {
  MetricsSample sample;
  sample.store.readings_stored = 12'345'678'901;
  sample.ready = true;
  const auto text = metrics_text(sample);
  EXPECT_THAT(text, HasSubstr("# TYPE telemetry_hub_ready gauge\ntelemetry_hub_ready 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE telemetry_hub_readings_stored_total counter\n"));
  EXPECT_THAT(text, HasSubstr("telemetry_hub_info{version=\"" TELEMETRY_VERSION "\"} 1"));
  EXPECT_GT(resident_bytes(), 1'000'000u);
}

}  // namespace
}  // namespace hub
