#include <atomic>

#include "tests/unit/hub/identity/identity_fixture.h"

namespace hub {
namespace {

// --- set-up ---

TEST_F(IdentityTest, set_up_code_makes_the_first_admin_once) {
  ASSERT_TRUE(identity->needs_setup());
  const auto code = identity->setup_code();
  EXPECT_EQ(code.size(), 12u);
  const auto grant = set_up(code);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->principal.role, Role::admin);
  EXPECT_EQ(grant->principal.name, "ann");
  EXPECT_EQ(grant->expires_us, clock.now_us() + 12 * 60 * kMinute_us);
  EXPECT_TRUE(identity->session(grant->cookie_token));
  EXPECT_FALSE(identity->needs_setup());
  EXPECT_EQ(identity->setup_code(), "");
  EXPECT_EQ(set_up(code, "eve").error().code, errc::conflict);
  restart();
  EXPECT_FALSE(identity->needs_setup());
  EXPECT_EQ(set_up(code, "eve").error().code, errc::conflict);
  EXPECT_EQ(set_up("", "eve").error().code, errc::conflict);
}

TEST_F(IdentityTest, set_up_code_may_be_typed_loosely_and_changes_at_each_start) {
  const auto before = identity->setup_code();
  restart();
  auto code = identity->setup_code();
  EXPECT_NE(code, before);
  EXPECT_EQ(set_up(before).error().code, errc::unauthenticated);
  for (auto& c : code) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  EXPECT_TRUE(set_up(code.substr(0, 4) + "-" + code.substr(4) + " "));
}

TEST_F(IdentityTest, wrong_set_up_codes_are_limited) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(set_up("WRONGWRONG22").error().code, errc::unauthenticated);
  EXPECT_EQ(set_up(identity->setup_code()).error().code, errc::rate_limited);
  clock.advance(kMinute_us);
  EXPECT_TRUE(set_up(identity->setup_code()));
}

TEST_F(IdentityTest, two_browsers_with_the_code_make_one_admin) {
  const auto code = identity->setup_code();
  std::promise<Outcome<SessionGrant>> one, two;
  identity->set_up(code, "one", kPassword, kHere, [&](auto outcome) { one.set_value(std::move(outcome)); });
  identity->set_up(code, "two", kPassword, kHere, [&](auto outcome) { two.set_value(std::move(outcome)); });
  EXPECT_NE(one.get_future().get().has_value(), two.get_future().get().has_value());
  EXPECT_EQ(identity->users().size(), 1u);
}

TEST_F(IdentityTest, names_and_passwords_have_rules) {
  const auto code = identity->setup_code();
  for (const std::string name : {"", "with space", "a/b", "ünï"}) {
    const auto refused = set_up(code, name);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
    EXPECT_EQ(refused.error().field, "/username");
  }
  EXPECT_EQ(set_up(code, std::string(65, 'a')).error().code, errc::invalid_argument);
  EXPECT_EQ(set_up(code, "ann", "seven77").error().field, "/password");
  EXPECT_EQ(set_up(code, "ann", std::string(257, 'x')).error().field, "/password");
  EXPECT_EQ(set_up(code, "ann", "七个字符不够长").error().field, "/password");  // seven characters of three bytes
  EXPECT_TRUE(put_user("A-z_0.9@x", Role::viewer, "八个字符刚好够长"));
}

// --- sign-in ---

TEST_F(IdentityTest, password_signs_in) {
  ASSERT_TRUE(put_user("ann", Role::operator_));
  const auto grant = sign_in("ann", kPassword);
  ASSERT_TRUE(grant);
  const auto who = identity->session(grant->cookie_token);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->name, "ann");
  EXPECT_EQ(who->role, Role::operator_);
  EXPECT_TRUE(who->device.empty());
  EXPECT_EQ(who->user, identity->users()[0].id);
  EXPECT_TRUE(identity->refreshed(who->session_key));
  EXPECT_FALSE(identity->session(who->session_key));  // the key is no cookie
}

