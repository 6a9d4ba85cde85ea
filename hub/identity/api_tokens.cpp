// Identity's API tokens: programs that act for a user.
#include <algorithm>
#include <mutex>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"
#include "wire/frame_codec.h"

namespace hub {
namespace {

constexpr std::size_t kTokensPerUser = 100;
constexpr std::int64_t kLongestToken_us = 10LL * 366 * 24 * 3600 * 1'000'000;
// So that a program which looks for lost secrets knows ours.
constexpr char kPrefix[] = "thub_";

}  // namespace

void Identity::create_api_token(ApiTokenRequest request, Answer<ApiToken> answer) {
  answer_on_control<ApiToken>(state_->control, std::move(answer), [state = state_, request = std::move(request)] {
    return state->create_api_token(request);
  });
}

Outcome<ApiToken> Identity::State::create_api_token(const ApiTokenRequest& request) {
  if (request.name.empty() || request.name.size() > 64 || !wire::is_utf8(request.name)) {
    return Problem{errc::invalid_argument, "A token's name has 1 to 64 characters; it says what the token is for.",
                   "/name"};
  }
  if (request.scopes == 0 || request.scopes > kEveryScope) {
    return Problem{errc::invalid_argument, "A token has at least one scope of read, ingest, command and admin.",
                   "/scopes"};
  }
  if (request.ttl_us != 0) {
    if (auto problem = check_ttl(request.ttl_us, kLongestToken_us, "1 minute to 10 years, or left out"))
      return std::move(*problem);
  }
  if (!user_names.contains(request.user)) return Problem{errc::not_found, "There is no such user any more.", ""};
  const auto now_us = clock.now_us();
  const auto held = std::ranges::count_if(api_tokens, [&](const auto& token) {
    return token.second->record.user == request.user && token.second->is_alive(now_us);
  });
  if (static_cast<std::size_t>(held) >= kTokensPerUser) {
    return Problem{errc::too_large, "A user has at most 100 tokens; remove one first.", ""};
  }
  ApiToken made;
  made.id = make_id('t', random);
  made.token = kPrefix + make_token(random);
  made.expires_us = request.ttl_us == 0 ? 0 : now_us + request.ttl_us;
  auto token = std::make_unique<HeldApiToken>();
  token->record = {made.id, sha256_hex(made.token), request.user, request.name, request.scopes, now_us, made.expires_us,
                   0};
  if (auto done = store.put_api_token(token->record); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  std::erase_if(api_tokens, [now_us](const auto& other) { return !other.second->is_alive(now_us); });
  auto key = token->record.token_sha256;
  api_tokens.emplace(std::move(key), std::move(token));
  return made;
}

std::optional<Principal> Identity::api_token(std::string_view token) {
  if (!token.starts_with(kPrefix) || token.size() > kMaxTokenBytes) return std::nullopt;
  const auto hash = sha256_hex(token);
  auto who = state_->principal_of(hash);
  if (who) state_->store_api_token_use(hash);
  return who;
}

// Called after each use; writes each five minutes only.
void Identity::State::store_api_token_use(const std::string& token_sha256) {
  {
    const std::shared_lock lock(mutex);
    const auto found = api_tokens.find(token_sha256);
    if (found == api_tokens.end()) return;
    const auto& token = *found->second;
    if (token.last_used_us.load(std::memory_order_relaxed) - token.record.last_used_us < kStoreUseEvery_us) return;
  }
  (void)control.try_post([state = shared_from_this(), token_sha256] {
    ApiTokenRecord record;
    {
      const std::unique_lock lock(state->mutex);
      const auto found = state->api_tokens.find(token_sha256);
      if (found == state->api_tokens.end()) return;  // removed meanwhile
      auto& token = *found->second;
      const auto used_us = token.last_used_us.load(std::memory_order_relaxed);
      if (used_us - token.record.last_used_us < kStoreUseEvery_us) return;  // another use has done it
      token.record.last_used_us = used_us;
      record = token.record;
    }
    (void)state->store.put_api_token(record);  // a lost one only makes the list say an older time
  });
}

std::vector<ApiTokenRecord> Identity::api_tokens() const {
  std::vector<ApiTokenRecord> all;
  const auto now_us = state_->clock.now_us();
  {
    const std::shared_lock lock(state_->mutex);
    for (const auto& [hash, token] : state_->api_tokens) {
      if (!token->is_alive(now_us)) continue;
      all.push_back(token->record);
      all.back().token_sha256.clear();
      all.back().last_used_us = token->last_used_us.load(std::memory_order_relaxed);
    }
  }
  std::ranges::sort(all, {}, [](const ApiTokenRecord& token) { return std::tie(token.created_us, token.id); });
  return all;
}

void Identity::remove_api_token(std::string id, Answer<bool> answer) {
  answer_on_control<bool>(state_->control, std::move(answer),
                          [state = state_, id = std::move(id)] { return state->remove_api_token(id); });
}

Outcome<bool> Identity::State::remove_api_token(const std::string& id) {
  const auto found = std::ranges::find_if(api_tokens, [&](const auto& token) { return token.second->record.id == id; });
  if (found == api_tokens.end()) return Problem{errc::not_found, "There is no token " + id.substr(0, 64) + ".", ""};
  if (auto done = store.remove_api_token(id); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  api_tokens.erase(found);
  return true;
}

}  // namespace hub
