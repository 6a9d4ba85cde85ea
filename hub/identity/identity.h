// Users, sign-in sessions, the set-up code, enrolment tokens and device credentials.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/identity/principal.h"
#include "hub/storage/credential_store.h"

namespace hub {

struct SessionGrant {
  Principal principal;
  std::string cookie_token;     // secret; the hub keeps its SHA-256 only
  std::int64_t expires_us = 0;  // absolute, 12 h; idle limit 30 min moves within it (live sockets count as activity)
};

struct EnrolmentRequest {
  std::string name;  // fixed device name; empty: the device chooses
  std::map<std::string, std::string> tags;
  std::int64_t ttl_us = 15 * 60 * 1'000'000LL;  // 1 min … 7 days
  std::uint32_t uses = 1;                       // 1 … 10,000
};
struct Enrolment {
  std::string id, token;  // token: shown once
  std::int64_t expires_us = 0;
  std::uint32_t uses = 1;
};
struct DeviceGrant {
  DeviceId device;
  std::string name;
  std::string token;  // bearer device token; the hub keeps its SHA-256 only
};

/// Thread-safe. Look-ups (session, device_by_token) answer from memory on the caller's thread; everything that writes
/// runs on `control` and replies there after the commit. Passwords: Argon2id on a pool of two threads, at most 64
/// waiting, then rate_limited; an unknown name costs the same hash as a known one. Attempts are limited as
/// attempt_limits.h says, then rate_limited. At most 10,000 users and 100 sessions a user (the oldest ends).
/// The constructor loads, and throws boost::system::system_error where the store cannot be read. The destructor answers
/// what waits for a hash with `unavailable`; answers and hooks still on control may run after it.
/// Names of users: 1–64 characters [A-Za-z0-9_.@-].
class Identity {
 public:
  template <class T>
  using Answer = std::function<void(Outcome<T>)>;

  Identity(CredentialStore& store, base::Worker& control, const base::Clock& clock, base::Random& random);
  ~Identity();

  /// True while there is no user: the set-up code signs in nobody else's browser.
  bool needs_setup() const;
  /// The one-time code, made anew at every start while needs_setup(); empty otherwise. 12 characters, printed by
  /// `serve`.
  std::string setup_code() const;
  /// Makes the first admin and signs in. unauthenticated: wrong code; conflict: set up already.
  void set_up(std::string code, std::string username, std::string password, std::string remote,
              Answer<SessionGrant> answer);
  /// Command line and quickstart: add or replace a user without a session. Passwords: 8 … 256 characters. Replacing
  /// ends the user's sessions. conflict: the last admin would lose the role.
  void put_user(std::string username, std::string password, Role role, Answer<UserId> answer);
  struct UserInfo {
    UserId id;
    std::string name;
    Role role;
    std::int64_t created_us;
  };
  std::vector<UserInfo> users() const;
  void remove_user(std::string username, Answer<bool> answer);  // conflict: the last admin

  void sign_in(std::string username, std::string password, std::string remote, Answer<SessionGrant> answer);
  void sign_out(std::string_view cookie_token);
  /// Touches the idle limit. Nothing where unknown or expired.
  std::optional<Principal> session(std::string_view cookie_token);
  /// Whether a live socket of this sign-in may stay open; counts as activity, as session() does. The last use is stored
  /// each 5 minutes, so a restart may shorten the idle limit by as much.
  bool is_session_alive(const std::string& session_key) const;

  void create_enrolment(EnrolmentRequest request, Answer<Enrolment> answer);
  /// Makes a device (or fails: gone = expired or used up, unauthenticated = unknown, conflict = name taken).
  void redeem_enrolment(std::string token, std::string wished_name, std::map<std::string, std::string> attributes,
                        Answer<DeviceGrant> answer);
  /// Makes a device directly (CLI `enroll --name`, quickstart, simulation).
  void create_device(std::string name, std::map<std::string, std::string> tags, Answer<DeviceGrant> answer);
  std::optional<Principal> device_by_token(std::string_view token) const;
  /// Ends the device's credentials; true where it had any. The caller closes its socket, or on_device_revoked does.
  void revoke_device(DeviceId device, Answer<bool> answer);

  /// Called on control, after the commit and before the answer: App tells the registry, closes the device's socket.
  /// Set once, before the first use.
  void on_device_created(std::function<void(const DeviceRecord&)> hook);
  void on_device_revoked(std::function<void(const DeviceId&)> hook);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
