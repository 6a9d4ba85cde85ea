#include "device-agent/spool/spool_record.h"

#include <utility>

#include "base/bytes.h"

namespace agent {
namespace {

constexpr std::size_t kLargestRecord = 1024 * 1024;

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}
template <class T>
T get(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return value;
}

std::uint32_t checksum(char type, std::string_view payload) {
  return base::crc32(payload, base::crc32(std::string_view(&type, 1)));
}

std::optional<SpoolRecord> record_at(std::string_view file, std::size_t at) {
  if (file.size() - at < kSpoolRecordHeader) return std::nullopt;
  const char type = file[at + 8];
  if (std::string_view("EDFUG").find(type) == std::string_view::npos) return std::nullopt;
  const auto size = get<std::uint32_t>(file.substr(at, 4));
  if (size > kLargestRecord || file.size() - at - kSpoolRecordHeader < size) return std::nullopt;
  const SpoolRecord record{type, file.substr(at + kSpoolRecordHeader, size), at + kSpoolRecordHeader};
  if (checksum(type, record.payload) != get<std::uint32_t>(file.substr(at + 4, 4))) return std::nullopt;
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
  item.first = get<std::uint64_t>(record.payload.substr(1, 8));
  item.last = item.is_gap ? get<std::uint64_t>(record.payload.substr(9, 8)) : item.first;
  return item;
}

std::uint64_t scan_records(std::string_view file, const std::function<void(const SpoolRecord&)>& found) {
  std::uint64_t damaged = 0;
  std::size_t at = kSpoolMagic.size();
  if (file.substr(0, kSpoolMagic.size()) != kSpoolMagic) {
    ++damaged;
    at = 0;
  }
  bool in_damage = false;
  while (at < file.size()) {
    if (const auto record = record_at(file, at)) {
      in_damage = false;
      at = record->payload_at + record->payload.size();
      found(*record);
      continue;
    }
    // A flipped byte, or cut off while it was written.
    if (!std::exchange(in_damage, true)) ++damaged;
    ++at;
  }
  return damaged;
}

}  // namespace agent
