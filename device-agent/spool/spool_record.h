// The bytes of a spool file.
//
// <folder>/<number>.spool, append-only: "TSPOOL1\n" and records: u32 size, u32 crc32 (of type and payload), u8 type,
// payload. Types: 'E' epoch (16) and boot id (16), of what follows, first in each file; 'D' a Definitions message;
// 'F' lane u8, sequence u64, FrameBody; 'U' the same, its times still by a clock that was not synchronised; 'G' lane
// u8, first u64, last u64, GapFrame. Integers are little endian. A later record of a sequence takes the place of an
// earlier.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agent {

inline constexpr std::string_view kSpoolMagic = "TSPOOL1\n";
inline constexpr std::size_t kSpoolRecordHeader = 9;  // size, crc, type

struct SpoolRecord {
  char type = 0;
  std::string_view payload;
  std::size_t payload_at = 0;  // in the file
};

/// What an 'F', 'U' or 'G' record holds.
struct SpooledItem {
  std::uint8_t lane = 0;
  bool is_gap = false;
  bool is_unplaced = false;  // 'U'
  std::uint64_t first = 0, last = 0;
  std::size_t body_at = 0;  // in the payload, up to its end
};

std::string encode_record(char type, std::string_view payload);
/// The record of an item with this body (item.body_at is set).
std::string encode_item(SpooledItem& item, std::string_view body);
/// Nothing where the record is of another type or too short.
std::optional<SpooledItem> decode_item(const SpoolRecord& record);

/// Every whole record of a file, in order. Returns how many places were damaged: no size in one is believed, the next
/// whole record is looked for byte by byte.
std::uint64_t scan_records(std::string_view file, const std::function<void(const SpoolRecord&)>& found);

}  // namespace agent
