// What a viewer hands back to resume: the position of its session, with what its subscriptions differ by.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/ids.h"

namespace hub::live {

/// Where some series stand: all commits up to `commit` were told. Those that come faster than the rest, because another
/// subscription holds them at a finer rate, are listed with their own.
struct Standing {
  CommitNumber commit = 0;
  std::map<SeriesId, CommitNumber> ahead{};
  bool is_known = true;  // false: part of something was told, so that only history helps
  bool operator==(const Standing&) const = default;
};

/// Opaque to viewers. Where all subscriptions stand at one commit it is an ordinary Position; a subscription that is
/// behind (paused, conflated, slow), still in its history, or whose devices are those of groups, is listed.
struct SessionPosition {
  /// More series ahead in one subscription, and it cannot be resumed: every message carries its position.
  static constexpr std::size_t kMaxAhead = 64;
  struct Entry {
    Standing standing;
    std::uint32_t members = 0;  // a hash of the devices that its groups, or its viewer's, had; 0: it depends on none
  };
  Position base;
  std::map<std::uint32_t, Entry> listed;

  std::string to_bytes() const;
  static std::optional<SessionPosition> from_bytes(std::string_view bytes);
  /// Where this subscription may go on; nothing where its history was not complete, or its groups have other devices
  /// now.
  std::optional<Standing> of(std::uint32_t subscription, std::uint32_t members) const;
};

}  // namespace hub::live
