// What Identity holds; shared by the files that implement it, included by nobody else.
#pragma once

#include <atomic>
#include <shared_mutex>
#include <unordered_map>

#include "base/shared_mutex.h"
#include "hub/identity/attempt_limits.h"
#include "hub/identity/identity.h"

namespace hub {

/// Carries an answer through the hash pool to control. Whoever drops it unanswered (a pool that ends) has answered
/// `unavailable`: a caller never waits for ever.
template <class T>
class Waiting {
 public:
  Waiting(base::Worker& control, Identity::Answer<T> answer) : control_(control), answer_(std::move(answer)) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (!answer_) return;
    control_.post([answer = std::move(answer_)] {
      answer(Problem{errc::unavailable, "The hub is shutting down.", ""});
    });
  }
  /// Once. On control, or on the caller's thread before any work was taken on.
  void operator()(Outcome<T> outcome) { std::exchange(answer_, nullptr)(std::move(outcome)); }

 private:
  base::Worker& control_;
  Identity::Answer<T> answer_;
};
template <class T>
using WaitingPtr = std::shared_ptr<Waiting<T>>;

/// A sign-in in memory. The times that every request touches change under the shared lock.
struct Session {
  UserId user;
  std::int64_t created_us = 0, expires_us = 0;
  std::atomic<std::int64_t> last_used_us{0}, last_used_stored_us{0};
  bool is_alive(std::int64_t now_us) const;
};

/// An API token in memory; likewise.
struct HeldApiToken {
  ApiTokenRecord record;  // its last_used_us is what the store has
  std::atomic<std::int64_t> last_used_us{0};
  bool is_alive(std::int64_t now_us) const { return record.expires_us == 0 || now_us < record.expires_us; }
};

/// A ticket in memory. A wall clock that is put back ends it too.
struct HeldTicket {
  std::string session_key;
  std::int64_t made_us = 0, expires_us = 0;
  bool is_alive(std::int64_t now_us) const { return made_us <= now_us && now_us < expires_us; }
};

/// Users, API tokens, invitations, device tokens and certificates change on control only, under the unique lock;
/// control itself reads users without one. Sessions begin on control and end on any thread (sign-out), always under the
/// lock. Look-ups take the shared one. Shared, since what is posted to control holds it: Identity may go while that
/// waits.
struct Identity::State : std::enable_shared_from_this<Identity::State> {
  State(CredentialStore& credentials, base::Worker& control_worker, const base::Clock& used_clock,
        base::Random& used_random);

  CredentialStore& store;
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  const std::string unmatched_hash;
  AttemptLimits limits;
  std::atomic<bool> ending{false};
  std::atomic<int> slowed{0};
  std::unique_ptr<base::Worker> hashing;  // ended by ~Identity, never by the last task that holds this state

  struct {
    std::atomic<std::uint64_t> sign_ins{0}, failed{0}, refused{0}, crowded_out{0}, slowed{0}, hashes{0};
  } counters;

  mutable base::SharedMutex mutex;
  std::map<std::string, UserRecord, std::less<>> users;  // by name
  std::unordered_map<UserId, std::string> user_names;
  std::unordered_map<std::string, std::unique_ptr<Session>> sessions;         // by the token's SHA-256
  std::unordered_map<std::string, std::unique_ptr<HeldApiToken>> api_tokens;  // likewise
  std::unordered_map<std::string, InvitationRecord> invitations;              // likewise
  std::unordered_map<std::string, DeviceId> device_tokens;                    // likewise
  std::unordered_map<std::string, HeldTicket> tickets;                        // likewise; of any thread, bounded there
  std::unordered_map<std::string, CertificateRecord> certificates;            // by serial; at most two a device
  std::string setup_code;
  wire::KeyAndCertificate device_ca;  // on control
  std::int64_t certificate_lifetime_us = 0;
  std::function<void(const DeviceRecord&)> created_hook;
  std::function<void(const DeviceId&)> revoked_hook;

