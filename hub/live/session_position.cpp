#include "hub/live/session_position.h"

#include <utility>

namespace hub::live {
namespace {

// Format 3, little endian: version byte, Position (its own 25 bytes), then per listed subscription 4 bytes of id, 4 of
// members, 8 of commit, 2 with the number of series ahead (kUnknown: cannot be resumed), and 4 and 8 for each of these.
constexpr char kVersion = '\3';
constexpr std::size_t kBaseBytes = 25, kEntryBytes = 18, kAheadBytes = 12, kMaxEntries = 1'024;
constexpr std::uint64_t kUnknown = 0xffff;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}
std::uint64_t take(std::string_view& in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(in[i])} << (8 * i);
  in.remove_prefix(bytes);
  return value;
}

}  // namespace

std::string SessionPosition::to_bytes() const {
  if (listed.empty()) return base.to_bytes();
  std::string out(1, kVersion);
  out += base.to_bytes();
  for (const auto& [id, entry] : listed) {
    const bool is_known = entry.standing.is_known && entry.standing.ahead.size() <= kMaxAhead;
    put(out, id, 4);
    put(out, entry.members, 4);
    put(out, entry.standing.commit, 8);
    put(out, is_known ? entry.standing.ahead.size() : kUnknown, 2);
    if (!is_known) continue;
    for (const auto& [series, commit] : entry.standing.ahead) {
      put(out, raw(series), 4);
      put(out, commit, 8);
    }
  }
  return out;
}

std::optional<SessionPosition> SessionPosition::from_bytes(std::string_view bytes) {
  SessionPosition position;
  const bool has_entries = !bytes.empty() && bytes[0] == kVersion;
  if (has_entries) bytes.remove_prefix(1);
  const auto base = Position::from_bytes(bytes.substr(0, kBaseBytes));
  if (!base) return std::nullopt;
  position.base = *base;
  bytes.remove_prefix(kBaseBytes);
  if (has_entries == bytes.empty()) return std::nullopt;
  while (!bytes.empty()) {
    if (bytes.size() < kEntryBytes || position.listed.size() == kMaxEntries) return std::nullopt;
    auto& entry = position.listed[static_cast<std::uint32_t>(take(bytes, 4))];
    entry.members = static_cast<std::uint32_t>(take(bytes, 4));
    entry.standing.commit = take(bytes, 8);
    const std::uint64_t ahead = take(bytes, 2);
    entry.standing.is_known = ahead != kUnknown;
    if (!entry.standing.is_known) continue;
    if (ahead > kMaxAhead || bytes.size() < ahead * kAheadBytes) return std::nullopt;
    for (std::uint64_t i = 0; i < ahead; ++i) {
      const auto series = SeriesId{static_cast<std::uint32_t>(take(bytes, 4))};
      entry.standing.ahead[series] = take(bytes, 8);
    }
  }
  return position;
}

std::optional<Standing> SessionPosition::of(std::uint32_t subscription, std::uint32_t members) const {
  Standing standing;
  standing.commit = base.commit;
  const auto it = listed.find(subscription);
  if (it != listed.end()) standing = it->second.standing;
  if (!standing.is_known || members != (it != listed.end() ? it->second.members : 0)) return std::nullopt;
  return standing;
}

}  // namespace hub::live
