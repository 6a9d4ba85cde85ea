// What users may, their own passwords, API tokens, invitations.
#include "tests/unit/hub/identity/identity_fixture.h"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IdentityRights : public IdentityTest {
 protected:
  Outcome<bool> change_rights(const std::string& name, std::optional<Role> role,
                              std::optional<std::vector<std::string>> groups) {
    return answer_of<bool>([&](auto done) { identity->change_rights(name, role, groups, done); });
  }
  Outcome<bool> change_password(const Principal& who, const std::string& from, const std::string& to) {
    return answer_of<bool>([&](auto done) { identity->change_password(who, from, to, kHere, done); });
  }
  Outcome<ApiToken> make_token_for(const UserId& user, Scopes scopes, std::int64_t ttl_us = 0,
                                   const std::string& name = "backup script") {
    return answer_of<ApiToken>([&](auto done) { identity->create_api_token({user, name, scopes, ttl_us}, done); });
  }
  Outcome<bool> remove_token(const std::string& id) {
    return answer_of<bool>([&](auto done) { identity->remove_api_token(id, done); });
  }
  Outcome<Invitation> invite(InvitationRequest request) {
    return answer_of<Invitation>([&](auto done) { identity->invite(std::move(request), done); });
  }
  Outcome<SessionGrant> accept(const std::string& token, const std::string& name) {
    return answer_of<SessionGrant>([&](auto done) { identity->accept_invitation(token, name, kPassword, done); });
  }
  Outcome<bool> withdraw(const std::string& id) {
    return answer_of<bool>([&](auto done) { identity->remove_invitation(id, done); });
  }
};

// --- rights ---

TEST_F(IdentityRights, change_at_once_and_leave_the_sessions) {
  ASSERT_TRUE(put_user("root", Role::admin));
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  EXPECT_THAT(grant.principal.groups, ElementsAre("*"));
  ASSERT_TRUE(change_rights("ann", Role::operator_, std::vector<std::string>{"south", "north", "south"}));
  auto now = identity->session(grant.cookie_token);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->role, Role::operator_);
  EXPECT_THAT(now->groups, ElementsAre("north", "south"));
  EXPECT_EQ(identity->refreshed(grant.principal.session_key), now);
  ASSERT_TRUE(change_rights("ann", Role::viewer, std::nullopt));
  restart();
  now = identity->session(grant.cookie_token);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->role, Role::viewer);
  EXPECT_THAT(now->groups, ElementsAre("north", "south"));
}

TEST_F(IdentityRights, last_admin_stays_one) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  EXPECT_EQ(change_rights("ann", Role::operator_, std::nullopt).error().code, errc::conflict);
  EXPECT_TRUE(change_rights("ann", Role::admin, std::vector<std::string>{}));
  EXPECT_EQ(change_rights("nobody", Role::admin, std::nullopt).error().code, errc::not_found);
}

TEST_F(IdentityRights, groups_have_rules) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  for (const char* wrong : {"", "North", "a b", "**"}) {
    const auto refused = change_rights("ann", std::nullopt, std::vector<std::string>{"north", wrong});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
    EXPECT_EQ(refused.error().field, "/groups");
  }
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) many.push_back("g" + std::to_string(i));
  EXPECT_EQ(change_rights("ann", std::nullopt, many).error().code, errc::too_large);
  EXPECT_THAT(identity->user("ann")->groups, ElementsAre("*"));
}

// --- passwords ---

TEST_F(IdentityRights, own_new_password_ends_the_other_sessions) {
  ASSERT_TRUE(put_user("ann", Role::admin));
  const auto here = sign_in("ann", kPassword).value();
  const auto elsewhere = sign_in("ann", kPassword).value();
  EXPECT_EQ(change_password(here.principal, "not it", "another password").error().code, errc::forbidden);
  EXPECT_EQ(change_password(here.principal, kPassword, "short").error().field, "/new_password");
  ASSERT_TRUE(change_password(here.principal, kPassword, "another password"));
  for (const bool restarted : {false, true}) {
    if (restarted) restart();
    EXPECT_TRUE(identity->session(here.cookie_token));
    EXPECT_FALSE(identity->session(elsewhere.cookie_token));
  }
  EXPECT_FALSE(sign_in("ann", kPassword));
  const auto again = sign_in("ann", "another password");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->principal.role, Role::admin);
  EXPECT_THAT(again->principal.groups, ElementsAre("*"));
}

