#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <iostream>

#include "device-agent/cli_flags.h"
#include "device-agent/credential_file.h"
#include "device-agent/enrolment.h"
#include "device-agent/machine.h"
#include "device-agent/terminal_qr.h"

namespace agent {
namespace {

void show_approval(const ApprovalNotice& notice) {
  std::printf("\nTo let this device in, sign in to the hub as an admin and open\n\n    %s\n\n", notice.url.c_str());
  if (::isatty(STDOUT_FILENO) == 1) std::printf("%s\n", terminal_qr(notice.url).c_str());
  std::printf("Approve it only if the page shows this code:  %s\nWaiting, for ten minutes at most; Ctrl-C ends it.\n",
              notice.code.c_str());
  std::fflush(stdout);
}

}  // namespace

int enroll_command(Flags flags) {
  EnrolRequest request;
  if (!parse_hub_url(flags.url, request.host, request.port)) {
    std::fprintf(stderr, "device-agent enroll: \"%s\" is not https://HOST[:PORT]\n", flags.url.c_str());
    return kUsage;
  }
  const bool by_token = !flags.token.empty();
  if (flags.token == "-") std::getline(std::cin, flags.token);
  if (by_token && flags.token.empty()) {
    std::fprintf(stderr, "device-agent enroll: no token came on stdin\n");
    return kUsage;
  }
  if (flags.ca_sha256.size() != 64 && (by_token || !flags.ca_sha256.empty())) {
    std::fprintf(stderr, "device-agent enroll: --ca-sha256 must be the 64 hex digits that the hub printed\n");
    return kUsage;
  }
  request.token = flags.token;
  request.name = flags.name;
  request.ca_sha256 = flags.ca_sha256;
  request.attributes = machine_attributes();
  const auto config = configuration(flags);
  if (!config) return kConfiguration;
  request.proxy = flags.proxy.empty() ? config->proxy : flags.proxy;
  boost::asio::io_context io{1};
  EnrolAnswer answer;
  auto task = by_token ? enrol(request) : enrol_by_approval(request, show_approval);
  boost::asio::co_spawn(io, std::move(task), [&answer](std::exception_ptr failure, EnrolAnswer got) {
    if (failure) std::rethrow_exception(failure);
    answer = std::move(got);
  });
  io.run();
  if (!answer.credential) {
    std::fprintf(stderr, "device-agent enroll: %s\n", answer.problem.c_str());
    return answer.exit_code;
  }
  if (auto saved = save_credential(flags.state_folder, *answer.credential); !saved) {
    std::fprintf(stderr, "device-agent enroll: cannot write %s/credential.toml: %s\n", flags.state_folder.c_str(),
                 saved.error().message().c_str());
    return 1;
  }
  std::printf("enrolled as %s; now: device-agent run --state-dir %s\n", answer.credential->device_name.c_str(),
              flags.state_folder.c_str());
  return 0;
}

}  // namespace agent
