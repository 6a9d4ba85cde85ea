// Users, sign-in sessions, API tokens, invitations, the set-up code, enrolment tokens and device credentials.
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
#include "wire/tls_context.h"

namespace hub {

struct SessionGrant {
  Principal principal;
  std::string cookie_token;     // secret; the hub keeps its SHA-256 only
  std::int64_t expires_us = 0;  // absolute, 12 h; idle limit 30 min moves within it (live sockets count as activity)
};

struct ApiTokenRequest {
  UserId user;              // whom the token acts for
  std::string name;         // what it is for; 1 … 64 characters
  Scopes scopes = 0;        // at least one
  std::int64_t ttl_us = 0;  // 0: until it is removed; else 1 min … 10 years
};
struct ApiToken {
  std::string id, token;  // token: shown once
  std::int64_t expires_us = 0;
};
struct Ticket {
  std::string ticket;  // secret
  std::int64_t expires_us = 0;
};
struct InvitationRequest {
  Role role = Role::viewer;
  std::vector<std::string> groups;
  std::int64_t ttl_us = 3 * 24 * 3600 * 1'000'000LL;  // 1 min … 30 days
  std::string invited_by;
};
struct Invitation {
  std::string id, token;  // token: shown once
  std::int64_t expires_us = 0;
};

struct EnrolmentRequest {
  std::string name;  // fixed device name; empty: the device chooses
  std::map<std::string, std::string> tags;
  std::int64_t ttl_us = 15 * 60 * 1'000'000LL;  // 1 min … 7 days
  std::uint32_t uses = 1;                       // 1 … 10,000
  bool keep_token = false;                      // the bearer token outlives the first use of a certificate
};
struct Enrolment {
  std::string id, token;  // token: shown once
  std::int64_t expires_us = 0;
  std::uint32_t uses = 1;
};
struct DeviceGrant {
  DeviceId device;
  std::string name;
  std::string token;            // bearer device token; the hub keeps its SHA-256 only
  std::string certificate_pem;  // with the device CA's behind it; empty where none was asked for
};

/// Thread-safe. Look-ups (session, api_token, device_by_token, device_by_certificate) answer from memory on the
/// caller's thread; everything that writes runs on `control` and replies there after the commit. Passwords: Argon2id on
/// a pool of two threads, at most 64 waiting, then rate_limited; an unknown name costs the same hash as a known one.
/// Attempts are limited as attempt_limits.h says, then rate_limited. At most 10,000 users, 100 sessions a user (the
/// oldest ends), 100 API tokens a user and 1,000 invitations (too_large). The constructor loads, and throws
/// boost::system::system_error where the store cannot be read. The destructor answers what waits for a hash with
/// `unavailable`; answers and hooks still on control may run after it. Names of users: 1–64 characters [A-Za-z0-9_.@-].
/// Groups of users: at most 64 names of device groups, or "*"; that there is such a group is not checked here.
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
  /// Adds or replaces a user without a session. Passwords: 8 … 256 characters. Replacing ends the user's sessions, not
  /// their API tokens. conflict: the last admin would lose the role.
  void put_user(std::string username, std::string password, Role role, std::vector<std::string> groups,
                Answer<UserId> answer);
  /// What is not given stays. Sessions go on, with the new rights. conflict: the last admin would lose the role.
  void change_rights(std::string username, std::optional<Role> role, std::optional<std::vector<std::string>> groups,
                     Answer<bool> answer);
  /// The user's own: the old password is checked as at a sign-in, and limited likewise; every other session of the user
  /// ends.
  void change_password(const Principal& who, std::string old_password, std::string new_password, std::string remote,
                       Answer<bool> answer);
  struct UserInfo {
    UserId id;
    std::string name;
    Role role;
    std::int64_t created_us;
    std::vector<std::string> groups{};
  };
  std::vector<UserInfo> users() const;
  std::optional<UserInfo> user(std::string_view username) const;
  void remove_user(std::string username, Answer<bool> answer);  // conflict: the last admin

  void sign_in(std::string username, std::string password, std::string remote, Answer<SessionGrant> answer);
  void sign_out(std::string_view cookie_token);
  /// Touches the idle limit. Nothing where unknown or expired.
  std::optional<Principal> session(std::string_view cookie_token);
  /// Who a credential stands for now: what a live socket asks each second. Nothing: it must close. Counts as activity,
  /// as session() does. The last use is stored each 5 minutes, so a restart may shorten the idle limit by as much.
  std::optional<Principal> refreshed(const std::string& session_key) const;

