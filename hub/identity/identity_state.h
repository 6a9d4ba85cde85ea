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

/// Users and device tokens change on control only, under the unique lock; control itself reads users without one.
/// Sessions begin on control and end on any thread (sign-out), always under the lock. Look-ups take the shared one.
/// Shared, since what is posted to control holds it: Identity may go while that waits.
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

  mutable base::SharedMutex mutex;
  std::map<std::string, UserRecord, std::less<>> users;  // by name
  std::unordered_map<UserId, std::string> user_names;
  std::unordered_map<std::string, std::unique_ptr<Session>> sessions;  // by the token's SHA-256
  std::unordered_map<std::string, DeviceId> device_tokens;             // likewise
  std::string setup_code;
  std::function<void(const DeviceRecord&)> created_hook;
  std::function<void(const DeviceId&)> revoked_hook;

  void load();
  /// False where 64 wait already. A slow one waits 2 s first; at most 16 of them do.
  bool hash_later(std::function<void()> task, bool slow = false);
  std::optional<Principal> principal_of(const std::string& token_sha256) const;  // alive only; counts as a use
  void store_use(const std::string& token_sha256);

  // On control.
  Outcome<SessionGrant> open_session(const UserRecord& user);
  void drop_session(const std::string& token_sha256);
  Outcome<UserId> store_user(const std::string& username, std::string password_hash, Role role);
  Outcome<bool> remove_user(const std::string& username);
  bool is_last_admin(const UserRecord& user) const;
  Outcome<Enrolment> create_enrolment(const EnrolmentRequest& request);
  Outcome<DeviceGrant> redeem(const std::string& token, const std::string& wished_name,
                              std::map<std::string, std::string> attributes);
  Outcome<DeviceGrant> add_device(const std::string& enrolment_id, const std::string& name,
                                  std::map<std::string, std::string> tags,
                                  std::map<std::string, std::string> attributes);
  Outcome<bool> revoke(const DeviceId& device);
};

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
