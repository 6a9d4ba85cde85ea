#include "hub/web/live_position.h"

#include <charconv>
#include <vector>

#include "base/bytes.h"

namespace hub::web {
namespace {

constexpr std::size_t kMaxText = 12 * 1024;  // what fits into a request beside its other headers

template <class Number>
bool read(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, number);
  return ec == std::errc() && stop == end;
}

}  // namespace

std::string LivePosition::to_text() const {
  std::string text = base::to_base64url(bytes) + "." + std::to_string(event_id);
  if (!session.empty()) text += "." + session + "." + std::to_string(number);
  return text;
}

std::optional<LivePosition> LivePosition::from_text(std::string_view text) {
  if (text.empty() || text.size() > kMaxText) return std::nullopt;
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t dot = text.find('.');
    parts.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  if (parts.size() != 1 && parts.size() != 2 && parts.size() != 4) return std::nullopt;
  auto bytes = base::from_base64url(parts[0]);
  if (!bytes) return std::nullopt;
  LivePosition position;
  position.bytes = std::move(*bytes);
  if (parts.size() > 1 && !read(parts[1], position.event_id)) return std::nullopt;
  if (parts.size() > 2) {
    position.session = std::string(parts[2]);
    if (position.session.empty() || !read(parts[3], position.number)) return std::nullopt;
  }
  return position;
}

}  // namespace hub::web
