// Becoming a device of a hub: with a one-time token, or by waiting for an admin who compares two codes.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "device-agent/link/credential.h"

namespace agent {

struct EnrolRequest {
  std::string host;
  std::uint16_t port = 8443;
  std::string token;      // empty: wait for approval
  std::string name;       // wished for
  std::string ca_sha256;  // of the hub's CA; without a token it may be empty: the code that is compared covers it
  std::map<std::string, std::string> attributes{};
  std::chrono::milliseconds poll{2'000};  // while waiting for approval
  std::string proxy{};                    // as in wire::choose_proxy()
};

struct EnrolAnswer {
  std::optional<Credential> credential;
  int exit_code = 0;  // 4: not reached, 5: refused
  std::string problem;
};

/// What a person needs to let this device in.
struct ApprovalNotice {
  std::string url;
  std::string code;  // made here, from this device's key and the CA that was met
};

/// Makes a key and redeems the token for a certificate. The hub's CA is pinned from the first byte on.
boost::asio::awaitable<EnrolAnswer> enrol(EnrolRequest request);

/// Makes a key, asks the hub to join, says what to approve, and waits until that is decided (ten minutes at most). The
/// CA met at the first contact is the only one spoken with afterwards; whoever stood between would have shown another
/// one, and the code another than the hub's page has.
boost::asio::awaitable<EnrolAnswer> enrol_by_approval(EnrolRequest request,
                                                      std::function<void(const ApprovalNotice&)> say);

}  // namespace agent
