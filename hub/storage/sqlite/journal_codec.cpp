#include "hub/storage/sqlite/journal_codec.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <unordered_map>

#include "hub/storage/sqlite/column_codec.h"
#include "telemetry/v1/journal.pb.h"
#include "wire/frame_codec.h"

namespace hub::sqlite {
namespace {

using telemetry::v1::JournalFrame;

void encode_blocks(const StoredFrame& frame, JournalFrame& out) {
  std::unordered_map<const void*, telemetry::v1::Block*> blocks;
  for (const auto& column : frame.columns) {
    auto& block = blocks[column.times.get()];
    if (block == nullptr) {
      block = out.add_blocks();
      block->mutable_columns()->Reserve(static_cast<int>(frame.columns.size()));
      wire::encode_times(*column.times, 0, *block);
    }
    auto* encoded = block->add_columns();
    encoded->set_series(raw(column.series));
    encode_values(column.values, *encoded);
  }
}

void encode_gaps(const StoredFrame& frame, JournalFrame& out) {
  for (std::size_t i = 0; i < frame.gaps.size(); ++i) {
    const Gap& gap = frame.gaps[i];
    auto* record = out.add_gaps();
    record->set_series(raw(gap.series));
    record->set_from_us(static_cast<double>(gap.from_us));
    record->set_to_us(static_cast<double>(gap.to_us));
    record->set_count(gap.count);
    record->set_at_most(gap.at_most);
    record->set_reason(static_cast<telemetry::v1::GapReason>(gap.reason));
    if (gap.reported_by == "hub") out.add_gaps_found_by_hub(static_cast<std::uint32_t>(i));
  }
}

Result<StoredFrame> decode_frame(const JournalFrame& in) {
  StoredFrame frame;
  const auto epoch = base::to_id128(in.epoch());
  if (!epoch) return errc::storage_damaged;
  frame.stream = {DeviceId(in.device_id()), *epoch, static_cast<std::uint8_t>(in.lane())};
  frame.first_sequence = in.first_sequence();
  frame.last_sequence = in.last_sequence();
  frame.received_at_us = static_cast<std::int64_t>(in.received_at_us());
  frame.flags = in.flags();
  for (const auto& block : in.blocks()) {
    auto times = decode_block_times(block);
    if (!times) return times.error();
    for (const auto& column : block.columns()) {
      auto values = decode_values(column, (*times)->size());
      if (!values) return values.error();
      frame.columns.push_back({SeriesId{column.series()}, *times, std::move(*values)});
    }
  }
  for (const auto& record : in.gaps()) {
    frame.gaps.push_back({frame.stream.device, SeriesId{record.series()}, static_cast<std::int64_t>(record.from_us()),
                          static_cast<std::int64_t>(record.to_us()), record.count(), record.at_most(),
                          static_cast<GapReason>(record.reason()), "device"});
  }
  for (const auto i : in.gaps_found_by_hub()) {
    if (i >= frame.gaps.size()) return errc::storage_damaged;
    frame.gaps[i].reported_by = "hub";
  }
  return frame;
}

}  // namespace

std::string encode_journal_row(std::span<const StoredFrame> frames) {
  // A commit is a thousand small messages, which live and die together.
  google::protobuf::ArenaOptions pages;
  pages.start_block_size = 64 * 1024;
  pages.max_block_size = 1024 * 1024;
  google::protobuf::Arena arena(pages);
  auto& row = *google::protobuf::Arena::CreateMessage<telemetry::v1::JournalRow>(&arena);
  row.mutable_frames()->Reserve(static_cast<int>(frames.size()));
  for (const auto& frame : frames) {
    auto& out = *row.add_frames();
    out.set_device_id(frame.stream.device.str());
    out.set_epoch(std::string(base::as_chars(frame.stream.epoch)));
    out.set_lane(frame.stream.lane);
    out.set_first_sequence(frame.first_sequence);
    out.set_last_sequence(frame.last_sequence);
    out.set_received_at_us(static_cast<std::uint64_t>(frame.received_at_us));
    out.set_flags(frame.flags);
    encode_blocks(frame, out);
    encode_gaps(frame, out);
  }
  return row.SerializeAsString();
}

Result<std::vector<StoredFrame>> decode_journal_row(std::string_view body) {
  telemetry::v1::JournalRow row;
  if (!row.ParseFromArray(body.data(), static_cast<int>(body.size()))) return errc::storage_damaged;
  std::vector<StoredFrame> frames;
  frames.reserve(static_cast<std::size_t>(row.frames_size()));
  for (const auto& in : row.frames()) {
    auto frame = decode_frame(in);
    if (!frame) return frame.error();
    frames.push_back(std::move(*frame));
  }
  return frames;
}

void group_by_times(StoredFrame& frame) {
  std::unordered_map<const void*, std::size_t> appeared;
  for (const auto& column : frame.columns) appeared.emplace(column.times.get(), appeared.size());
  if (appeared.size() <= 1) return;
  std::stable_sort(frame.columns.begin(), frame.columns.end(), [&](const SeriesColumn& a, const SeriesColumn& b) {
    return appeared.at(a.times.get()) < appeared.at(b.times.get());
  });
}

std::uint32_t journal_checksum(CommitNumber number, std::int64_t committed_at_us, std::string_view body) {
  std::string head;
  for (const std::uint64_t value : {number, static_cast<std::uint64_t>(committed_at_us)}) {
    for (int i = 0; i < 8; ++i) head.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
  return base::crc32(body, base::crc32(head));
}

}  // namespace hub::sqlite