  void load();
  /// False where 64 wait already. A slow one waits 2 s first; at most 16 of them do.
  bool hash_later(std::function<void()> task, bool slow = false);
  /// Of a session or an API token that is alive; counts as a use.
  std::optional<Principal> principal_of(const std::string& token_sha256) const;
  /// By Principal::session_key, under either lock.
  std::optional<Principal> device_of_certificate(const std::string& session_key) const;
  void store_use(const std::string& token_sha256);
  void store_api_token_use(const std::string& token_sha256);

  // On control.
  Outcome<SessionGrant> open_session(const UserRecord& user);
  void drop_session(const std::string& token_sha256);
  Outcome<UserId> store_user(const std::string& username, std::string password_hash, Role role,
                             std::vector<std::string> groups, const std::string& kept_session = "");
  Outcome<bool> change_rights(const std::string& username, std::optional<Role> role,
                              std::optional<std::vector<std::string>> groups);
  Outcome<bool> remove_user(const std::string& username);
  bool is_last_admin(const UserRecord& user) const;
  Outcome<ApiToken> create_api_token(const ApiTokenRequest& request);
  Outcome<bool> remove_api_token(const std::string& id);
  Outcome<Invitation> invite(const InvitationRequest& request);
  Outcome<bool> remove_invitation(const std::string& id);
  Outcome<SessionGrant> accept_invitation(const std::string& token_sha256, const std::string& username,
                                          std::string password_hash);
  Outcome<InvitationRecord> find_invitation(const std::string& token_sha256) const;
  Outcome<Enrolment> create_enrolment(const EnrolmentRequest& request);
  Outcome<DeviceGrant> redeem(const std::string& token, const std::string& wished_name,
                              std::map<std::string, std::string> attributes, const std::string& signing_request);
  Outcome<DeviceGrant> add_device(const std::string& enrolment_id, const std::string& name,
                                  std::map<std::string, std::string> tags,
                                  std::map<std::string, std::string> attributes,
                                  const std::string& signing_request = {}, bool keep_token = false);
  /// Signs; stores nothing. Fills the record's serial and times.
  Outcome<std::string> sign_certificate(const std::string& signing_request, CertificateRecord& record) const;
  Outcome<std::string> renew_certificate(const std::string& serial_hex, const std::string& signing_request);
  void use_certificate(const std::string& serial_hex);
  Outcome<bool> revoke(const DeviceId& device);
};

/// user_checks.cpp: the first thing wrong with what someone wishes for a user.
std::optional<Problem> check_new_user(const std::string& username, const std::string& password);
std::optional<Problem> check_password(const std::string& password, const char* field);
/// Sorts them, and takes out what is there twice.
std::optional<Problem> check_groups(std::vector<std::string>& groups);
std::optional<Problem> check_ttl(std::int64_t ttl_us, std::int64_t longest_us, const char* allowed);
bool is_username(std::string_view name);
inline constexpr std::size_t kPasswordBytes = 1'024;  // longer ones are not worth a hash
inline constexpr std::size_t kUsers = 10'000;
inline constexpr std::int64_t kStoreUseEvery_us = 5 * 60 * 1'000'000LL;

inline Problem too_many_attempts() {
  return {errc::rate_limited, "Too many attempts; try again in a minute.", ""};
}
inline Problem too_many_hashes() {
  return {errc::rate_limited, "Too many people sign in at the moment; try again in a few seconds.", ""};
}
inline Problem no_memory_to_hash() {
  return {errc::unavailable, "There is not enough memory to hash the password.", ""};
}

inline Problem credentials_not_stored(const error_code& ec) {
  return {to_errc(ec), "The credentials could not be read or written: " + ec.message() + ".", ""};
}

/// Runs `work` on control and answers with what it returns; a full queue is answered at once.
template <class T, class Work>
void answer_on_control(base::Worker& control, Identity::Answer<T> answer, Work work) {
  const bool posted = control.try_post([answer, work = std::move(work)]() mutable { answer(work()); });
  if (!posted) answer(Problem{errc::busy, "The hub has too much to do; try again in a moment.", ""});
}

}  // namespace hub
