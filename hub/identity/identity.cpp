#include "hub/identity/identity.h"

#include <sodium.h>

#include <boost/system/system_error.hpp>
#include <mutex>
#include <stdexcept>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"

namespace hub {
namespace {

constexpr unsigned kHashThreads = 2;
constexpr std::size_t kHashesWaiting = 64;
constexpr int kSlowedWaiting = 16;
constexpr std::int64_t kSlowedBy_us = 2'000'000;
constexpr std::int64_t kIdle_us = 30 * 60 * 1'000'000LL;
constexpr std::int64_t kClockStep_us = 5 * 60 * 1'000'000LL;
constexpr std::size_t kSetupCodeLength = 12;

}  // namespace

// A session from the future was made by a clock that was wrong: better end it than let it outlive its 12 hours.
bool Session::is_alive(std::int64_t now_us) const {
  return now_us < expires_us && now_us - last_used_us.load(std::memory_order_relaxed) < kIdle_us &&
         now_us + kClockStep_us >= created_us;
}

Identity::State::State(CredentialStore& credentials, base::Worker& control_worker, const base::Clock& used_clock,
                       base::Random& used_random)
    : store(credentials),
      control(control_worker),
      clock(used_clock),
      random(used_random),
      unmatched_hash(make_unmatched_hash(used_random)),
      limits(used_clock),
      hashing(std::make_unique<base::Worker>("hashing", kHashesWaiting, kHashThreads)) {}

Identity::Identity(CredentialStore& store, base::Worker& control, const base::Clock& clock, base::Random& random) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be used on this machine");
  state_ = std::make_shared<State>(store, control, clock, random);
  state_->load();
}

Identity::~Identity() {
  state_->ending = true;
  state_->hashing.reset();
}

void Identity::State::load() {
  const auto now_us = clock.now_us();
  auto known_users = store.load_users();
  if (!known_users) throw boost::system::system_error(known_users.error(), "the registry's users");
  auto known_sessions = store.load_sessions(now_us);
  if (!known_sessions) throw boost::system::system_error(known_sessions.error(), "the registry's sessions");
  auto known_api_tokens = store.load_api_tokens(now_us);
  if (!known_api_tokens) throw boost::system::system_error(known_api_tokens.error(), "the registry's API tokens");
  auto known_invitations = store.load_invitations(now_us);
  if (!known_invitations) throw boost::system::system_error(known_invitations.error(), "the registry's invitations");
  auto known_tokens = store.load_device_tokens();
  if (!known_tokens) throw boost::system::system_error(known_tokens.error(), "the registry's device tokens");
  auto known_certificates = store.load_certificates();
  if (!known_certificates) throw boost::system::system_error(known_certificates.error(), "the registry's certificates");

  const std::unique_lock lock(mutex);
  for (auto& user : *known_users) {
    user_names.emplace(user.id, user.name);
    users.emplace(user.name, std::move(user));
  }
  for (const auto& record : *known_sessions) {
    auto session = std::make_unique<Session>();
    session->user = record.user;
    session->created_us = record.created_us;
    session->expires_us = record.expires_us;
    session->last_used_us = session->last_used_stored_us = record.last_used_us;
    if (session->is_alive(now_us)) sessions.emplace(record.token_sha256, std::move(session));
  }
  for (auto& record : *known_api_tokens) {
    auto token = std::make_unique<HeldApiToken>();
    token->last_used_us = record.last_used_us;
    auto key = record.token_sha256;
    token->record = std::move(record);
    api_tokens.emplace(std::move(key), std::move(token));
  }
  for (auto& invitation : *known_invitations) {
    auto key = invitation.token_sha256;
    invitations.emplace(std::move(key), std::move(invitation));
  }
  for (auto& token : *known_tokens) device_tokens.emplace(std::move(token.token_sha256), std::move(token.device));
  for (auto& certificate : *known_certificates) {
    auto serial = certificate.serial_hex;
    certificates.emplace(std::move(serial), std::move(certificate));
  }
  if (users.empty()) setup_code = make_code(kSetupCodeLength, random);
}

bool Identity::State::hash_later(std::function<void()> task, bool slow) {
  auto unless_ending = [state = this, task = std::move(task)] {
    if (state->ending) return;
    ++state->counters.hashes;
    task();
  };
  if (!slow) {
    const bool is_taken = hashing->try_post(std::move(unless_ending));
    if (!is_taken) ++counters.crowded_out;
    return is_taken;
  }
  if (slowed.fetch_add(1) >= kSlowedWaiting) {
    slowed.fetch_sub(1);
    ++counters.crowded_out;
    return false;
  }
  ++counters.slowed;
  hashing->post_after(kSlowedBy_us, [state = this, task = std::move(unless_ending)] {
    state->slowed.fetch_sub(1);
    task();
  });
  return true;
}

bool Identity::needs_setup() const {
  const std::shared_lock lock(state_->mutex);
  return state_->users.empty();
}