TEST_F(IdentityRights, guesses_at_the_old_password_are_limited) {
  ASSERT_TRUE(put_user("ann", Role::viewer));
  const auto grant = sign_in("ann", kPassword).value();
  errc last = errc::ok;
  for (int i = 0; i < 20 && last != errc::rate_limited; ++i) {
    last = change_password(grant.principal, "not it", "another password").error().code;
  }
  EXPECT_EQ(last, errc::rate_limited);
}

// --- API tokens ---

TEST_F(IdentityRights, token_acts_for_its_user_as_far_as_its_scopes_go) {
  const auto ann = put_user("ann", Role::operator_).value();
  const auto made = make_token_for(ann, static_cast<Scopes>(Scope::read));
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->token.starts_with("thub_"));
  for (const bool restarted : {false, true}) {
    if (restarted) restart();
    const auto who = identity->api_token(made->token);
    ASSERT_TRUE(who);
    EXPECT_EQ(who->user, ann);
    EXPECT_EQ(who->name, "ann");
    EXPECT_EQ(who->role, Role::operator_);
    EXPECT_TRUE(who->is_token);
    EXPECT_EQ(who->scopes, static_cast<Scopes>(Scope::read));
    EXPECT_EQ(identity->refreshed(who->session_key), who);
    EXPECT_FALSE(identity->session(made->token)) << "a token is no cookie";
    EXPECT_FALSE(identity->device_by_token(made->token));
  }
  // The user's rights of now, not of when it was made.
  ASSERT_TRUE(change_rights("ann", Role::viewer, std::vector<std::string>{"north"}));
  EXPECT_EQ(identity->api_token(made->token)->role, Role::viewer);
  EXPECT_THAT(identity->api_token(made->token)->groups, ElementsAre("north"));
  // A new password is about people; programs go on.
  ASSERT_TRUE(put_user("ann", Role::viewer, "another password"));
  EXPECT_TRUE(identity->api_token(made->token));
}

TEST_F(IdentityRights, token_ends_when_it_expires_is_removed_or_its_user_goes) {
  ASSERT_TRUE(put_user("root", Role::admin));
  const auto ann = put_user("ann", Role::viewer).value();
  const auto brief = make_token_for(ann, kEveryScope, kMinute_us).value();
  const auto removed = make_token_for(ann, kEveryScope).value();
  const auto last = make_token_for(ann, kEveryScope).value();
  EXPECT_EQ(brief.expires_us, clock.now_us() + kMinute_us);
  EXPECT_EQ(last.expires_us, 0);
  EXPECT_EQ(identity->api_tokens().size(), 3u);
  const auto key = identity->api_token(brief.token)->session_key;
  clock.advance(kMinute_us);
  EXPECT_FALSE(identity->api_token(brief.token));
  EXPECT_FALSE(identity->refreshed(key));
  ASSERT_TRUE(remove_token(removed.id));
  EXPECT_EQ(remove_token(removed.id).error().code, errc::not_found);
  EXPECT_FALSE(identity->api_token(removed.token));
  restart();
  ASSERT_EQ(identity->api_tokens().size(), 1u);
  EXPECT_EQ(identity->api_tokens().front().id, last.id);
  ASSERT_TRUE(remove_user("ann"));
  EXPECT_FALSE(identity->api_token(last.token));
  EXPECT_THAT(identity->api_tokens(), IsEmpty());
}

