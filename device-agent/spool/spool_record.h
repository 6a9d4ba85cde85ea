// The bytes of a spool file: docs/spool-format.md is the reference.
//
// <folder>/<number>.spool, append-only: "TSPOOL1\n" and records: u32 size, u32 crc32 (of type and payload), u8 type,
// payload. Types: 'E' epoch (16) and boot id (16), of what follows, first in each file; 'D' a Definitions message;
// 'F' lane u8, sequence u64, FrameBody; 'U' the same, its times still by a clock that was not synchronised; 'G' lane
// u8, first u64, last u64, GapFrame; 'T' u64, the passes of the tail (tail_file.h) up to this one are void. Integers
// are little endian. Of one sequence, 'G' counts before 'F' and 'F' before 'U', whatever the order.
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
/// A record of one number ('T').
std::string encode_number(char type, std::uint64_t number);
std::optional<std::uint64_t> decode_number(const SpoolRecord& record);
/// The record of an item with this body (item.body_at is set).
std::string encode_item(SpooledItem& item, std::string_view body);
/// Nothing where the record is of another type, too short, or its numbers are none.
std::optional<SpooledItem> decode_item(const SpoolRecord& record);

struct RecordScan {
  std::uint64_t damaged = 0;  // places
  std::uint64_t unknown = 0;  // whole records of a type that a newer version must have made
};

/// "TSPOOL" and another number than ours: a file of a newer version.
bool is_newer_spool(std::string_view file);
/// Every whole record behind `at`, in order. Where one is damaged no size in it is believed: the next whole record is
/// looked for byte by byte.
RecordScan scan_records(std::string_view file, std::size_t at, const std::function<void(const SpoolRecord&)>& found);
/// Of a file with its magic; a wrong magic is a damaged place.
RecordScan scan_file(std::string_view file, const std::function<void(const SpoolRecord&)>& found);

}  // namespace agent
