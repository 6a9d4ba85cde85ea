#include "device-agent/rules/alert_actions.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <limits>
#include <sstream>

#include "tests/fakes/manual_clock.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
constexpr double kHubNow = 1.8e15;  // not the device's own idea of the time

class AlertActionsTest : public ::testing::Test {
 protected:
  std::unique_ptr<AlertActions> make(std::vector<AlertConfig> config) {
    AlertEffects effects;
    effects.run = [this](const std::string& command, const std::string& why) {
      ran.push_back(command);
      reasons.push_back(why);
      return command != "unknown" ? "" : "there is no command \"unknown\"";
    };
    effects.set_output = [this](const std::string& output, std::optional<bool> value) {
      switched.push_back(output + (value ? *value ? " on" : " off" : " safe"));
      return output != "unknown" ? "" : "there is no output \"unknown\"";
    };
    return std::make_unique<AlertActions>(std::move(config), clock, log, std::move(effects),
                                          [this](const pb::LeaseState& state) { told.push_back(state); });
  }
  static pb::AlertLease lease(const std::string& id, const std::string& rule, double seconds = 90) {
    pb::AlertLease made;
    made.set_alert_id(id);
    made.set_rule(rule);
    made.set_severity("critical");
    made.set_series("tank.level");
    made.set_value(3);
    made.set_active(true);
    made.set_server_time_us(kHubNow);
    made.set_expires_us(kHubNow + seconds * 1e6);
    made.set_revision(7);
    return made;
  }
  static google::protobuf::RepeatedPtrField<pb::AlertLease> list(const std::vector<pb::AlertLease>& leases) {
    return {leases.begin(), leases.end()};
  }

  fakes::ManualClock clock;
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
  std::vector<std::string> ran, reasons, switched;
  std::vector<pb::LeaseState> told;
};

const AlertConfig kPump{"dry", "command", "pump-off", "pump-on"};

TEST_F(AlertActionsTest, an_alert_runs_its_command_once_and_the_hub_is_told) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry"));
  for (int i = 0; i < 3; ++i) actions->lease(lease("a", "dry"));  // renewals
  actions->replace_all(list({lease("a", "dry")}));                // the link came back
  EXPECT_EQ(ran, std::vector<std::string>{"pump-off"});
  EXPECT_NE(reasons[0].find("dry"), std::string::npos);
  EXPECT_NE(reasons[0].find("tank.level"), std::string::npos);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].alert_id(), "a");
  EXPECT_EQ(told[0].revision(), 7u);
  EXPECT_EQ(told[0].action(), "command:pump-off");
  EXPECT_EQ(told[0].error(), "");
}

TEST_F(AlertActionsTest, a_resolved_alert_runs_its_clear_command_once) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry"));
  auto over = lease("a", "dry");
  over.set_active(false);
  actions->lease(over);
  actions->lease(over);
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "pump-on"}));
  EXPECT_EQ(actions->active(), 0u);
}

TEST_F(AlertActionsTest, with_the_hub_away_the_device_falls_back_when_the_lease_ends) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry", 90));
  clock.set_wall(0);  // the wall clock is nobody's concern
  clock.advance(89'000'000);
  actions->tick();
  EXPECT_EQ(ran.size(), 1u) << "still leased";
  clock.advance(1'000'000);
  actions->tick();
  actions->tick();
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "pump-on"}));
  EXPECT_NE(reasons[1].find("not renewed"), std::string::npos);
  actions->replace_all(list({lease("a", "dry")}));  // the hub is back and it still holds
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "pump-on", "pump-off"}));
}

TEST_F(AlertActionsTest, a_renewal_moves_the_end) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry", 60));
  clock.advance(50'000'000);
  actions->lease(lease("a", "dry", 60));
  clock.advance(50'000'000);
  actions->tick();
  EXPECT_EQ(actions->active(), 1u);
  clock.advance(10'000'000);
  actions->tick();
  EXPECT_EQ(actions->active(), 0u);
}

TEST_F(AlertActionsTest, a_lease_that_has_ended_before_it_came_starts_nothing) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry", 0));
  actions->lease(lease("b", "dry", -5));
  actions->lease(lease("c", "dry", std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(ran.empty());
  EXPECT_EQ(actions->active(), 0u);
}

TEST_F(AlertActionsTest, no_lease_is_longer_than_an_hour) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry", 1e12));
  clock.advance(3'600'000'000);
  actions->tick();
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "pump-on"}));
}