std::string Identity::setup_code() const {
  const std::shared_lock lock(state_->mutex);
  return state_->setup_code;
}

std::optional<Principal> Identity::State::principal_of(const std::string& token_sha256) const {
  const auto now_us = clock.now_us();
  const std::shared_lock lock(mutex);
  UserId of_user;
  Scopes scopes = kEveryScope;
  bool is_token = false;
  std::string credential_id;
  if (const auto found = sessions.find(token_sha256); found != sessions.end()) {
    if (!found->second->is_alive(now_us)) return std::nullopt;
    found->second->last_used_us.store(now_us, std::memory_order_relaxed);
    of_user = found->second->user;
  } else if (const auto token = api_tokens.find(token_sha256); token != api_tokens.end()) {
    if (!token->second->is_alive(now_us)) return std::nullopt;
    token->second->last_used_us.store(now_us, std::memory_order_relaxed);
    of_user = token->second->record.user;
    scopes = token->second->record.scopes;
    is_token = true;
    credential_id = token->second->record.id;
  } else {
    return std::nullopt;
  }
  const auto named = user_names.find(of_user);
  if (named == user_names.end()) return std::nullopt;
  const auto& user = users.at(named->second);
  const auto role = role_from(user.role);
  if (!role) return std::nullopt;
  return Principal{
      user.id, user.name, *role, DeviceId{}, token_sha256, user.groups, scopes, is_token, std::move(credential_id)};
}

// Called after each use; writes each five minutes only.
void Identity::State::store_use(const std::string& token_sha256) {
  {
    const std::shared_lock lock(mutex);
    const auto found = sessions.find(token_sha256);
    if (found == sessions.end()) return;
    auto& session = *found->second;
    const auto used_us = session.last_used_us.load(std::memory_order_relaxed);
    auto stored_us = session.last_used_stored_us.load(std::memory_order_relaxed);
    if (used_us - stored_us < kStoreUseEvery_us) return;
    if (!session.last_used_stored_us.compare_exchange_strong(stored_us, used_us)) return;  // another thread does it
  }
  (void)control.try_post([state = shared_from_this(), token_sha256] {
    SessionRecord record;
    {
      const std::shared_lock lock(state->mutex);
      const auto found = state->sessions.find(token_sha256);
      if (found == state->sessions.end()) return;  // signed out meanwhile
      const auto& session = *found->second;
      record = {token_sha256, session.user, session.created_us, session.expires_us,
                session.last_used_us.load(std::memory_order_relaxed)};
    }
    (void)state->store.put_session(record);  // a lost one only shortens the idle limit after a restart
  });
}

std::optional<Principal> Identity::session(std::string_view cookie_token) {
  if (cookie_token.empty() || cookie_token.size() > kMaxTokenBytes) return std::nullopt;
  const auto hash = sha256_hex(cookie_token);
  auto who = state_->principal_of(hash);
  if (!who || who->is_token) return std::nullopt;  // an API token is no cookie: no browser has one
  state_->store_use(hash);
  return who;
}

std::optional<Principal> Identity::refreshed(const std::string& session_key) const {
  if (auto who = state_->principal_of(session_key)) {
    state_->store_use(session_key);
    return who;
  }
  const std::shared_lock lock(state_->mutex);
  const auto device = state_->device_tokens.find(session_key);
  if (device == state_->device_tokens.end()) {
    return state_->device_of_certificate(session_key);
  }
  return Principal{UserId{}, device->second.str(), Role::viewer, device->second, session_key};
}

void Identity::sign_out(std::string_view cookie_token) {
  if (cookie_token.empty() || cookie_token.size() > kMaxTokenBytes) return;
  const auto hash = sha256_hex(cookie_token);
  {
    const std::unique_lock lock(state_->mutex);
    if (state_->sessions.erase(hash) == 0) return;
  }
  state_->control.post([state = state_, hash] { (void)state->store.remove_session(hash); });
}

std::optional<Principal> Identity::device_by_token(std::string_view token) const {
  if (token.empty() || token.size() > kMaxTokenBytes) return std::nullopt;
  auto hash = sha256_hex(token);
  const std::shared_lock lock(state_->mutex);
  const auto found = state_->device_tokens.find(hash);
  if (found == state_->device_tokens.end()) return std::nullopt;
  return Principal{UserId{}, found->second.str(), Role::viewer, found->second, std::move(hash)};
}

Identity::Counters Identity::counters() const {
  const auto& c = state_->counters;
  return {c.sign_ins, c.failed, c.refused, c.crowded_out, c.slowed, c.hashes};
}

void Identity::on_device_created(std::function<void(const DeviceRecord&)> hook) {
  state_->created_hook = std::move(hook);
}

void Identity::on_device_revoked(std::function<void(const DeviceId&)> hook) {
  state_->revoked_hook = std::move(hook);
}

}  // namespace hub
