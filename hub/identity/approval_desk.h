// Devices that ask to join without a token, and wait for a person to say yes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/core/token_buckets.h"
#include "hub/identity/identity.h"

namespace hub {

/// One that waits, as an admin sees it.
struct ApprovalRequest {
  std::string id;
  std::string code;  // "ABCD-EFGH"; what the device shows too, see wire::approval_code
  std::string name;  // wished for; may be empty
  std::map<std::string, std::string> attributes;
  std::string address;  // whence it asked
  std::int64_t created_us = 0, expires_us = 0;
  enum class State : std::uint8_t { pending, approved, denied } state = State::pending;
};

/// What the device has in hand after asking.
struct ApprovalTicket {
  std::string code;
  std::string secret;  // collects the answer; only its SHA-256 is kept
  std::int64_t expires_us = 0;
};

/// Lives on control: call everything there, except counters(). Holds at most 64 requests, 8 of one address (those that
/// were decided count until their ten minutes are over), ten minutes
/// each; past that new ones are refused (`busy`), so that nobody pushes a waiting device out. In memory only: whoever
/// waits while the hub is restarted asks again, and nothing of a device that nobody approved is worth keeping.
class ApprovalDesk {
 public:
  static constexpr std::size_t kMost = 64, kMostOfAddress = 8;
  static constexpr std::int64_t kLife_us = 600'000'000;

  ApprovalDesk(Identity& identity, base::Worker& control, const base::Clock& clock, base::Random& random);
  ~ApprovalDesk();

  struct Asked {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::string signing_request;  // PEM or DER
    std::string ca_sha256_hex;    // of the CA that this hub shows
    std::string remote;
  };
  /// invalid_argument: no request for a P-256 key; rate_limited: this address asks too often; busy: no place.
  Outcome<ApprovalTicket> ask(Asked asked);
  /// Nothing while it is pending. forbidden: denied; not_found: no such secret, or expired. The grant can be asked for
  /// again until the request expires: an answer may be lost.
  Outcome<std::optional<DeviceGrant>> collect(const std::string& secret);

  std::vector<ApprovalRequest> requests();  // the newest first; not the denied ones
  /// Makes the device. not_found: no such request, or expired; conflict: decided already, or the name is taken (then it
  /// is still pending). An empty name: the one the device wished for, else a made-up one.
  void approve(const std::string& id, std::string name, std::map<std::string, std::string> tags,
               std::function<void(Outcome<ApprovalRequest>)> answer);
  Outcome<bool> deny(const std::string& id);

  struct Counters {
    std::uint64_t asked = 0, approved = 0, denied = 0, expired = 0, refused = 0;
  };
  Counters counters() const;  // any thread

 private:
  struct State;
  std::shared_ptr<State> state_;  // answers of `identity` may come after the desk is gone
};

}  // namespace hub
