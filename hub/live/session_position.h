// What a viewer hands back to resume: the position of its session, with what its subscriptions differ by.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "hub/core/ids.h"

namespace hub::live {

/// Opaque to viewers. Where all subscriptions stand at one commit it is an ordinary Position; a subscription that is
/// behind (paused, conflated, slow) or still in its history is listed with its own commit (0: cannot be resumed).
struct SessionPosition {
  Position base;
  std::map<std::uint32_t, CommitNumber> behind;

  std::string to_bytes() const;
  static std::optional<SessionPosition> from_bytes(std::string_view bytes);
  /// Where this subscription may go on; nothing where its history was not complete.
  std::optional<CommitNumber> of(std::uint32_t subscription) const;
};

}  // namespace hub::live