  void create_api_token(ApiTokenRequest request, Answer<ApiToken> answer);
  /// Nothing where unknown or expired.
  std::optional<Principal> api_token(std::string_view token);
  /// Without secrets; last_used_us is up to date. The oldest first.
  std::vector<ApiTokenRecord> api_tokens() const;
  void remove_api_token(std::string id, Answer<bool> answer);  // not_found

  /// Opens one live stream within 30 s, in the name of `who`'s credential: with its rights, and no longer than it. Kept
  /// in memory only. rate_limited: 100 of that credential, or 10,000 in all, have not been used.
  Outcome<Ticket> make_ticket(const Principal& who);
  /// Whom it stands for; used up by that. Nothing where it is unknown, used, too old, or its credential has ended.
  std::optional<Principal> use_ticket(std::string_view ticket);

  void invite(InvitationRequest request, Answer<Invitation> answer);
  std::vector<InvitationRecord> invitations() const;            // those that can still be accepted
  void remove_invitation(std::string id, Answer<bool> answer);  // not_found
  /// What the holder of the token would become. gone: accepted, withdrawn or expired.
  Outcome<InvitationRecord> invitation(std::string_view token) const;
  /// Makes the user and signs in. gone, as above; conflict: the name is taken.
  void accept_invitation(std::string token, std::string username, std::string password, Answer<SessionGrant> answer);

  void create_enrolment(EnrolmentRequest request, Answer<Enrolment> answer);
  /// Makes a device (or fails: gone = expired or used up, unauthenticated = unknown, conflict = name taken).
  /// With a signing request (PKCS #10, DER or PEM) the device gets a certificate too; its first use retires the token,
  /// unless the enrolment says keep_token. invalid_argument: the request is not one for a P-256 key; the token is not
  /// used up by that.
  void redeem_enrolment(std::string token, std::string wished_name, std::map<std::string, std::string> attributes,
                        Answer<DeviceGrant> answer, std::string signing_request = {});
  /// Makes a device directly (CLI `enroll --name`, quickstart, simulation).
  void create_device(std::string name, std::map<std::string, std::string> tags, Answer<DeviceGrant> answer);
  /// Makes a device that an admin approved, with a certificate for its signing request.
  void enrol_approved(std::string name, std::map<std::string, std::string> tags,
                      std::map<std::string, std::string> attributes, std::string signing_request,
                      Answer<DeviceGrant> answer);
  std::optional<Principal> device_by_token(std::string_view token) const;
  /// What signs devices' certificates from now on, and how long they are valid. Any thread; until then none is given.
  void issue_certificates_with(wire::KeyAndCertificate device_ca, std::int64_t lifetime_us);
  /// Asked at every upgrade, with the serial of a certificate that TLS has verified. Nothing where it is unknown,
  /// revoked, or expired for more than a year; one expired for less may_only_renew. The first use is stored: it ends
  /// the device's other certificates and the token that came with it.
  std::optional<Principal> device_by_certificate(const std::string& serial_hex);
  /// A successor of the certificate `serial_hex`, as PEM with the device CA's behind it. Both are valid until the new
  /// one is used; one that was made before and never used ends. unauthenticated: not known or revoked; invalid_argument
  /// as at redeem_enrolment.
  void renew_certificate(std::string serial_hex, std::string signing_request, Answer<std::string> answer);
  /// Ends the device's credentials; true where it had any. The caller closes its socket, or on_device_revoked does.
  void revoke_device(DeviceId device, Answer<bool> answer);

  struct Counters {
    std::uint64_t sign_ins = 0, failed = 0;  // by password
    std::uint64_t refused = 0;               // too many attempts: no hash was made
    std::uint64_t crowded_out = 0;           // no place among those that wait for a hash
    std::uint64_t slowed = 0, hashes = 0;
  };
  Counters counters() const;

  /// Called on control, after the commit and before the answer: App tells the registry, closes the device's socket.
  /// Set once, before the first use.
  void on_device_created(std::function<void(const DeviceRecord&)> hook);
  void on_device_revoked(std::function<void(const DeviceId&)> hook);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
