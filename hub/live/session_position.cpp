#include "hub/live/session_position.h"

namespace hub::live {
namespace {

// Format 2: version byte, Position (its own 25 bytes), then per subscription 4 bytes of id and 8 of commit, little
// endian.
constexpr char kVersion = '\2';
constexpr std::size_t kBaseBytes = 25, kEntryBytes = 12, kMaxEntries = 1'024;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}
std::uint64_t get(std::string_view in, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= std::uint64_t{static_cast<std::uint8_t>(in[at + static_cast<std::size_t>(i)])} << (8 * i);
  }
  return value;
}

}  // namespace

std::string SessionPosition::to_bytes() const {
  if (behind.empty()) return base.to_bytes();
  std::string out(1, kVersion);
  out += base.to_bytes();
  for (const auto& [id, commit] : behind) {
    put(out, id, 4);
    put(out, commit, 8);
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
  if (bytes.size() % kEntryBytes != 0 || bytes.size() / kEntryBytes > kMaxEntries || has_entries == bytes.empty())
    return std::nullopt;
  for (; !bytes.empty(); bytes.remove_prefix(kEntryBytes)) {
    position.behind[static_cast<std::uint32_t>(get(bytes, 0, 4))] = get(bytes, 4, 8);
  }
  return position;
}

std::optional<CommitNumber> SessionPosition::of(std::uint32_t subscription) const {
  const auto it = behind.find(subscription);
  const CommitNumber commit = it != behind.end() ? it->second : base.commit;
  if (commit == 0 && it != behind.end()) return std::nullopt;
  return commit;
}

}  // namespace hub::live
