// Users, sessions, API tokens, invitations, enrolment tokens, device tokens and certificates. Secrets arrive hashed.
// Called on the control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"
#include "hub/storage/device_store.h"

namespace hub {

struct UserRecord {
  UserId id;
  std::string name;
  std::string password_hash;  // Argon2id, libsodium's string form
  std::string role;
  std::int64_t created_us = 0;
  std::vector<std::string> groups{};  // of devices; see Principal
};
struct SessionRecord {
  std::string token_sha256;  // hex
  UserId user;
  std::int64_t created_us = 0, expires_us = 0, last_used_us = 0;
};
struct ApiTokenRecord {
  std::string id, token_sha256;  // hex
  UserId user;
  std::string name;
  std::uint8_t scopes = 0;  // bits of hub::Scope
  std::int64_t created_us = 0, expires_us = 0 /* never */, last_used_us = 0;
};
struct InvitationRecord {
  std::string id, token_sha256, role;
  std::vector<std::string> groups;
  std::string invited_by;  // a user's name
  std::int64_t created_us = 0, expires_us = 0;
};
struct EnrolmentRecord {
  std::string id, token_sha256, device_name;
  std::map<std::string, std::string> tags;
  std::int64_t created_us = 0, expires_us = 0;
  std::uint32_t uses_left = 0;
  bool keep_token = false;  // beside the certificate
};
struct DeviceTokenRecord {
  DeviceId device;
  std::string token_sha256;
  std::int64_t created_us = 0;
};

struct CertificateRecord {
  std::string serial_hex;
  DeviceId device;
  std::int64_t not_before_us = 0, not_after_us = 0, created_us = 0;
  std::int64_t used_us = 0;     // 0: not yet
  std::string retires_token{};  // SHA-256 of the bearer token that the first use ends; empty: none
};

class CredentialStore {
 public:
  virtual ~CredentialStore() = default;
  virtual Result<std::vector<UserRecord>> load_users() = 0;
  /// By name: inserts, or replaces hash, role and groups and ends that user's sessions but `kept_session` (a SHA-256).
  virtual Result<void> put_user(const UserRecord& user, const std::string& kept_session = "") = 0;
  virtual Result<void> change_rights(const UserId& user, const std::string& role,
                                     const std::vector<std::string>& groups) = 0;
  virtual Result<void> remove_user(const UserId& user) = 0;  // with its sessions and API tokens
  virtual Result<std::vector<SessionRecord>> load_sessions(std::int64_t now_us) = 0;
  virtual Result<void> put_session(const SessionRecord& session) = 0;
  virtual Result<void> remove_session(const std::string& token_sha256) = 0;
  virtual Result<std::vector<ApiTokenRecord>> load_api_tokens(std::int64_t now_us) = 0;
  virtual Result<void> put_api_token(const ApiTokenRecord& token) = 0;  // by id: inserts, or changes last_used_us
  virtual Result<void> remove_api_token(const std::string& id) = 0;
  virtual Result<std::vector<InvitationRecord>> load_invitations(std::int64_t now_us) = 0;  // the oldest first
  virtual Result<void> put_invitation(const InvitationRecord& invitation) = 0;
  virtual Result<void> remove_invitation(const std::string& id) = 0;
  /// One transaction: the invitation goes, the user comes. errc::gone: there is no such invitation; errc::conflict: the
  /// name is taken.
  virtual Result<void> accept_invitation(const std::string& id, const UserRecord& user) = 0;
  virtual Result<void> put_enrolment(const EnrolmentRecord& enrolment) = 0;
  virtual Result<std::optional<EnrolmentRecord>> find_enrolment(const std::string& token_sha256) = 0;
  /// One transaction: uses_left - 1 (where an enrolment is given), the device row, its token and its certificate (where
  /// one is given). errc::conflict: name taken; errc::gone: no uses left.
  virtual Result<void> enrol_device(const std::string& enrolment_id, const DeviceRecord& device,
                                    const DeviceTokenRecord& token, const CertificateRecord* certificate = nullptr) = 0;
  virtual Result<std::vector<DeviceTokenRecord>> load_device_tokens() = 0;
  /// Those that are not revoked.
  virtual Result<std::vector<CertificateRecord>> load_certificates() = 0;
  /// Adds the successor of `replaced`; other certificates of the device that were never used go. Forgets what expired
  /// more than a year ago, of any device.
  virtual Result<void> put_certificate(const CertificateRecord& certificate, const std::string& replaced) = 0;
  /// The first use: the device's other certificates are revoked, the token that this one retires goes. Of the revoked
  /// ones the newest eight stay, for whoever looks back.
  virtual Result<void> use_certificate(const CertificateRecord& certificate, std::int64_t now_us) = 0;
  /// Tokens and certificates.
  virtual Result<void> revoke_device(const DeviceId& device, std::int64_t now_us) = 0;
};

}  // namespace hub
