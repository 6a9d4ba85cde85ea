#include "hub/web/install_routes.h"

#include "hub/web/agent_packages.h"
#include "hub/web/enrolment_command.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_install_script(Call& call) {
  if (call.options.agent_packages->is_empty()) {
    co_return Problem{errc::not_found, "this hub has no packages of the agent; deploy/agent-package makes them", ""};
  }
  const std::string address =
      reachable_address(call.options.public_host, call.request.header("Host"), call.options.port);
  auto response = text_answer(
      install_script(*call.options.agent_packages, address, call.services.ca_bundle.get()->signer_sha256_hex),
      "text/x-shellscript");
  set_header(response, "Cache-Control", "no-store");
  co_return response;
}

boost::asio::awaitable<Answer> get_agent_package(Call& call) {
  const auto* package = call.options.agent_packages->find(call.path["package"]);
  if (package == nullptr) co_return no_such("package " + call.path["package"]);
  wire::HttpResponse response;
  response.static_body = package->bytes;
  set_header(response, "Content-Type", "application/gzip");
  set_header(response, "Cache-Control", "no-store");
  co_return response;
}

}  // namespace hub::web
