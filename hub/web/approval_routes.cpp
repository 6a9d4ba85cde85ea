#include "hub/web/approval_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/identity/approval_desk.h"
#include "hub/web/body_reader.h"
#include "hub/web/enrolment_command.h"
#include "hub/web/enrolment_routes.h"
#include "wire/device_certificate.h"
#include "wire/frame_codec.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object request_json(const ApprovalRequest& request) {
  json::object out;
  out["id"] = request.id;
  out["code"] = request.code;
  out["name"] = request.name;
  json::object attributes;
  for (const auto& [name, text] : request.attributes) attributes[name] = text;
  out["attributes"] = std::move(attributes);
  out["address"] = request.address;
  out["state"] = request.state == ApprovalRequest::State::pending ? "pending" : "approved";
  out["created_at"] = request.created_us;
  out["expires_at"] = request.expires_us;
  return out;
}

}  // namespace

boost::asio::awaitable<Answer> post_approval_request(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  ApprovalDesk::Asked asked;
  asked.name = body.optional_text("name", {0, 256}).value_or("");
  asked.attributes = body.optional_texts("attributes").value_or(std::map<std::string, std::string>());
  asked.signing_request = body.text("csr", {1, wire::kMaxSigningRequestBytes});
  if (!asked.name.empty() && !wire::is_device_name(asked.name)) body.refuse("name", kDeviceNameForm);
  if (auto problem = body.problem()) co_return *problem;
  asked.ca_sha256_hex = call.services.ca_bundle.get()->signer_sha256_hex;
  asked.remote = call.request.remote_address;
  auto ask = [&desk = call.services.approvals, asked] { return desk.ask(asked); };
  const auto ticket = co_await on_control(call, std::move(ask));
  if (!ticket) co_return ticket.error();
  const std::string address =
      reachable_address(call.options.public_host, call.request.header("Host"), call.options.port);
  json::object answer;
  answer["code"] = ticket->code;
  answer["secret"] = ticket->secret;
  answer["url"] = "https://" + address + "/enrol?code=" + ticket->code;
  answer["expires_at"] = ticket->expires_us;
  co_return json_answer(answer, 201);
}

boost::asio::awaitable<Answer> collect_approval(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string secret = body.text("secret", {1, 256});
  if (auto problem = body.problem()) co_return *problem;
  auto collect = [&desk = call.services.approvals, secret] { return desk.collect(secret); };
  const auto collected = co_await on_control(call, std::move(collect));
  if (!collected) co_return collected.error();
  if (!*collected) co_return json_answer(json::object{{"state", "pending"}}, 202);
  co_return json_answer(grant_json(call, **collected), 201);
}

boost::asio::awaitable<Answer> list_approval_requests(Call& call) {
  auto list = [&desk = call.services.approvals]() -> Outcome<std::vector<ApprovalRequest>> { return desk.requests(); };
  const auto waiting = co_await on_control(call, std::move(list));
  if (!waiting) co_return waiting.error();
  json::array requests;
  for (const auto& request : *waiting) requests.push_back(request_json(request));
  json::object answer;
  answer["requests"] = std::move(requests);
  co_return json_answer(answer);
}

boost::asio::awaitable<Answer> approve_request(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string name = body.optional_text("name", {0, 256}).value_or("");
  const auto tags = body.optional_texts("tags").value_or(std::map<std::string, std::string>());
  if (!name.empty() && !wire::is_device_name(name)) body.refuse("name", kDeviceNameForm);
  if (auto problem = body.problem()) co_return *problem;
  auto approve = [&control = call.services.control, &desk = call.services.approvals, id = call.path["request"], name,
                  tags](auto done) {
    const bool posted = control.try_post([&desk, id, name, tags, done] { desk.approve(id, name, tags, done); });
    if (!posted) done(Problem{errc::busy, "the hub has more to do than it can queue; try again", ""});
  };
  const auto approved = co_await answer_of<Outcome<ApprovalRequest>>(std::move(approve));
  if (!approved) co_return approved.error();
  co_return json_answer(request_json(*approved));
}

boost::asio::awaitable<Answer> deny_request(Call& call) {
  auto deny = [&desk = call.services.approvals, id = call.path["request"]] { return desk.deny(id); };
  const auto denied = co_await on_control(call, std::move(deny));
  if (!denied) co_return denied.error();
  co_return empty_answer();
}

}  // namespace hub::web
