#include "hub/admin_operations.h"

#include <algorithm>

#include <boost/json/array.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/enrolment_command.h"
#include "hub/web/json_text.h"
#include "wire/frame_codec.h"

namespace hub {
namespace {

namespace json = boost::json;

json::object to_json(const Identity::UserInfo& user) {
  json::object out;
  out["id"] = user.id.str();
  out["name"] = user.name;
  out["role"] = to_string(user.role);
  out["groups"] = web::text_array(user.groups);
  out["created_at"] = user.created_us;
  return out;
}

}  // namespace

void AdminOperations::run(const json::object& request, Answer answer) const {
  const auto* op = request.if_contains("op");
  const std::string name = op != nullptr && op->is_string() ? std::string(op->get_string()) : "";
  static constexpr std::string_view kChanging[] = {"enroll", "user_add", "user_password", "user_rights", "user_remove"};
  if (std::ranges::find(kChanging, name) != std::end(kChanging)) {
    AuditEntry entry;
    entry.actor = "command line";
    entry.action = name;
    if (const auto* user = request.if_contains("username"); user != nullptr && user->is_string()) {
      entry.object = "user=" + std::string(user->get_string());
    }
    entry.detail = audit_detail(web::to_text(request));
    return audit_.begin(std::move(entry), [this, name, request, answer](Outcome<std::uint64_t> begun) {
      if (!begun) return answer(begun.error());
      dispatch(name, request, [this, begun = *begun, answer](Outcome<json::object> done) {
        audit_.finish(begun, done ? 200 : describe(done.error().code).http_status);
        answer(std::move(done));
      });
    });
  }
  if (name == "user_list") {
    json::array users;
    for (const auto& user : identity_.users()) users.push_back(to_json(user));
    json::object body;
    body["users"] = std::move(users);
    return answer(std::move(body));
  }
  answer(
      Problem{errc::invalid_argument, "this hub knows no operation \"" + name + "\"; is it another version?", "/op"});
}

void AdminOperations::dispatch(const std::string& op, const json::object& request, const Answer& answer) const {
  if (op == "enroll") return enroll(request, answer);
  if (op == "user_add") return add_user(request, answer);
  if (op == "user_password") return change_password(request, answer);
  if (op == "user_rights") return change_rights(request, answer);
  remove_user(request, answer);
}

void AdminOperations::enroll(const json::object& request, const Answer& answer) const {
  const json::value whole = request;
  web::BodyReader body(whole);
  (void)body.optional_text("op", {0, 64});
  EnrolmentRequest wish;
  wish.name = body.optional_text("name", {0, 256}).value_or("");
  wish.tags = body.optional_texts("tags").value_or(std::map<std::string, std::string>());
  wish.ttl_us = body.optional_duration_us("ttl", 60'000'000LL, 7 * 86'400'000'000LL, "1m to 7d").value_or(wish.ttl_us);
  wish.uses = static_cast<std::uint32_t>(body.optional_integer("uses", 1, 10'000).value_or(1));
  if (!wish.name.empty() && !wire::is_device_name(wish.name)) {
    body.refuse("name", "a device's name is 1 to 64 letters, digits, spaces and _ . : - without a space at either end");
  }
  if (!wish.name.empty() && wish.uses > 1)
    body.refuse("uses", "a fixed name enrols one device: leave out name, or uses");
  if (auto problem = body.problem()) return answer(*problem);
  identity_.create_enrolment(wish, [this, answer, name = wish.name](Outcome<Enrolment> made) {
    if (!made) return answer(made.error());
    answer(web::enrolment_answer(*made, address_(), name));
  });
}

void AdminOperations::store_user(const std::string& name, const std::string& password, Role role,
                                 std::vector<std::string> groups, const Answer& answer) const {
  identity_.put_user(name, password, role, std::move(groups), [this, answer, name](Outcome<UserId> stored) {
    if (!stored) return answer(stored.error());
    const auto user = identity_.user(name);
    answer(user ? to_json(*user) : json::object());
  });
}

void AdminOperations::add_user(const json::object& request, const Answer& answer) const {
  const json::value whole = request;
  web::BodyReader body(whole);
  (void)body.optional_text("op", {0, 64});
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 256});
  const auto role = role_from(body.text("role", {1, 16}));
  auto groups = body.optional_list("groups");
  const auto* replace = body.optional_any("replace");
  if (!role) body.refuse("role", "role must be viewer, operator or admin");
  if (auto problem = body.problem()) return answer(*problem);
  const bool may_replace = replace != nullptr && replace->is_bool() && replace->get_bool();
  const auto known = identity_.user(name);
  if (!may_replace && known) {
    return answer(
        Problem{errc::conflict, "there is a user " + name + " already; --replace changes role and password", ""});
  }
  if (!groups) groups = known ? known->groups : std::vector<std::string>();
  store_user(name, password, *role, std::move(*groups), answer);
}

void AdminOperations::change_password(const json::object& request, const Answer& answer) const {
  const json::value whole = request;
  web::BodyReader body(whole);
  (void)body.optional_text("op", {0, 64});
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 256});
  if (auto problem = body.problem()) return answer(*problem);
  const auto user = identity_.user(name);
  if (!user) return answer(Problem{errc::not_found, "there is no user " + name, ""});
  store_user(name, password, user->role, user->groups, answer);
}

void AdminOperations::change_rights(const json::object& request, const Answer& answer) const {
  const json::value whole = request;
  web::BodyReader body(whole);
  (void)body.optional_text("op", {0, 64});
  const std::string name = body.text("username", {1, 64});
  const auto wished = body.optional_text("role", {1, 16});
  const auto role = wished ? role_from(*wished) : std::nullopt;
  const auto groups = body.optional_list("groups");
  if (wished && !role) body.refuse("role", "role must be viewer, operator or admin");
  if (!wished && !groups) body.refuse("role", "nothing to change: give --role, --groups or both");
  if (auto problem = body.problem()) return answer(*problem);
  identity_.change_rights(name, role, groups, [this, answer, name](Outcome<bool> changed) {
    if (!changed) return answer(changed.error());
    const auto user = identity_.user(name);
    answer(user ? to_json(*user) : json::object());
  });
}

void AdminOperations::remove_user(const json::object& request, const Answer& answer) const {
  const json::value whole = request;
  web::BodyReader body(whole);
  (void)body.optional_text("op", {0, 64});
  const std::string name = body.text("username", {1, 64});
  if (auto problem = body.problem()) return answer(*problem);
  identity_.remove_user(name, [answer](Outcome<bool> removed) {
    if (!removed) return answer(removed.error());
    answer(json::object());
  });
}

}  // namespace hub
