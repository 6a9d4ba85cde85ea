#include "hub/core/ids.h"

namespace hub {

// Format 1: version byte, 16 bytes of journal epoch, 8 bytes of commit number (little endian).
std::string Position::to_bytes() const {
  std::string out;
  out.reserve(25);
  out.push_back('\1');
  out += base::as_chars(journal_epoch);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>((commit >> (8 * i)) & 0xff));
  return out;
}

std::optional<Position> Position::from_bytes(std::string_view bytes) {
  if (bytes.size() != 25 || bytes[0] != '\1') return std::nullopt;
  Position position;
  position.journal_epoch = *base::to_id128(bytes.substr(1, 16));
  for (int i = 0; i < 8; ++i) {
    position.commit |= std::uint64_t{static_cast<std::uint8_t>(bytes[17 + static_cast<std::size_t>(i)])} << (8 * i);
  }
  return position;
}

}  // namespace hub
