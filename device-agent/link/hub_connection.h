// How the link reaches the hub: the seam that tests replace.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device-agent/link/credential.h"
#include "wire/connection.h"

namespace agent {

/// An open connection, or why there is none. Not an aggregate on purpose: see CONTRIBUTING.md, "Coroutines and g++ 12".
struct HubConnection {
  HubConnection() = default;
  explicit HubConnection(std::unique_ptr<wire::Connection> open) : connection(std::move(open)) {}
  HubConnection(std::string why, bool is_refused) : problem(std::move(why)), refused(is_refused) {}

  std::unique_ptr<wire::Connection> connection;
  std::string problem;
  bool refused = false;            // this credential will not be taken later either
  std::int64_t retry_after_s = 0;  // the server's wish
  std::string address;             // what the socket reached: "192.0.2.7", "proxy 192.0.2.1"
};

/// How the hub's certificate is judged by a machine whose clock may be wrong. See CredentialKeeper::handshake_time().
struct HandshakeTime {
  std::int64_t verify_at_s = 0;  // 0: now
  bool accept_not_yet_valid = false;
};

/// Ends at once when its coroutine is cancelled.
using ConnectToHub = std::function<wire::Awaitable<HubConnection>(Credential, HandshakeTime)>;

/// wss://HOST:PORT/api/v1/device with the certificate or else the bearer token, the hub's CA checked before either is
/// shown. `proxy` as in wire::choose_proxy().
ConnectToHub connect_through(std::string proxy);

}  // namespace agent
