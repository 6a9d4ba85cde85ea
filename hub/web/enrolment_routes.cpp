#include "hub/web/enrolment_routes.h"

#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/enrolment_command.h"
#include "wire/device_certificate.h"
#include "wire/frame_codec.h"

namespace hub::web {
boost::json::object grant_json(const Call& call, const DeviceGrant& grant) {
  boost::json::object answer;
  answer["device_id"] = grant.device.str();
  answer["device_name"] = grant.name;
  answer["token"] = grant.token;
  answer["ca_pem"] = call.services.ca_bundle.get()->pem;
  answer["server_name"] = call.options.device_server_name;
  if (!grant.certificate_pem.empty()) answer["certificate_pem"] = grant.certificate_pem;
  return answer;
}

boost::asio::awaitable<Answer> post_enrolment(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  EnrolmentRequest request;
  request.name = body.optional_text("name", {0, 256}).value_or("");
  request.tags = body.optional_texts("tags").value_or(std::map<std::string, std::string>());
  request.ttl_us =
      body.optional_duration_us("ttl", 60'000'000LL, 7 * 86'400'000'000LL, "1m to 7d").value_or(request.ttl_us);
  request.uses = static_cast<std::uint32_t>(body.optional_integer("uses", 1, 10'000).value_or(1));
  request.keep_token = body.optional_boolean("keep_token").value_or(false);
  if (!request.name.empty() && !wire::is_device_name(request.name)) body.refuse("name", kDeviceNameForm);
  if (!request.name.empty() && request.uses > 1)
    body.refuse("uses", "a fixed name enrols one device: leave out name, or uses");
  if (auto problem = body.problem()) co_return *problem;
  auto create = [&identity = call.services.identity, request](auto done) { identity.create_enrolment(request, done); };
  const auto made = co_await answer_of<Outcome<Enrolment>>(std::move(create));
  if (!made) co_return made.error();
  const std::string address =
      reachable_address(call.options.public_host, call.request.header("Host"), call.options.port);
  const HubAddress hub{address, call.services.ca_bundle.get()->signer_sha256_hex, call.options.agent_packages};
  const auto answer = enrolment_answer(*made, hub, request.name);
  co_return json_answer(answer, 201);
}

boost::asio::awaitable<Answer> redeem_enrolment(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string token = body.text("token", {1, 256});
  const std::string name = body.optional_text("name", {0, 256}).value_or("");
  const std::string csr = body.optional_text("csr", {1, wire::kMaxSigningRequestBytes}).value_or("");
  const auto attributes = body.optional_texts("attributes").value_or(std::map<std::string, std::string>());
  if (!name.empty() && !wire::is_device_name(name)) body.refuse("name", kDeviceNameForm);
  if (auto problem = body.problem()) co_return *problem;
  auto redeem = [&identity = call.services.identity, token, name, attributes, csr](auto done) {
    identity.redeem_enrolment(token, name, attributes, done, csr);
  };
  const auto grant = co_await answer_of<Outcome<DeviceGrant>>(std::move(redeem));
  if (!grant) co_return grant.error();
  co_return json_answer(grant_json(call, *grant), 201);
}

}  // namespace hub::web
