// The audit trail: who did what, each entry chained to the one before by its hash. Called on the control thread only.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "hub/core/errc.h"

namespace hub {

struct AuditEntry {
  std::uint64_t sequence = 0;  // from 1, without holes; given by AuditLog
  std::int64_t time_us = 0;
  std::string actor;       // a user's name, "command line", "device NAME"; empty: nobody was signed in
  std::string credential;  // "session", "token t…"; empty where there is none to tell
  std::string address;     // empty: this machine
  std::string action;      // "POST /api/v1/users", "user_add", "device enrolled"
  std::string object;      // "device=kitchen"; empty where the action says it all
  std::string detail;      // JSON, without secrets
  int status = 0;          // 0: about to be done; else the HTTP status that was answered
  std::uint64_t of = 0;    // an outcome: of which entry
  std::string hash;        // SHA-256 in hex of the entry before's hash and all of the above
};

/// Where a chain ends, or where what is left of it begins.
struct AuditLink {
  std::uint64_t sequence = 0;
  std::string hash;  // empty at sequence 0
  bool operator==(const AuditLink&) const = default;
};

struct AuditQuery {
  std::uint64_t before = std::numeric_limits<std::int64_t>::max();  // entries with a lower number
  std::int64_t from_us = 0, to_us = std::numeric_limits<std::int64_t>::max();
  std::string actor{}, action{}, object{};  // the whole actor; a part of the others; empty: any
  std::size_t limit = 100;
};

class AuditStore {
 public:
  /// The newest are kept; the chain's begin moves with what is removed.
  static constexpr std::uint64_t kKept = 1'000'000;

  virtual ~AuditStore() = default;
  virtual Result<AuditLink> head() = 0;
  /// One durable transaction.
  virtual Result<void> append(const std::vector<AuditEntry>& entries) = 0;
  virtual Result<std::vector<AuditEntry>> find(const AuditQuery& query) = 0;  // newest first
};

/// What `entry.hash` must be behind an entry with the hash `previous`.
std::string audit_hash(const std::string& previous, const AuditEntry& entry);

}  // namespace hub