TEST_F(AlertActionsTest, what_welcome_does_not_list_is_over) {
  auto actions = make({kPump});
  actions->lease(lease("a", "dry"));
  actions->lease(lease("b", "dry"));
  actions->replace_all(list({lease("b", "dry"), lease("c", "dry")}));
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "pump-off", "pump-on", "pump-off"}));
  EXPECT_EQ(actions->active(), 2u);
}

TEST_F(AlertActionsTest, the_rule_s_own_entry_goes_before_the_one_for_all) {
  auto actions = make({{"*", "command", "beep", ""}, kPump});
  actions->lease(lease("a", "dry"));
  actions->lease(lease("b", "something else"));
  EXPECT_EQ(ran, (std::vector<std::string>{"pump-off", "beep"}));
}

TEST_F(AlertActionsTest, logging_is_an_action) {
  auto actions = make({{"*", "log", "", ""}});
  actions->lease(lease("a", "dry"));
  EXPECT_EQ(told.at(0).action(), "log");
  EXPECT_NE(logged.str().find("\"dry\" (critical): tank.level"), std::string::npos) << logged.str();
  actions->replace_all(list({}));
  EXPECT_NE(logged.str().find("\"dry\" is over"), std::string::npos) << logged.str();
  EXPECT_TRUE(ran.empty());
}

TEST_F(AlertActionsTest, an_alert_that_nothing_is_configured_for_is_told_so) {
  auto actions = make({kPump});
  actions->lease(lease("a", "wet"));
  EXPECT_TRUE(ran.empty());
  EXPECT_EQ(told.at(0).action(), "none");
}

TEST_F(AlertActionsTest, a_command_that_does_not_exist_is_an_error_the_hub_hears) {
  auto actions = make({{"*", "command", "unknown", ""}});
  actions->lease(lease("a", "dry"));
  EXPECT_NE(told.at(0).error().find("unknown"), std::string::npos);
  EXPECT_EQ(actions->active(), 1u);
}

TEST_F(AlertActionsTest, a_clear_command_that_does_not_exist_is_logged) {
  auto actions = make({{"*", "log", "", "unknown"}});
  actions->lease(lease("a", "dry"));
  actions->replace_all(list({}));
  EXPECT_NE(logged.str().find("there is no command \"unknown\""), std::string::npos) << logged.str();
}

TEST_F(AlertActionsTest, the_1001st_alert_is_refused_and_the_others_stay) {
  auto actions = make({kPump});
  for (int i = 0; i < 1'000; ++i) actions->lease(lease("a" + std::to_string(i), "dry"));
  actions->lease(lease("one more", "dry"));
  EXPECT_EQ(actions->active(), 1'000u);
  EXPECT_EQ(ran.size(), 1'000u);
  EXPECT_NE(told.back().error(), "");
  EXPECT_EQ(told.back().action(), "none");
}

TEST_F(AlertActionsTest, an_output_goes_back_when_the_last_alert_that_switched_it_is_over) {
  AlertConfig siren{"*", "output", "", ""};
  siren.output = "siren";
  auto actions = make({siren});
  actions->lease(lease("a", "dry"));
  actions->lease(lease("b", "hot", 30));
  EXPECT_EQ(told.back().action(), "output:siren");
  EXPECT_EQ(switched, (std::vector<std::string>{"siren on", "siren on"}));
  clock.advance(31'000'000);
  actions->tick();
  EXPECT_EQ(switched.size(), 2u) << "the other one still holds it";
  clock.advance(60'000'000);
  actions->tick();  // the hub is away
  EXPECT_EQ(switched.back(), "siren safe");
  EXPECT_EQ(switched.size(), 3u);
}

TEST_F(AlertActionsTest, an_output_that_cannot_be_switched_is_told) {
  AlertConfig config{"*", "output", "", ""};
  config.output = "unknown";
  auto actions = make({config});
  actions->lease(lease("a", "dry"));
  EXPECT_EQ(told.back().error(), "there is no output \"unknown\"");
}

TEST_F(AlertActionsTest, another_configuration_ends_what_the_old_one_began) {
  AlertConfig siren{"*", "output", "", ""};
  siren.output = "siren";
  auto actions = make({siren});
  actions->lease(lease("a", "dry"));
  actions->set_config({});
  actions->replace_all({});
  EXPECT_EQ(switched, (std::vector<std::string>{"siren on", "siren safe"}));
}

}  // namespace
}  // namespace agent
