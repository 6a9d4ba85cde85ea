// Between the frames of a commit and the bytes of a journal row (telemetry.v1.JournalRow). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"

namespace hub::sqlite {

/// Columns that share a time column (the same pointer) become one block, so that times are written once.
std::string encode_journal_row(std::span<const StoredFrame> frames);

/// errc::storage_damaged where the bytes are not a row.
Result<std::vector<StoredFrame>> decode_journal_row(std::string_view body);

/// Puts columns that share a time column beside each other, in order of first appearance: the order in which a row
/// decodes. Done before a commit, so that readings have the same index in it now and after a replay.
void group_by_times(StoredFrame& frame);

/// Covers number and time as well as the body.
std::uint32_t journal_checksum(CommitNumber number, std::int64_t committed_at_us, std::string_view body);

}  // namespace hub::sqlite
