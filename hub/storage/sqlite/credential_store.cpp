#include "hub/storage/credential_store.h"

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/hub_database.h"
#include "hub/storage/sqlite/json_columns.h"

namespace hub::sqlite {
namespace {

// Long enough that whoever holds an old token is told "expired", not "unknown".
constexpr std::int64_t kExpiredEnrolmentKept_us = 30LL * 24 * 3600 * 1'000'000;
// An expired certificate may renew for a year.
constexpr std::int64_t kExpiredCertificateKept_us = 366LL * 24 * 3600 * 1'000'000;

class SqliteCredentialStore final : public CredentialStore {
 public:
  explicit SqliteCredentialStore(Database& db) : db_(db) {}

  Result<std::vector<UserRecord>> load_users() override {
    std::vector<UserRecord> users;
    const auto done = load_users_.each([&](const Statement& row) {
      users.push_back({UserId(std::string(row.text(0))), std::string(row.text(1)), std::string(row.text(2)),
                       std::string(row.text(3)), row.integer(4)});
      return from_json_text(row.text(5), users.back().groups);
    });
    if (!done) return done.error();
    return users;
  }

  Result<void> put_user(const UserRecord& user, const std::string& kept_session) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    const auto done = put_user_.run(user.id.str(), user.name, user.password_hash, user.role, user.created_us,
                                    to_json_text(user.groups));
    if (!done) return done.error();
    if (auto ended = end_sessions_.run(user.name, kept_session); !ended) return ended.error();
    return transaction->commit();
  }

  Result<void> change_rights(const UserId& user, const std::string& role,
                             const std::vector<std::string>& groups) override {
    if (auto done = change_rights_.run(user.str(), role, to_json_text(groups)); !done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    return {};
  }

  Result<void> remove_user(const UserId& user) override {
    if (auto done = remove_user_.run(user.str()); !done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    return {};
  }

  Result<std::vector<SessionRecord>> load_sessions(std::int64_t now_us) override {
    if (auto done = drop_expired_sessions_.run(now_us); !done) return done.error();
    std::vector<SessionRecord> sessions;
    const auto done = load_sessions_.each([&](const Statement& row) {
      sessions.push_back(
          {std::string(row.text(0)), UserId(std::string(row.text(1))), row.integer(2), row.integer(3), row.integer(4)});
    });
    if (!done) return done.error();
    return sessions;
  }

  Result<void> put_session(const SessionRecord& session) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = drop_expired_sessions_.run(session.last_used_us); !done) return done.error();
    const auto done = put_session_.run(session.token_sha256, session.user.str(), session.created_us, session.expires_us,
                                       session.last_used_us);
    if (!done) return done.error();
    return transaction->commit();
  }

  Result<void> remove_session(const std::string& token_sha256) override { return remove_session_.run(token_sha256); }

  Result<std::vector<ApiTokenRecord>> load_api_tokens(std::int64_t now_us) override {
    if (auto done = drop_expired_api_tokens_.run(now_us); !done) return done.error();
    std::vector<ApiTokenRecord> tokens;
    const auto done = load_api_tokens_.each([&](const Statement& row) {
      tokens.push_back({std::string(row.text(0)), std::string(row.text(1)), UserId(std::string(row.text(2))),
                        std::string(row.text(3)), static_cast<std::uint8_t>(row.integer(4)), row.integer(5),
                        row.integer(6), row.integer(7)});
    });
    if (!done) return done.error();
    return tokens;
  }

  Result<void> put_api_token(const ApiTokenRecord& token) override {
    return put_api_token_.run(token.id, token.token_sha256, token.user.str(), token.name,
                              static_cast<std::int64_t>(token.scopes), token.created_us, token.expires_us,
                              token.last_used_us);
  }

  Result<void> remove_api_token(const std::string& id) override { return remove_api_token_.run(id); }

