// What the command line can ask of a hub, whether it serves or not.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "hub/audit/audit_log.h"
#include "hub/identity/identity.h"
#include "hub/web/enrolment_command.h"

namespace hub {

/// Runs requests {"op": …} against Identity. Thread-safe; keeps nothing. `answer` is called once, on control or on the
/// caller's thread. Whoever can call this owns the data folder: nothing is authorised here, and what changes something
/// is in the audit trail before it is done.
///   enroll {name?, uses?, ttl?, tags?}           → {id, token, command, install_command, expires, uses}
///   user_add {username, password, role, groups?, replace?} → {id, name, role, groups, created_at}
///   user_password {username, password}           → the same
///   user_rights {username, role?, groups?}       → the same
///   user_list {}                                 → {users: [the same]}
///   user_remove {username}                       → {}
class AdminOperations {
 public:
  using Answer = std::function<void(Outcome<boost::json::object>)>;
  AdminOperations(Identity& identity, AuditLog& audit, std::function<web::HubAddress()> address)
      : identity_(identity), audit_(audit), address_(std::move(address)) {}

  void run(const boost::json::object& request, Answer answer) const;

 private:
  void dispatch(const std::string& op, const boost::json::object& request, const Answer& answer) const;
  void enroll(const boost::json::object& request, const Answer& answer) const;
  void add_user(const boost::json::object& request, const Answer& answer) const;
  void change_password(const boost::json::object& request, const Answer& answer) const;
  void change_rights(const boost::json::object& request, const Answer& answer) const;
  void remove_user(const boost::json::object& request, const Answer& answer) const;
  void store_user(const std::string& name, const std::string& password, Role role, std::vector<std::string> groups,
                  const Answer& answer) const;

  Identity& identity_;
  AuditLog& audit_;
  std::function<web::HubAddress()> address_;
};

}  // namespace hub
