// Identity's invitations: whoever holds the token becomes a user with a name and password of their own choice.
#include <algorithm>
#include <mutex>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"

namespace hub {
namespace {

constexpr std::size_t kInvitations = 1'000;
constexpr std::int64_t kLongestInvitation_us = 30LL * 24 * 3600 * 1'000'000;

}  // namespace

void Identity::invite(InvitationRequest request, Answer<Invitation> answer) {
  answer_on_control<Invitation>(state_->control, std::move(answer),
                                [state = state_, request = std::move(request)] { return state->invite(request); });
}

Outcome<Invitation> Identity::State::invite(const InvitationRequest& request) {
  if (auto problem = check_ttl(request.ttl_us, kLongestInvitation_us, "1 minute to 30 days"))
    return std::move(*problem);
  auto groups = request.groups;
  if (auto problem = check_groups(groups)) return std::move(*problem);
  const auto now_us = clock.now_us();
  {
    const std::unique_lock lock(mutex);
    std::erase_if(invitations, [now_us](const auto& held) { return held.second.expires_us <= now_us; });
  }
  if (invitations.size() >= kInvitations) {
    return Problem{errc::too_large, "There are 1,000 open invitations; withdraw one first.", ""};
  }
  Invitation made;
  made.id = make_id('i', random);
  made.token = make_token(random);
  made.expires_us = now_us + request.ttl_us;
  InvitationRecord record{made.id,           sha256_hex(made.token), to_string(request.role),
                          std::move(groups), request.invited_by,     now_us,
                          made.expires_us};
  if (auto done = store.put_invitation(record); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  auto key = record.token_sha256;
  invitations.emplace(std::move(key), std::move(record));
  return made;
}

std::vector<InvitationRecord> Identity::invitations() const {
  std::vector<InvitationRecord> all;
  const auto now_us = state_->clock.now_us();
  {
    const std::shared_lock lock(state_->mutex);
    for (const auto& [hash, invitation] : state_->invitations) {
      if (invitation.expires_us <= now_us) continue;
      all.push_back(invitation);
      all.back().token_sha256.clear();
    }
  }
  std::ranges::sort(all, {}, [](const InvitationRecord& one) { return std::tie(one.created_us, one.id); });
  return all;
}

void Identity::remove_invitation(std::string id, Answer<bool> answer) {
  answer_on_control<bool>(state_->control, std::move(answer),
                          [state = state_, id = std::move(id)] { return state->remove_invitation(id); });
}

Outcome<bool> Identity::State::remove_invitation(const std::string& id) {
  const auto found = std::ranges::find_if(invitations, [&](const auto& held) { return held.second.id == id; });
  if (found == invitations.end()) {
    return Problem{errc::not_found, "There is no invitation " + id.substr(0, 64) + ".", ""};
  }
  if (auto done = store.remove_invitation(id); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  invitations.erase(found);
  return true;
}

Outcome<InvitationRecord> Identity::State::find_invitation(const std::string& token_sha256) const {
  const auto now_us = clock.now_us();
  const std::shared_lock lock(mutex);
  const auto found = invitations.find(token_sha256);
  if (found == invitations.end() || found->second.expires_us <= now_us) {
    return Problem{errc::gone, "This invitation was used, withdrawn, or has expired; ask for a new one.", "/token"};
  }
  return found->second;
}

Outcome<InvitationRecord> Identity::invitation(std::string_view token) const {
  auto found = state_->find_invitation(token.size() > kMaxTokenBytes ? std::string() : sha256_hex(token));
  if (found) found->token_sha256.clear();
  return found;
}

void Identity::accept_invitation(std::string token, std::string username, std::string password,
                                 Answer<SessionGrant> answer) {
  const auto hash = token.size() > kMaxTokenBytes ? std::string() : sha256_hex(token);
  wipe(token);
  // Before the hash of the password, which costs: only who holds an invitation is worth it.
  if (auto found = state_->find_invitation(hash); !found) return answer(found.error());
  if (auto problem = check_new_user(username, password)) return answer(std::move(*problem));
  auto waiting = std::make_shared<Waiting<SessionGrant>>(state_->control, std::move(answer));
  const bool taken = state_->hash_later([state = state_, waiting, hash, username, password]() mutable {
    auto password_hash = hash_password(password);
    wipe(password);
    state->control.post([state, waiting, hash, username, password_hash = std::move(password_hash)]() mutable {
      if (!password_hash) return (*waiting)(no_memory_to_hash());
      (*waiting)(state->accept_invitation(hash, username, std::move(*password_hash)));
    });
  });
  wipe(password);
  if (!taken) (*waiting)(too_many_hashes());
}

Outcome<SessionGrant> Identity::State::accept_invitation(const std::string& token_sha256, const std::string& username,
                                                         std::string password_hash) {
  auto invitation = find_invitation(token_sha256);
  if (!invitation) return invitation.error();
  const Problem taken{errc::conflict, "There is a user " + username + " already; choose another name.", "/username"};
  if (users.contains(username)) return taken;
  if (users.size() >= kUsers) return Problem{errc::too_large, "There are 10,000 users, the most there can be.", ""};
  UserRecord record;
  record.id = UserId(make_id('u', random));
  record.name = username;
  record.password_hash = std::move(password_hash);
  record.role = invitation->role;
  record.groups = invitation->groups;
  record.created_us = clock.now_us();
  if (auto done = store.accept_invitation(invitation->id, record); !done) {
    return to_errc(done.error()) == errc::conflict ? taken : credentials_not_stored(done.error());
  }
  {
    const std::unique_lock lock(mutex);
    invitations.erase(token_sha256);
    user_names[record.id] = username;
    users[username] = record;
    setup_code.clear();
  }
  return open_session(record);
}

}  // namespace hub