TEST_F(IdentityTest, wrong_password_and_unknown_user_look_the_same) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  const auto wrong = sign_in("ann", "wrong horse");
  const auto unknown = sign_in("bob", kPassword);
  ASSERT_FALSE(wrong);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(wrong.error().code, errc::unauthenticated);
  EXPECT_EQ(unknown.error().code, errc::unauthenticated);
  EXPECT_EQ(wrong.error().detail, unknown.error().detail);
  EXPECT_EQ(sign_in("", "").error().code, errc::unauthenticated);
  EXPECT_EQ(sign_in("ann", std::string(100'000, 'x')).error().code, errc::unauthenticated);
}

TEST_F(IdentityTest, guessing_is_limited_for_the_guesser_only) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(sign_in("ann", "wrong horse").error().code, errc::unauthenticated);
  EXPECT_EQ(sign_in("ann", kPassword).error().code, errc::rate_limited);
  EXPECT_TRUE(sign_in("ann", kPassword, "198.51.100.7"));
  clock.advance(6'000'000);
  EXPECT_TRUE(sign_in("ann", kPassword));
}

TEST_F(IdentityTest, hashes_waiting_are_bounded) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  std::atomic<int> refused{0}, checked{0};
  std::vector<std::future<void>> answers;
  for (int i = 0; i < 100; ++i) {
    auto answered = std::make_shared<std::promise<void>>();
    answers.push_back(answered->get_future());
    identity->sign_in("user" + std::to_string(i), "wrong horse", "192.0.2." + std::to_string(i),
                      [&, answered](Outcome<SessionGrant> outcome) {
                        (outcome.error().code == errc::rate_limited ? refused : checked)++;
                        answered->set_value();
                      });
  }
  for (auto& answer : answers) answer.wait();
  EXPECT_GE(checked, 64);
  EXPECT_GT(refused, 0);
}

TEST_F(IdentityTest, whoever_waits_is_answered_when_the_hub_ends) {
  std::atomic<int> answered{0};
  for (int i = 0; i < 40; ++i) {
    identity->sign_in("ann", kPassword, "192.0.2." + std::to_string(i), [&](Outcome<SessionGrant> outcome) {
      EXPECT_FALSE(outcome);
      ++answered;
    });
  }
  identity.reset();
  control->flush();
  EXPECT_EQ(answered, 40);
}

TEST_F(IdentityTest, slowed_attempts_are_answered_when_the_hub_ends) {
  // 61 addresses use up what the account has; what follows waits two seconds, and the hub ends before.
  std::atomic<int> answered{0}, started{0};
  for (int i = 0; i < 70; ++i) {
    ++started;
    identity->sign_in("ann", kPassword, "192.0.2." + std::to_string(i),
                      [&](const Outcome<SessionGrant>&) { ++answered; });
  }
  identity.reset();
  control->flush();
  EXPECT_EQ(answered, started);
}

// --- sessions ---

TEST_F(IdentityTest, idle_session_ends) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  clock.advance(29 * kMinute_us);
  EXPECT_TRUE(identity->session(grant.cookie_token));
  clock.advance(29 * kMinute_us);
  EXPECT_TRUE(identity->refreshed(grant.principal.session_key));  // a live socket is activity
  clock.advance(29 * kMinute_us);
  EXPECT_TRUE(identity->session(grant.cookie_token));
  clock.advance(30 * kMinute_us);
  EXPECT_FALSE(identity->session(grant.cookie_token));
  EXPECT_FALSE(identity->refreshed(grant.principal.session_key));
}

TEST_F(IdentityTest, session_ends_after_twelve_hours_however_busy) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  for (int i = 0; i < 47; ++i) {
    clock.advance(15 * kMinute_us);
    ASSERT_TRUE(identity->session(grant.cookie_token)) << i;
  }
  clock.advance(15 * kMinute_us);
  EXPECT_FALSE(identity->session(grant.cookie_token));
}

TEST_F(IdentityTest, session_survives_a_restart_with_its_times) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  clock.advance(20 * kMinute_us);
  EXPECT_TRUE(identity->session(grant.cookie_token));  // stored: five minutes have passed since it last was
  control->flush();
  clock.advance(20 * kMinute_us);
  restart();
  EXPECT_TRUE(identity->session(grant.cookie_token));
  restart();
  clock.advance(31 * kMinute_us);
  restart();
  EXPECT_FALSE(identity->session(grant.cookie_token));
}

