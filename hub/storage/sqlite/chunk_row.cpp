#include "hub/storage/sqlite/chunk_row.h"

#include <array>
#include <bit>
#include <cstring>

namespace hub::sqlite {
namespace {

static_assert(std::endian::native == std::endian::little, "blobs of doubles are little endian");

std::string to_blob(const Location& l) {
  const std::array<double, 3> parts{l.latitude, l.longitude, l.altitude};
  return std::string(reinterpret_cast<const char*>(parts.data()), sizeof parts);
}

Location from_blob(std::string_view bytes) {
  std::array<double, 3> parts{};
  if (bytes.size() == sizeof parts) std::memcpy(parts.data(), bytes.data(), sizeof parts);
  return {parts[0], parts[1], parts[2]};
}

}  // namespace

void bind_header(Statement& s, const ChunkHeader& h) {
  s.bind_all(h.id, static_cast<int>(h.type), h.count, h.first_us, h.last_us, h.first_commit, h.last_commit,
             h.first_received_us, h.last_received_us, h.flags, h.seal, h.first_rank, h.last_rank);
  for (int i = 14; i <= 19; ++i) s.bind_null(i);
  if (h.type == ValueType::number || h.type == ValueType::boolean) {
    s.bind(14, h.minimum);
    s.bind(15, h.maximum);
    s.bind(16, h.sum);
  }
  if (h.type == ValueType::boolean || h.type == ValueType::string) s.bind(17, h.changes);
  if (h.type == ValueType::location) {
    s.bind_blob(18, to_blob(h.low));
    s.bind_blob(19, to_blob(h.high));
  }
  bind_value(s, 20, h.first);
  bind_value(s, 21, h.last);
}

ChunkHeader read_header(const Statement& row) {
  ChunkHeader h;
  h.id = row.integer(0);
  h.type = static_cast<ValueType>(row.integer(1));
  h.count = static_cast<std::uint32_t>(row.integer(2));
  h.first_us = row.integer(3);
  h.last_us = row.integer(4);
  h.first_commit = static_cast<CommitNumber>(row.integer(5));
  h.last_commit = static_cast<CommitNumber>(row.integer(6));
  h.first_received_us = row.integer(7);
  h.last_received_us = row.integer(8);
  h.flags = static_cast<std::uint32_t>(row.integer(9));
  h.seal = static_cast<CommitNumber>(row.integer(10));
  h.first_rank = static_cast<std::uint64_t>(row.integer(11));
  h.last_rank = static_cast<std::uint64_t>(row.integer(12));
  h.minimum = row.real(13);
  h.maximum = row.real(14);
  h.sum = row.real(15);
  h.changes = static_cast<std::uint32_t>(row.integer(16));
  h.low = from_blob(row.blob(17));
  h.high = from_blob(row.blob(18));
  h.first = read_value(row, 19, h.type);
  h.last = read_value(row, 20, h.type);
  return h;
}

void bind_value(Statement& statement, int index, const Value& value) {
  switch (value.index()) {
    case 0:
      return statement.bind(index, std::get<double>(value));
    case 1:
      return statement.bind(index, std::int64_t{std::get<bool>(value)});
    case 2:
      return statement.bind(index, std::string_view(std::get<std::string>(value)));
    default:
      return statement.bind_blob(index, to_blob(std::get<Location>(value)));
  }
}

Value read_value(const Statement& statement, int column, ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return statement.integer(column) != 0;
    case ValueType::string:
      return std::string(statement.text(column));
    case ValueType::location:
      return from_blob(statement.blob(column));
    case ValueType::number:
      break;
  }
  return statement.real(column);
}

}  // namespace hub::sqlite
