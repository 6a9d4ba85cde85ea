// Byte strings as text and back, and the checksum used in every file we write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

/// 16 random bytes: spool epochs, boot ids, process ids.
using Id128 = std::array<std::uint8_t, 16>;

std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_hex(std::string_view bytes);
/// Nothing where `text` is not an even number of hex digits.
std::optional<std::string> from_hex(std::string_view text);

/// URL-safe base64 without padding (RFC 4648 §5).
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

/// CRC-32 (ISO-HDLC, as zlib); `seed` continues an earlier one.
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);

/// True where both hold the same bytes; takes the same time wherever they differ.
bool equal_constant_time(std::string_view a, std::string_view b);

inline std::string_view as_chars(std::span<const std::uint8_t> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}
/// Nothing unless `bytes` are exactly 16.
std::optional<Id128> to_id128(std::string_view bytes);

}  // namespace base