TEST_F(IdentityTest, signing_out_is_final) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  const auto other = sign_in("ann", kPassword).value();
  identity->sign_out(grant.cookie_token);
  identity->sign_out("nonsense");
  EXPECT_FALSE(identity->session(grant.cookie_token));
  EXPECT_FALSE(identity->refreshed(grant.principal.session_key));
  EXPECT_TRUE(identity->session(other.cookie_token));
  control->flush();
  restart();
  EXPECT_FALSE(identity->session(grant.cookie_token));
  EXPECT_TRUE(identity->session(other.cookie_token));
}

TEST_F(IdentityTest, session_from_a_wrong_clock_does_not_outlive_it) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  clock.advance(365LL * 24 * 60 * kMinute_us);
  const auto grant = sign_in("ann", kPassword).value();
  clock.advance(-365LL * 24 * 60 * kMinute_us);
  EXPECT_FALSE(identity->session(grant.cookie_token));
}

TEST_F(IdentityTest, new_password_ends_the_sessions) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  ASSERT_TRUE(put_user("ann", Role::operator_, "another password"));
  EXPECT_FALSE(identity->session(grant.cookie_token));
  EXPECT_EQ(sign_in("ann", kPassword).error().code, errc::unauthenticated);
  EXPECT_EQ(sign_in("ann", "another password")->principal.role, Role::operator_);
  EXPECT_EQ(identity->users().size(), 1u);
}

// --- users ---

TEST_F(IdentityTest, last_admin_stays) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  ASSERT_TRUE(put_user("bob", Role::viewer));
  EXPECT_EQ(remove_user("ann").error().code, errc::conflict);
  EXPECT_EQ(put_user("ann", Role::viewer).error().code, errc::conflict);
  ASSERT_TRUE(put_user("bob", Role::admin));
  EXPECT_TRUE(remove_user("ann"));
  EXPECT_EQ(remove_user("bob").error().code, errc::conflict);
  EXPECT_EQ(remove_user("ann").error().code, errc::not_found);
}

TEST_F(IdentityTest, removed_user_is_signed_out) {
  ASSERT_TRUE(put_user("root", Role::admin));
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  ASSERT_TRUE(remove_user("ann"));
  EXPECT_FALSE(identity->session(grant.cookie_token));
  EXPECT_FALSE(identity->refreshed(grant.principal.session_key));
  EXPECT_EQ(sign_in("ann", kPassword).error().code, errc::unauthenticated);
  restart();
  EXPECT_EQ(identity->users().size(), 1u);
}

// --- devices ---

TEST_F(IdentityTest, enrolment_makes_a_device_with_a_token) {
  EnrolmentRequest request;
  request.tags = {{"site", "north"}};
  const auto enrolment = create_enrolment(request).value();
  EXPECT_EQ(enrolment.expires_us, clock.now_us() + 15 * kMinute_us);
  const auto grant = redeem(enrolment.token, "pump", {{"os", "linux"}, {"long", std::string(300, 'x')}});
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->name, "pump");
  const auto who = identity->device_by_token(grant->token);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->device, grant->device);
  EXPECT_TRUE(who->user.empty());
  EXPECT_TRUE(authorize(*who, Operation::stream_telemetry));
  ASSERT_EQ(created.size(), 1u);
  EXPECT_EQ(created[0].id, grant->device);
  EXPECT_EQ(created[0].tags, request.tags);
  EXPECT_EQ(created[0].attributes, (std::map<std::string, std::string>{{"os", "linux"}}));
  restart();
  EXPECT_EQ(identity->device_by_token(grant->token)->device, grant->device);
  EXPECT_FALSE(identity->device_by_token("nonsense"));
  EXPECT_FALSE(identity->session(grant->token));
}

TEST_F(IdentityTest, enrolment_ends_by_uses_by_time_and_is_not_guessed) {
  EnrolmentRequest twice;
  twice.uses = 2;
  const auto enrolment = create_enrolment(twice).value();
  ASSERT_TRUE(redeem(enrolment.token, "one"));
  ASSERT_TRUE(redeem(enrolment.token, "two"));
  const auto used_up = redeem(enrolment.token, "three");
  ASSERT_FALSE(used_up);
  EXPECT_EQ(used_up.error().code, errc::gone);
  EXPECT_THAT(used_up.error().detail, ::testing::HasSubstr("used up"));

  const auto second = create_enrolment().value();
  clock.advance(15 * kMinute_us);
  const auto expired = redeem(second.token, "three");
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, errc::gone);
  EXPECT_THAT(expired.error().detail, ::testing::HasSubstr("expired"));

  EXPECT_EQ(redeem("nonsense", "three").error().code, errc::unauthenticated);
  EXPECT_EQ(redeem("", "three").error().code, errc::unauthenticated);
  EXPECT_EQ(created.size(), 2u);
}

