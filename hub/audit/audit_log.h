// Who did what: written before it is done, chained by hashes, bounded in what strangers can fill it with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/worker.h"
#include "hub/storage/audit_store.h"

namespace hub {

/// Thread-safe; entries are made and stored on `control`, where answers come, too (a full queue is answered `busy` on
/// the caller's thread). Ends before control does: what is posted holds its state.
///
/// An operation has two entries: one stored before it begins (status 0), one that tells what was answered. The second
/// is stored within a second; where the hub dies before, the first one stands alone, and its outcome is not known.
class AuditLog {
 public:
  AuditLog(AuditStore& store, base::Worker& control, const base::Clock& clock);
  ~AuditLog();

  /// Before anything else, on any thread but control. Waits.
  Result<void> open();

  /// Answers when the entry is durable, with its number: only then may the operation begin. A Problem: it must not.
  void begin(AuditEntry entry, std::function<void(Outcome<std::uint64_t>)> answer);
  /// The operation that `begun` announced was answered with `status`.
  void finish(std::uint64_t begun, int status);
  /// What is over already, or was refused: stored within a second. Strangers cause these, so they are bounded: 60 at
  /// once, then one a second; the next that fits says how many did not (detail.left_out).
  void note(AuditEntry entry);

  void find(AuditQuery query, std::function<void(Result<std::vector<AuditEntry>>)> answer);
  void head(std::function<void(Result<AuditLink>)> answer);
  /// On control, each second and at the end: stores what waits.
  void tick();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A request's body as an entry's detail: JSON without the values of passwords, tokens and codes, cut to 2 KB.
std::string audit_detail(std::string_view body);

}  // namespace hub