TEST_F(IdentityRights, list_of_tokens_says_their_last_use_and_no_secret) {
  const auto ann = put_user("ann", Role::viewer).value();
  const auto made = make_token_for(ann, kEveryScope).value();
  EXPECT_EQ(identity->api_tokens().front().last_used_us, 0);
  clock.advance(10 * kMinute_us);
  ASSERT_TRUE(identity->api_token(made.token));
  const auto used_us = clock.now_us();
  control->flush();
  restart();
  const auto token = identity->api_tokens().front();
  EXPECT_EQ(token.last_used_us, used_us);
  EXPECT_EQ(token.name, "backup script");
  EXPECT_EQ(token.token_sha256, "");
}

TEST_F(IdentityRights, wrong_wishes_for_a_token_are_told) {
  const auto ann = put_user("ann", Role::viewer).value();
  EXPECT_EQ(make_token_for(ann, 0).error().field, "/scopes");
  EXPECT_EQ(make_token_for(ann, kEveryScope, 1).error().field, "/ttl");
  EXPECT_EQ(make_token_for(ann, kEveryScope, 0, "").error().field, "/name");
  EXPECT_EQ(make_token_for(UserId("u-none"), kEveryScope).error().code, errc::not_found);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(make_token_for(ann, kEveryScope));
  EXPECT_EQ(make_token_for(ann, kEveryScope).error().code, errc::too_large);
  for (const char* guess : {"", "thub_", "thub_x", "x"}) EXPECT_FALSE(identity->api_token(guess));
}

// --- invitations ---

TEST_F(IdentityRights, invitation_makes_one_user_with_the_rights_it_names) {
  ASSERT_TRUE(put_user("root", Role::admin));
  const auto made = invite({Role::operator_, {"north"}, 60 * kMinute_us, "root"});
  ASSERT_TRUE(made);
  restart();
  ASSERT_EQ(identity->invitations().size(), 1u);
  EXPECT_EQ(identity->invitations().front().token_sha256, "");
  EXPECT_EQ(identity->invitation(made->token)->role, "operator");
  EXPECT_EQ(accept(made->token, "root").error().code, errc::conflict) << "a name that is taken uses nothing up";
  EXPECT_EQ(accept(made->token, "bad name").error().field, "/username");
  const auto grant = accept(made->token, "bob");
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->principal.role, Role::operator_);
  EXPECT_THAT(grant->principal.groups, ElementsAre("north"));
  EXPECT_TRUE(identity->session(grant->cookie_token));
  EXPECT_EQ(accept(made->token, "eve").error().code, errc::gone);
  EXPECT_EQ(identity->invitation(made->token).error().code, errc::gone);
  restart();
  EXPECT_TRUE(sign_in("bob", kPassword));
  EXPECT_EQ(accept(made->token, "eve").error().code, errc::gone);
  EXPECT_EQ(identity->users().size(), 2u);
}

TEST_F(IdentityRights, invitation_expires_and_can_be_withdrawn) {
  ASSERT_TRUE(put_user("root", Role::admin));
  const auto brief = invite({Role::viewer, {}, kMinute_us, "root"}).value();
  const auto withdrawn = invite({Role::viewer, {}, 60 * kMinute_us, "root"}).value();
  ASSERT_TRUE(withdraw(withdrawn.id));
  EXPECT_EQ(withdraw(withdrawn.id).error().code, errc::not_found);
  clock.advance(kMinute_us);
  EXPECT_THAT(identity->invitations(), IsEmpty());
  for (const auto& token : {brief.token, withdrawn.token, std::string("x"), std::string(4'000, 'x')}) {
    EXPECT_EQ(accept(token, "eve").error().code, errc::gone);
  }
  EXPECT_EQ(invite({Role::viewer, {}, 1, "root"}).error().field, "/ttl");
  EXPECT_EQ(invite({Role::viewer, {"No"}, kMinute_us, "root"}).error().field, "/groups");
}

}  // namespace
}  // namespace hub