TEST_F(IdentityTest, enrolment_survives_a_restart) {
  const auto enrolment = create_enrolment().value();
  restart();
  EXPECT_TRUE(redeem(enrolment.token, "pump"));
}

TEST_F(IdentityTest, taken_name_is_named_and_the_token_stays_good) {
  ASSERT_TRUE(create_device("pump"));
  const auto enrolment = create_enrolment().value();
  const auto taken = redeem(enrolment.token, "pump");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::conflict);
  EXPECT_EQ(taken.error().field, "/name");
  EXPECT_THAT(taken.error().detail, ::testing::HasSubstr("pump"));
  EXPECT_EQ(redeem(enrolment.token, " bad ").error().code, errc::invalid_argument);
  EXPECT_TRUE(redeem(enrolment.token, "pump 2"));
}

TEST_F(IdentityTest, device_without_a_wish_gets_a_name_of_its_own) {
  EnrolmentRequest many;
  many.uses = 50;
  const auto enrolment = create_enrolment(many).value();
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) names.insert(redeem(enrolment.token).value().name);
  EXPECT_EQ(names.size(), 50u);
  EXPECT_EQ(names.begin()->find("device-"), 0u);
}

TEST_F(IdentityTest, name_fixed_by_the_enrolment_wins) {
  EnrolmentRequest request;
  request.name = "fixed";
  EXPECT_EQ(redeem(create_enrolment(request).value().token, "wished").value().name, "fixed");
}

TEST_F(IdentityTest, wrong_enrolments_are_refused) {
  const auto refused = [&](auto change) {
    EnrolmentRequest request;
    change(request);
    const auto outcome = create_enrolment(request);
    return outcome ? errc::ok : outcome.error().code;
  };
  EXPECT_EQ(refused([](auto& r) { r.uses = 0; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.uses = 10'001; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.ttl_us = 59'999'999; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.ttl_us = 8LL * 24 * 3600 * 1'000'000; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.name = " x"; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.name = "x", r.uses = 2; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto& r) { r.tags["bad key"] = ""; }), errc::invalid_argument);
  EXPECT_EQ(refused([](auto&) {}), errc::ok);
}

TEST_F(IdentityTest, revoked_device_has_no_credential_left) {
  const auto grant = create_device("pump").value();
  const auto other = create_device("other").value();
  const auto key = identity->device_by_token(grant.token)->session_key;
  EXPECT_TRUE(identity->refreshed(key));
  const auto revoke = [&] { return answer_of<bool>([&](auto done) { identity->revoke_device(grant.device, done); }); };
  EXPECT_EQ(revoke().value(), true);
  EXPECT_FALSE(identity->device_by_token(grant.token));
  EXPECT_FALSE(identity->refreshed(key));
  EXPECT_TRUE(identity->device_by_token(other.token));
  EXPECT_EQ(revoke().value(), false);
  EXPECT_THAT(revoked, ::testing::ElementsAre(grant.device));
  restart();
  EXPECT_FALSE(identity->device_by_token(grant.token));
}

TEST_F(IdentityTest, look_ups_go_on_while_everything_changes) {
  ASSERT_TRUE(put_user("root", Role::admin));
  const auto session = sign_in("root", kPassword).value();
  const auto device = create_device("pump").value();
  std::atomic<bool> ending{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!ending) {
        EXPECT_TRUE(identity->session(session.cookie_token));
        EXPECT_TRUE(identity->device_by_token(device.token));
        EXPECT_TRUE(identity->refreshed(session.principal.session_key));
        (void)identity->users();
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const auto name = "user" + std::to_string(i);
    ASSERT_TRUE(put_user(name, Role::viewer));
    const auto grant = sign_in(name, kPassword, "198.51.100." + std::to_string(i));
    ASSERT_TRUE(grant);
    ASSERT_TRUE(create_device(name));
    clock.advance(6 * kMinute_us);
    if (i % 2 == 0) {
      ASSERT_TRUE(remove_user(name));
    } else {
      identity->sign_out(grant->cookie_token);
    }
  }
  ending = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace hub
