#include "device-agent/spool/lost_readings.h"

#include <algorithm>
#include <vector>

#include "wire/frame_codec.h"

namespace agent {
namespace {

using telemetry::v1::GapRecord;

void add_record(const GapRecord& record, telemetry::v1::GapFrame& gap) {
  for (auto& known : *gap.mutable_gaps()) {
    if (known.series() != record.series() || known.reason() != record.reason()) continue;
    // 0 says that a time is not known.
    if (known.from_us() == 0 || record.from_us() == 0)
      known.set_from_us(std::max(known.from_us(), record.from_us()));
    else
      known.set_from_us(std::min(known.from_us(), record.from_us()));
    known.set_to_us(std::max(known.to_us(), record.to_us()));
    known.set_count(known.count() + record.count());
    return;
  }
  *gap.add_gaps() = record;
}

}  // namespace

void merge_gap(const telemetry::v1::GapFrame& from, telemetry::v1::GapFrame& into) {
  for (const auto& record : from.gaps()) add_record(record, into);
}

std::uint64_t add_lost_frame(const std::string& bytes, telemetry::v1::GapReason reason, telemetry::v1::GapFrame& gap) {
  telemetry::v1::FrameBody body;
  if (bytes.empty() || !body.ParseFromString(bytes)) {
    GapRecord unknown;
    unknown.set_reason(reason);
    add_record(unknown, gap);
    return 0;
  }
  std::uint64_t lost = 0;
  std::vector<std::int64_t> times;
  for (const auto& block : body.blocks()) {
    if (!wire::decode_times(block, static_cast<std::int64_t>(body.wall_us()), {}, times)) continue;
    const auto [least, most] = std::minmax_element(times.begin(), times.end());
    std::uint32_t alias = 0;
    for (const auto& column : block.columns()) {
      alias = column.series() == 0 ? alias + 1 : column.series();
      GapRecord record;
      record.set_series(alias);
      record.set_from_us(static_cast<double>(*least));
      record.set_to_us(static_cast<double>(*most));
      record.set_count(block.count());
      record.set_reason(reason);
      lost += block.count();
      add_record(record, gap);
    }
  }
  return lost;
}

telemetry::v1::GapFrame unknown_loss(std::int64_t from_us, std::int64_t to_us) {
  telemetry::v1::GapFrame gap;
  auto& record = *gap.add_gaps();
  record.set_reason(telemetry::v1::GAP_REASON_SPOOL_DAMAGED);
  record.set_from_us(static_cast<double>(std::max<std::int64_t>(from_us, 0)));
  record.set_to_us(static_cast<double>(std::max({from_us, to_us, std::int64_t{0}})));
  return gap;
}

std::optional<std::pair<std::int64_t, std::int64_t>> times_of(const std::string& bytes) {
  telemetry::v1::FrameBody body;
  if (!body.ParseFromString(bytes)) return std::nullopt;
  std::optional<std::pair<std::int64_t, std::int64_t>> found;
  std::vector<std::int64_t> times;
  for (const auto& block : body.blocks()) {
    if (!wire::decode_times(block, static_cast<std::int64_t>(body.wall_us()), {}, times)) continue;
    const auto [least, most] = std::minmax_element(times.begin(), times.end());
    if (!found) found = {*least, *most};
    found->first = std::min(found->first, *least);
    found->second = std::max(found->second, *most);
  }
  return found;
}

}  // namespace agent
