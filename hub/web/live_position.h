// Where a client of the fallbacks stands, as the text that it hands back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hub::web {

/// Opaque to clients. "POSITION.EVENT", as server-sent events carry it: the session's position in base64url (empty
/// before there is one) and the last event's id. Polls add ".SESSION.NUMBER": which held session, and the number of the
/// last answer received from it. "POSITION" alone is what the WebSocket link gives.
struct LivePosition {
  std::string bytes;  // as LiveMessage.position
  std::uint32_t event_id = 0;
  std::string session;
  std::uint64_t number = 0;

  std::string to_text() const;
  static std::optional<LivePosition> from_text(std::string_view text);
};

}  // namespace hub::web