  Result<std::vector<InvitationRecord>> load_invitations(std::int64_t now_us) override {
    if (auto done = drop_expired_invitations_.run(now_us); !done) return done.error();
    std::vector<InvitationRecord> invitations;
    const auto done = load_invitations_.each([&](const Statement& row) {
      InvitationRecord invitation;
      invitation.id = row.text(0);
      invitation.token_sha256 = row.text(1);
      invitation.role = row.text(2);
      const bool is_readable = from_json_text(row.text(3), invitation.groups);
      invitation.invited_by = row.text(4);
      invitation.created_us = row.integer(5);
      invitation.expires_us = row.integer(6);
      invitations.push_back(std::move(invitation));
      return is_readable;
    });
    if (!done) return done.error();
    return invitations;
  }

  Result<void> put_invitation(const InvitationRecord& invitation) override {
    return put_invitation_.run(invitation.id, invitation.token_sha256, invitation.role, to_json_text(invitation.groups),
                               invitation.invited_by, invitation.created_us, invitation.expires_us);
  }

  Result<void> remove_invitation(const std::string& id) override {
    if (auto done = remove_invitation_.run(id); !done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    return {};
  }

  Result<void> accept_invitation(const std::string& id, const UserRecord& user) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = remove_invitation_.run(id); !done) return done.error();
    if (db_.changes() == 0) return errc::gone;
    const auto done = add_user_.run(user.id.str(), user.name, user.password_hash, user.role, user.created_us,
                                    to_json_text(user.groups));
    if (!done) return done.error();
    return transaction->commit();
  }

