// Strong ids. Who makes them: device, user … ids are random and permanent; series ids come from hub.db, never reused.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"

namespace hub {

template <class Tag>
class TextId {
 public:
  TextId() = default;
  explicit TextId(std::string text) : text_(std::move(text)) {}
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const TextId&) const = default;

 private:
  std::string text_;
};

/// 22 characters of URL-safe base64 (128 random bits), behind a one-letter prefix that names the kind ("d", "u", "x"
/// …).
inline std::string make_id(char kind, base::Random& random) {
  return std::string(1, kind) + base::to_base64url(base::as_chars(random.next_id()));
}

using DeviceId = TextId<struct DeviceTag>;        // "d…"
using UserId = TextId<struct UserTag>;            // "u…"
using ExecutionId = TextId<struct ExecutionTag>;  // "x…"
using RuleId = TextId<struct RuleTag>;            // "r…"
using AlertId = TextId<struct AlertTag>;          // "a…"

/// Hub-wide number of a series (one device, one name, one revision). 0 means none.
enum class SeriesId : std::uint32_t {};
constexpr std::uint32_t raw(SeriesId id) {
  return static_cast<std::uint32_t>(id);
}

/// Where a commit stands in this hub's journal: 1, 2, 3 … without holes, over restarts and rotation. 0: before the
/// first.
using CommitNumber = std::uint64_t;

/// What the outside sees of a position: journal epoch and commit number. Opaque bytes on the wire and in REST.
struct Position {
  base::Id128 journal_epoch{};
  CommitNumber commit = 0;
  bool operator==(const Position&) const = default;

  std::string to_bytes() const;
  /// Nothing where `bytes` is not a position of this format.
  static std::optional<Position> from_bytes(std::string_view bytes);
};

/// Names a stream of frames that is numbered without holes.
struct StreamKey {
  DeviceId device;
  base::Id128 epoch{};
  std::uint8_t lane = 0;
  auto operator<=>(const StreamKey&) const = default;
};

}  // namespace hub

template <class Tag>
struct std::hash<hub::TextId<Tag>> {
  std::size_t operator()(const hub::TextId<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
template <>
struct std::hash<hub::StreamKey> {
  std::size_t operator()(const hub::StreamKey& k) const noexcept {
    const std::string_view epoch = base::as_chars(k.epoch);
    return std::hash<hub::DeviceId>{}(k.device) * 31 + std::hash<std::string_view>{}(epoch)*3 + k.lane;
  }
};
