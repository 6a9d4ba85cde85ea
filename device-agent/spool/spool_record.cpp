#include "device-agent/spool/spool_record.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "device-agent/spool/spool_bytes.h"

namespace agent {
namespace {

constexpr std::size_t kLargestRecord = 1024 * 1024;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  put_number(bytes, value);
  out.append(bytes, sizeof value);
}

std::uint32_t checksum(char type, std::string_view payload) {
  return base::crc32(payload, base::crc32(std::string_view(&type, 1)));
}

/// Of any type that is a capital letter: all that were ever made, or will be.
std::optional<SpoolRecord> record_at(std::string_view file, std::size_t at) {
  if (file.size() - at < kSpoolRecordHeader) return std::nullopt;
  const char type = file[at + 8];
  if (type < 'A' || type > 'Z') return std::nullopt;
  const auto size = get_number<std::uint32_t>(file.substr(at, 4));
  if (size > kLargestRecord || file.size() - at - kSpoolRecordHeader < size) return std::nullopt;
  const SpoolRecord record{type, file.substr(at + kSpoolRecordHeader, size), at + kSpoolRecordHeader};
  if (checksum(type, record.payload) != get_number<std::uint32_t>(file.substr(at + 4, 4))) return std::nullopt;
  return record;
}

}  // namespace

std::string encode_record(char type, std::string_view payload) {
  std::string record;
  put(record, static_cast<std::uint32_t>(payload.size()));
  put(record, checksum(type, payload));
  record.push_back(type);
  record.append(payload);
  return record;
}

std::string encode_number(char type, std::uint64_t number) {
  std::string payload;
  put(payload, number);
  return encode_record(type, payload);
}

std::optional<std::uint64_t> decode_number(const SpoolRecord& record) {
  if (record.payload.size() != 8) return std::nullopt;
  return get_number<std::uint64_t>(record.payload);
}

std::string encode_item(SpooledItem& item, std::string_view body) {
  std::string payload(1, static_cast<char>(item.lane));
  put(payload, item.first);
  if (item.is_gap) put(payload, item.last);
  item.body_at = payload.size();
  payload += body;
  return encode_record(item.is_gap ? 'G' : item.is_unplaced ? 'U' : 'F', payload);
}

std::optional<SpooledItem> decode_item(const SpoolRecord& record) {
  SpooledItem item;
  item.is_gap = record.type == 'G';
  item.is_unplaced = record.type == 'U';
  if (!item.is_gap && !item.is_unplaced && record.type != 'F') return std::nullopt;
  item.body_at = 1 + 8 + (item.is_gap ? 8 : 0);
  if (record.payload.size() < item.body_at) return std::nullopt;
  item.lane = static_cast<std::uint8_t>(record.payload[0] & 1);
  item.first = get_number<std::uint64_t>(record.payload.substr(1, 8));
  item.last = item.is_gap ? get_number<std::uint64_t>(record.payload.substr(9, 8)) : item.first;
  // A checksum does not say that sense was written.
  constexpr auto kMost = std::uint64_t{1} << 62;
  if (item.first == 0 || item.last < item.first || item.last > kMost) return std::nullopt;
  return item;
}

bool is_newer_spool(std::string_view file) {
  constexpr std::string_view kStem = "TSPOOL";
  if (file.size() < kSpoolMagic.size() || file.substr(0, kStem.size()) != kStem) return false;
  const char version = file[kStem.size()];
  return version >= '2' && version <= '9' && file[kStem.size() + 1] == '\n';
}

RecordScan scan_records(std::string_view file, std::size_t at, const std::function<void(const SpoolRecord&)>& found) {
  RecordScan scan;
  bool in_damage = false;
  while (at < file.size()) {
    if (const auto record = record_at(file, at)) {
      in_damage = false;
      at = record->payload_at + record->payload.size();
      if (std::string_view("EDFUGT").find(record->type) == std::string_view::npos)
        ++scan.unknown;
      else
        found(*record);
      continue;
    }
    // A flipped byte, or cut off while it was written.
    if (!std::exchange(in_damage, true)) ++scan.damaged;
    ++at;
  }
  return scan;
}

RecordScan scan_file(std::string_view file, const std::function<void(const SpoolRecord&)>& found) {
  const bool is_ours = file.substr(0, kSpoolMagic.size()) == kSpoolMagic;
  // A flip within the magic leaves the records where they are.
  RecordScan scan = scan_records(file, std::min(kSpoolMagic.size(), file.size()), found);
  if (!is_ours && !file.empty()) ++scan.damaged;
  return scan;
}

}  // namespace agent