  Result<void> put_enrolment(const EnrolmentRecord& enrolment) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = drop_old_enrolments_.run(enrolment.created_us - kExpiredEnrolmentKept_us); !done)
      return done.error();
    const auto done = put_enrolment_.run(enrolment.id, enrolment.token_sha256, enrolment.device_name,
                                         to_json_text(enrolment.tags), enrolment.created_us, enrolment.expires_us,
                                         enrolment.uses_left, static_cast<std::int64_t>(enrolment.keep_token ? 1 : 0));
    if (!done) return done.error();
    return transaction->commit();
  }

  Result<std::optional<EnrolmentRecord>> find_enrolment(const std::string& token_sha256) override {
    std::optional<EnrolmentRecord> found;
    const auto done = find_enrolment_.each(
        [&](const Statement& row) {
          EnrolmentRecord enrolment;
          enrolment.id = row.text(0);
          enrolment.token_sha256 = row.text(1);
          enrolment.device_name = row.text(2);
          const bool readable = from_json_text(row.text(3), enrolment.tags);
          enrolment.created_us = row.integer(4);
          enrolment.expires_us = row.integer(5);
          enrolment.uses_left = static_cast<std::uint32_t>(row.integer(6));
          enrolment.keep_token = row.integer(7) != 0;
          found = std::move(enrolment);
          return readable;
        },
        token_sha256);
    if (!done) return done.error();
    return found;
  }

  Result<void> enrol_device(const std::string& enrolment_id, const DeviceRecord& device, const DeviceTokenRecord& token,
                            const CertificateRecord* certificate) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (!enrolment_id.empty()) {
      if (auto done = use_enrolment_.run(enrolment_id); !done) return done.error();
      if (db_.changes() == 0) return errc::gone;
    }
    const auto added =
        add_device_.run(device.id.str(), device.name, device.created_us, device.last_seen_us, to_json_text(device.tags),
                        to_json_text(device.attributes), to_json_text(device.commands));
    if (!added) return added.error();
    if (auto done = add_token_.run(token.token_sha256, token.device.str(), token.created_us); !done)
      return done.error();
    if (certificate != nullptr) {
      if (auto done = add_certificate(*certificate); !done) return done.error();
    }
    return transaction->commit();
  }

  Result<std::vector<DeviceTokenRecord>> load_device_tokens() override {
    std::vector<DeviceTokenRecord> tokens;
    const auto done = load_tokens_.each([&](const Statement& row) {
      tokens.push_back({DeviceId(std::string(row.text(1))), std::string(row.text(0)), row.integer(2)});
    });
    if (!done) return done.error();
    return tokens;
  }

  Result<std::vector<CertificateRecord>> load_certificates() override {
    std::vector<CertificateRecord> certificates;
    const auto done = load_certificates_.each([&](const Statement& row) {
      certificates.push_back({std::string(row.text(0)), DeviceId(std::string(row.text(1))), row.integer(2),
                              row.integer(3), row.integer(4), row.integer(5), std::string(row.text(6))});
    });
    if (!done) return done.error();
    return certificates;
  }

  Result<void> put_certificate(const CertificateRecord& certificate, const std::string& replaced) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = drop_old_certificates_.run(certificate.created_us - kExpiredCertificateKept_us); !done) {
      return done.error();
    }
    if (auto done = drop_unused_certificates_.run(certificate.device.str(), replaced); !done) return done.error();
    if (auto done = add_certificate(certificate); !done) return done.error();
    return transaction->commit();
  }

  Result<void> use_certificate(const CertificateRecord& certificate, std::int64_t now_us) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = mark_used_.run(certificate.serial_hex, now_us); !done) return done.error();
    if (auto done = revoke_others_.run(certificate.device.str(), certificate.serial_hex, now_us); !done) {
      return done.error();
    }
    if (auto done = drop_revoked_.run(certificate.device.str()); !done) return done.error();
    if (!certificate.retires_token.empty()) {
      if (auto done = retire_token_.run(certificate.retires_token); !done) return done.error();
    }
    return transaction->commit();
  }

  Result<void> revoke_device(const DeviceId& device, std::int64_t now_us) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = revoke_tokens_.run(device.str()); !done) return done.error();
    if (auto done = revoke_others_.run(device.str(), "", now_us); !done) return done.error();
    return transaction->commit();
  }

 private:
  Result<void> add_certificate(const CertificateRecord& record) {
    return add_certificate_.run(record.serial_hex, record.device.str(), record.not_before_us, record.not_after_us,
                                record.created_us, record.used_us, record.retires_token);
  }

  Database& db_;
  CachedStatement load_users_{db_, "SELECT id, name, password_hash, role, created_us, groups FROM users ORDER BY name"};
  CachedStatement put_user_{
      db_,
      "INSERT INTO users (id, name, password_hash, role, created_us, groups) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT (name) DO UPDATE SET password_hash = ?3, role = ?4, groups = ?6"};
  CachedStatement add_user_{
      db_, "INSERT INTO users (id, name, password_hash, role, created_us, groups) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
  CachedStatement change_rights_{db_, "UPDATE users SET role = ?2, groups = ?3 WHERE id = ?1"};
  CachedStatement end_sessions_{
      db_, "DELETE FROM sessions WHERE user = (SELECT id FROM users WHERE name = ?1) AND token_sha256 <> ?2"};
  CachedStatement remove_user_{db_, "DELETE FROM users WHERE id = ?1"};
  CachedStatement drop_expired_sessions_{db_, "DELETE FROM sessions WHERE expires_us <= ?1"};
  CachedStatement load_sessions_{
      db_, "SELECT token_sha256, user, created_us, expires_us, last_used_us FROM sessions ORDER BY created_us"};
  CachedStatement put_session_{
      db_,
      "INSERT INTO sessions (token_sha256, user, created_us, expires_us, last_used_us) VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT (token_sha256) DO UPDATE SET expires_us = ?4, last_used_us = ?5"};
  CachedStatement remove_session_{db_, "DELETE FROM sessions WHERE token_sha256 = ?1"};
  CachedStatement drop_expired_api_tokens_{db_, "DELETE FROM api_tokens WHERE expires_us > 0 AND expires_us <= ?1"};
  CachedStatement load_api_tokens_{db_,
                                   "SELECT id, token_sha256, user, name, scopes, created_us, expires_us, last_used_us "
                                   "FROM api_tokens ORDER BY created_us, id"};
  CachedStatement put_api_token_{
      db_,
      "INSERT INTO api_tokens (id, token_sha256, user, name, scopes, created_us, expires_us, last_used_us) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET last_used_us = ?8"};
  CachedStatement remove_api_token_{db_, "DELETE FROM api_tokens WHERE id = ?1"};
  CachedStatement drop_expired_invitations_{db_, "DELETE FROM invitations WHERE expires_us <= ?1"};
  CachedStatement load_invitations_{db_,
                                    "SELECT id, token_sha256, role, groups, invited_by, created_us, expires_us "
                                    "FROM invitations ORDER BY created_us, id"};
  CachedStatement put_invitation_{
      db_,
      "INSERT INTO invitations (id, token_sha256, role, groups, invited_by, created_us, expires_us) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
  CachedStatement remove_invitation_{db_, "DELETE FROM invitations WHERE id = ?1"};
  CachedStatement drop_old_enrolments_{db_, "DELETE FROM enrolments WHERE expires_us < ?1"};
  CachedStatement put_enrolment_{
      db_,
      "INSERT INTO enrolments (id, token_sha256, device_name, tags, created_us, expires_us, uses_left, keep_token) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"};
  CachedStatement find_enrolment_{
      db_,
      "SELECT id, token_sha256, device_name, tags, created_us, expires_us, uses_left, keep_token "
      "FROM enrolments WHERE token_sha256 = ?1"};
  CachedStatement use_enrolment_{db_,
                                 "UPDATE enrolments SET uses_left = uses_left - 1 WHERE id = ?1 AND uses_left > 0"};
  CachedStatement add_device_{db_,
                              "INSERT INTO devices (id, name, created_us, last_seen_us, tags, attributes, commands) "
                              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"};
  CachedStatement add_token_{db_, "INSERT INTO device_tokens (token_sha256, device, created_us) VALUES (?1, ?2, ?3)"};
  CachedStatement load_tokens_{db_, "SELECT token_sha256, device, created_us FROM device_tokens"};
  CachedStatement revoke_tokens_{db_, "DELETE FROM device_tokens WHERE device = ?1"};
  CachedStatement retire_token_{db_, "DELETE FROM device_tokens WHERE token_sha256 = ?1"};
  CachedStatement load_certificates_{
      db_,
      "SELECT serial, device, not_before_us, not_after_us, created_us, used_us, token_sha256 "
      "FROM device_certificates WHERE revoked_us = 0"};
  CachedStatement add_certificate_{
      db_,
      "INSERT INTO device_certificates (serial, device, not_before_us, not_after_us, "
      "created_us, used_us, token_sha256, revoked_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)"};
  CachedStatement drop_old_certificates_{db_, "DELETE FROM device_certificates WHERE not_after_us < ?1"};
  CachedStatement drop_unused_certificates_{
      db_, "DELETE FROM device_certificates WHERE device = ?1 AND used_us = 0 AND serial <> ?2"};
  CachedStatement mark_used_{db_, "UPDATE device_certificates SET used_us = ?2 WHERE serial = ?1 AND used_us = 0"};
  CachedStatement revoke_others_{
      db_, "UPDATE device_certificates SET revoked_us = ?3 WHERE device = ?1 AND serial <> ?2 AND revoked_us = 0"};
  CachedStatement drop_revoked_{
      db_,
      "DELETE FROM device_certificates WHERE device = ?1 AND revoked_us > 0 AND serial NOT IN "
      "(SELECT serial FROM device_certificates WHERE device = ?1 AND revoked_us > 0 ORDER BY revoked_us DESC LIMIT 8)"};
};

}  // namespace

std::unique_ptr<CredentialStore> make_credential_store(HubDatabase& db) {
  return std::make_unique<SqliteCredentialStore>(db.connection());
}

}  // namespace hub::sqlite
