// Identity's users and their sign-in: attempts are limited first, hashes made or checked on the pool, sessions opened
// on control.
#include <algorithm>
#include <mutex>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"

namespace hub {
namespace {

constexpr std::size_t kSessionsPerUser = 100;
constexpr std::int64_t kSession_us = 12 * 3600 * 1'000'000LL;

Problem wrong_password() {
  return {errc::unauthenticated, "The user name or the password is wrong.", ""};
}
Problem set_up_already() {
  return {errc::conflict, "This hub is set up already; sign in instead.", ""};
}

}  // namespace

void Identity::set_up(std::string code, std::string username, std::string password, std::string remote,
                      Answer<SessionGrant> answer) {
  if (!needs_setup()) return answer(set_up_already());
  if (!state_->limits.set_up(remote)) return answer(too_many_attempts());
  code = normalise_code(code);
  const auto is_right = [](const State& state, const std::string& given) {
    const std::shared_lock lock(state.mutex);
    return !state.setup_code.empty() && base::equal_constant_time(state.setup_code, given);
  };
  if (!is_right(*state_, code)) {
    return answer(
        Problem{errc::unauthenticated, "The set-up code is wrong; the hub prints it when it starts.", "/code"});
  }
  if (auto problem = check_new_user(username, password)) return answer(std::move(*problem));

  auto waiting = std::make_shared<Waiting<SessionGrant>>(state_->control, std::move(answer));
  const bool taken = state_->hash_later([state = state_, waiting, code = std::move(code), remote = std::move(remote),
                                         is_right, username = std::move(username), password]() mutable {
    auto hash = hash_password(password);
    wipe(password);
    state->control.post([state, waiting, hash = std::move(hash), code, remote, is_right, username]() mutable {
      if (!hash) return (*waiting)(no_memory_to_hash());
      // Two browsers with the right code: the second finds it used.
      if (!is_right(*state, code)) return (*waiting)(set_up_already());
      const auto user = state->store_user(username, std::move(*hash), Role::admin, {kEveryDevice});
      if (!user) return (*waiting)(user.error());
      state->limits.signed_in(username, remote);
      (*waiting)(state->open_session(state->users.at(username)));
    });
  });
  wipe(password);
  if (!taken) (*waiting)(too_many_hashes());
}

void Identity::put_user(std::string username, std::string password, Role role, std::vector<std::string> groups,
                        Answer<UserId> answer) {
  if (auto problem = check_new_user(username, password)) return answer(std::move(*problem));
  if (auto problem = check_groups(groups)) return answer(std::move(*problem));
  auto waiting = std::make_shared<Waiting<UserId>>(state_->control, std::move(answer));
  const bool taken = state_->hash_later(
      [state = state_, waiting, username = std::move(username), password, role, groups = std::move(groups)]() mutable {
        auto hash = hash_password(password);
        wipe(password);
        state->control.post([state, waiting, hash = std::move(hash), username, role, groups]() mutable {
          if (!hash) return (*waiting)(no_memory_to_hash());
          (*waiting)(state->store_user(username, std::move(*hash), role, std::move(groups)));
        });
      });
  wipe(password);
  if (!taken) (*waiting)(too_many_hashes());
}

void Identity::change_password(const Principal& who, std::string old_password, std::string new_password,
                               std::string remote, Answer<bool> answer) {
  if (auto problem = check_password(new_password, "/new_password")) return answer(std::move(*problem));
  // Whoever holds a session without knowing the password guesses no faster here than at the sign-in.
  if (state_->limits.sign_in(who.name, remote) == AttemptLimits::Verdict::refuse) return answer(too_many_attempts());
  auto waiting = std::make_shared<Waiting<bool>>(state_->control, std::move(answer));
  const bool taken = state_->hash_later([state = state_, waiting, who, old_password, new_password, remote]() mutable {
    std::string hash;
    {
      const std::shared_lock lock(state->mutex);
      const auto found = state->users.find(who.name);
      if (found != state->users.end() && found->second.id == who.user) hash = found->second.password_hash;
    }
    const bool fits = !hash.empty() && verify_password(hash, old_password);
    auto new_hash = fits ? hash_password(new_password) : std::nullopt;
    wipe(old_password);
    wipe(new_password);
    state->control.post([state, waiting, who, fits, hash, new_hash = std::move(new_hash), remote]() mutable {
      const auto found = state->users.find(who.name);
      // Removed or given another password while the hash was checked: that one counts.
      if (!fits || found == state->users.end() || found->second.password_hash != hash) {
        return (*waiting)(Problem{errc::forbidden, "The old password is wrong.", "/old_password"});
      }
      if (!new_hash) return (*waiting)(no_memory_to_hash());
      const auto role = role_from(found->second.role).value_or(Role::viewer);
      state->limits.signed_in(who.name, remote);
      const auto stored =
          state->store_user(who.name, std::move(*new_hash), role, found->second.groups, who.session_key);
      if (!stored) return (*waiting)(stored.error());
      (*waiting)(true);
    });
  });
  wipe(old_password);
  wipe(new_password);
  if (!taken) (*waiting)(too_many_hashes());
}

void Identity::change_rights(std::string username, std::optional<Role> role,
                             std::optional<std::vector<std::string>> groups, Answer<bool> answer) {
  answer_on_control<bool>(state_->control, std::move(answer),
                          [state = state_, username = std::move(username), role, groups = std::move(groups)]() mutable {
                            return state->change_rights(username, role, std::move(groups));
                          });
}

Outcome<bool> Identity::State::change_rights(const std::string& username, std::optional<Role> role,
                                             std::optional<std::vector<std::string>> groups) {
  const auto found = users.find(username);
  if (found == users.end()) return Problem{errc::not_found, "There is no user " + username + ".", ""};
  if (groups) {
    if (auto problem = check_groups(*groups)) return std::move(*problem);
  }
  if (role && *role != Role::admin && is_last_admin(found->second)) {
    return Problem{errc::conflict, username + " is the last admin and must stay one.", "/role"};
  }
  const std::string new_role = role ? to_string(*role) : found->second.role;
  const auto& new_groups = groups ? *groups : found->second.groups;
  if (auto done = store.change_rights(found->second.id, new_role, new_groups); !done) {
    return credentials_not_stored(done.error());
  }
  const std::unique_lock lock(mutex);
  found->second.role = new_role;
  if (groups) found->second.groups = std::move(*groups);
  return true;
}

void Identity::sign_in(std::string username, std::string password, std::string remote, Answer<SessionGrant> answer) {
  const bool is_possible = is_username(username) && password.size() <= kPasswordBytes;
  const auto verdict = state_->limits.sign_in(is_possible ? username : std::string(), remote);
  if (verdict == AttemptLimits::Verdict::refuse) {
    ++state_->counters.refused;
    return answer(too_many_attempts());
  }
  if (!is_possible) {
    ++state_->counters.failed;
    return answer(wrong_password());
  }

  auto waiting = std::make_shared<Waiting<SessionGrant>>(state_->control, std::move(answer));
  const bool taken = state_->hash_later(
      [state = state_, waiting, username = std::move(username), remote = std::move(remote), password]() mutable {
        auto hash = state->unmatched_hash;
        {
          const std::shared_lock lock(state->mutex);
          const auto found = state->users.find(username);
          if (found != state->users.end()) hash = found->second.password_hash;
        }
        const bool fits = verify_password(hash, password);
        wipe(password);
        state->control.post([state, waiting, fits, hash = std::move(hash), username, remote] {
          const auto found = state->users.find(username);
          // Removed or given another password while the hash was checked: that one counts.
          if (!fits || found == state->users.end() || found->second.password_hash != hash) {
            ++state->counters.failed;
            return (*waiting)(wrong_password());
          }
          ++state->counters.sign_ins;
          state->limits.signed_in(username, remote);
          (*waiting)(state->open_session(found->second));
        });
      },
      verdict == AttemptLimits::Verdict::slow);
  wipe(password);
  if (!taken) (*waiting)(too_many_hashes());
}

Outcome<SessionGrant> Identity::State::open_session(const UserRecord& user) {
  const auto now_us = clock.now_us();
  std::vector<std::string> ended;
  {
    std::vector<std::pair<std::int64_t, std::string>> of_user;
    const std::shared_lock lock(mutex);
    for (const auto& [hash, session] : sessions) {
      if (!session->is_alive(now_us)) {
        ended.push_back(hash);
      } else if (session->user == user.id) {
        of_user.emplace_back(session->created_us, hash);
      }
    }
    std::sort(of_user.begin(), of_user.end());
    for (std::size_t i = 0; i + kSessionsPerUser <= of_user.size(); ++i) ended.push_back(of_user[i].second);
  }
  for (const auto& hash : ended) drop_session(hash);

  SessionGrant grant;
  grant.cookie_token = make_token(random);
  grant.expires_us = now_us + kSession_us;
  auto hash = sha256_hex(grant.cookie_token);
  if (auto done = store.put_session({hash, user.id, now_us, grant.expires_us, now_us}); !done) {
    return credentials_not_stored(done.error());
  }
  grant.principal = {user.id, user.name, role_from(user.role).value_or(Role::viewer), DeviceId{}, hash, user.groups};
  auto session = std::make_unique<Session>();
  session->user = user.id;
  session->created_us = now_us;
  session->expires_us = grant.expires_us;
  session->last_used_us = session->last_used_stored_us = now_us;
  const std::unique_lock lock(mutex);
  sessions.emplace(std::move(hash), std::move(session));
  return grant;
}

void Identity::State::drop_session(const std::string& token_sha256) {
  {
    const std::unique_lock lock(mutex);
    sessions.erase(token_sha256);
  }
  (void)store.remove_session(token_sha256);  // one that stays in the file is refused by its times
}

bool Identity::State::is_last_admin(const UserRecord& user) const {
  return user.role == to_string(Role::admin) && std::none_of(users.begin(), users.end(), [&user](const auto& other) {
           return other.second.id != user.id && other.second.role == to_string(Role::admin);
         });
}

Outcome<UserId> Identity::State::store_user(const std::string& username, std::string password_hash, Role role,
                                            std::vector<std::string> groups, const std::string& kept_session) {
  UserRecord record;
  const auto found = users.find(username);
  if (found == users.end()) {
    if (users.size() >= kUsers) return Problem{errc::too_large, "There are 10,000 users, the most there can be.", ""};
    record.id = UserId(make_id('u', random));
    record.name = username;
    record.created_us = clock.now_us();
  } else {
    record = found->second;
    if (role != Role::admin && is_last_admin(record)) {
      return Problem{errc::conflict, username + " is the last admin and must stay one.", "/role"};
    }
  }
  record.password_hash = std::move(password_hash);
  record.role = to_string(role);
  record.groups = std::move(groups);
  if (auto done = store.put_user(record, kept_session); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  std::erase_if(sessions, [&](const auto& session) {
    return session.second->user == record.id && session.first != kept_session;
  });
  user_names[record.id] = username;
  users[username] = record;
  setup_code.clear();
  return record.id;
}

void Identity::remove_user(std::string username, Answer<bool> answer) {
  answer_on_control<bool>(state_->control, std::move(answer),
                          [state = state_, username = std::move(username)] { return state->remove_user(username); });
}

Outcome<bool> Identity::State::remove_user(const std::string& username) {
  const auto found = users.find(username);
  if (found == users.end()) return Problem{errc::not_found, "There is no user " + username + ".", ""};
  if (is_last_admin(found->second)) {
    return Problem{errc::conflict, username + " is the last admin; make another one first.", ""};
  }
  const auto id = found->second.id;
  if (auto done = store.remove_user(id); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  std::erase_if(sessions, [&id](const auto& session) { return session.second->user == id; });
  std::erase_if(api_tokens, [&id](const auto& token) { return token.second->record.user == id; });
  user_names.erase(id);
  users.erase(found);
  return true;
}

std::vector<Identity::UserInfo> Identity::users() const {
  std::vector<UserInfo> all;
  const std::shared_lock lock(state_->mutex);
  for (const auto& [name, user] : state_->users) {
    all.push_back({user.id, name, role_from(user.role).value_or(Role::viewer), user.created_us, user.groups});
  }
  return all;
}

std::optional<Identity::UserInfo> Identity::user(std::string_view username) const {
  const std::shared_lock lock(state_->mutex);
  const auto found = state_->users.find(username);
  if (found == state_->users.end()) return std::nullopt;
  const auto& user = found->second;
  return UserInfo{user.id, user.name, role_from(user.role).value_or(Role::viewer), user.created_us, user.groups};
}

}  // namespace hub
