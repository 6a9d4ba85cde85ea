#include "hub/ingest/frame_validator.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace hub {
namespace {

using telemetry::v1::Block;
using telemetry::v1::Column;

Problem refused(std::size_t block, const std::string& why) {
  return {errc::refused_frame, "block " + std::to_string(block) + ": " + why, {}};
}

std::string describe_codec(const base::error_code& ec) {
  return ec == wire::errc::too_large ? "more readings or longer strings than one frame may hold"
                                     : "columns do not fit the count, or values cannot be decoded";
}

/// Collects the readings of one column that are refused, by reason, into one gap each.
class GapCollector {
 public:
  GapCollector(const ValidationContext& context, SeriesId series) : context_(context), series_(series) {}
  void add(GapReason reason, std::int64_t time_us) {
    for (auto& gap : gaps_) {
      if (gap.reason != reason) continue;
      gap.from_us = std::min(gap.from_us, time_us);
      gap.to_us = std::max(gap.to_us, time_us);
      ++gap.count;
      return;
    }
    gaps_.push_back({context_.device, series_, time_us, time_us, 1, false, reason, "hub"});
  }
  void give_to(ValidatedBody& out) {
    for (auto& gap : gaps_) {
      out.rejected_readings += gap.count;
      out.gaps.push_back(std::move(gap));
    }
    gaps_.clear();
  }

 private:
  const ValidationContext& context_;
  SeriesId series_;
  std::vector<Gap> gaps_;
};

std::optional<GapReason> check(double v) {
  return std::isfinite(v) ? std::nullopt : std::optional(GapReason::not_finite);
}
std::optional<GapReason> check(std::uint8_t) {
  return std::nullopt;
}
std::optional<GapReason> check(const std::string& v) {
  return v.size() <= 1'024 && wire::is_utf8(v) ? std::nullopt : std::optional(GapReason::invalid_value);
}
std::optional<GapReason> check(const Location& v) {
  if (!std::isfinite(v.latitude) || !std::isfinite(v.longitude) || !std::isfinite(v.altitude)) {
    return GapReason::not_finite;
  }
  const bool on_globe = std::fabs(v.latitude) <= 90 && std::fabs(v.longitude) <= 180;
  return on_globe ? std::nullopt : std::optional(GapReason::invalid_value);
}

/// Takes what may not be stored out of a column; the shared times stay shared where nothing was taken.
template <class T>
void filter(std::vector<T>& values, TimeColumn& times, GapCollector& gaps) {
  const auto reason_at = [&](std::size_t i) -> std::optional<GapReason> {
    if ((*times)[i] < 0) return GapReason::clock_unusable;
    return check(values[i]);
  };
  std::size_t first_bad = 0;
  while (first_bad < values.size() && !reason_at(first_bad)) ++first_bad;
  if (first_bad == values.size()) return;
  std::vector<std::int64_t> kept_times(times->begin(), times->begin() + static_cast<std::ptrdiff_t>(first_bad));
  std::size_t kept = first_bad;
  for (std::size_t i = first_bad; i < values.size(); ++i) {
    if (const auto reason = reason_at(i)) {
      gaps.add(*reason, std::max<std::int64_t>((*times)[i], 0));
      continue;
    }
    kept_times.push_back((*times)[i]);
    if (kept != i) values[kept] = std::move(values[i]);
    ++kept;
  }
  values.resize(kept);
  times = std::make_shared<const std::vector<std::int64_t>>(std::move(kept_times));
}

}  // namespace

Outcome<ValidatedBody> FrameValidator::validate(const telemetry::v1::FrameBody& body, const SeriesAliases& aliases,
                                                const ValidationContext& context) {
  ValidatedBody out;
  if (body.unsynchronised()) out.flags |= kUnsynchronised;
  if (body.rebased()) out.flags |= kRebased;
  if (body.wall_us() > static_cast<std::uint64_t>(INT64_MAX / 2)) {
    return Problem{errc::refused_frame, "wall_us is beyond any date", {}};
  }
  std::size_t readings = 0;
  GapCollector over_quota(context, SeriesId{});
  for (int b = 0; b < body.blocks_size(); ++b) {
    const Block& block = body.blocks(b);
    const auto where = static_cast<std::size_t>(b);
    if (block.count() == 0 || block.columns_size() == 0) return refused(where, "it holds no readings");
    readings += std::size_t{block.count()} * static_cast<std::size_t>(block.columns_size());
    if (readings > context.limits.readings) {
      return refused(where, "more than " + std::to_string(context.limits.readings) + " readings in one frame");
    }
    if (auto done = wire::decode_times(block, static_cast<std::int64_t>(body.wall_us()), context.limits, times_);
        !done) {
      return refused(where, describe_codec(done.error()));
    }
    for (auto& t : times_) {
      if (t <= context.received_at_us + context.future_tolerance_us) continue;
      t = context.received_at_us;
      out.flags |= kTimesClamped;
    }
    const auto times = std::make_shared<const std::vector<std::int64_t>>(times_);
    std::uint32_t alias = 0;
    for (const Column& column : block.columns()) {
      alias = column.series() == 0 ? alias + 1 : column.series();
      const ResolvedSeries* series = aliases.find(alias);
      if (series == nullptr) {
        out.unknown_aliases.push_back(alias);
        continue;
      }
      if (series->id == SeriesId{}) {
        for (const std::int64_t t : *times) over_quota.add(GapReason::quota, std::max<std::int64_t>(t, 0));
        continue;
      }
      SeriesColumn stored{series->id, times, {}};
      GapCollector gaps(context, series->id);
      base::Result<void> done;
      switch (series->type) {
        case ValueType::number: {
          auto& values = stored.values.emplace<std::vector<double>>();
          if ((done = wire::decode_numbers(column, block.count(), values))) filter(values, stored.times, gaps);
          break;
        }
        case ValueType::boolean: {
          auto& values = stored.values.emplace<std::vector<std::uint8_t>>();
          if ((done = wire::decode_booleans(column, block.count(), values))) filter(values, stored.times, gaps);
          break;
        }
        case ValueType::string: {
          // Over-long strings are refused one by one by the filter, so the decoder only guards against bombs.
          auto limits = context.limits;
          limits.string_bytes = 64 * 1024;
          auto& values = stored.values.emplace<std::vector<std::string>>();
          if ((done = wire::decode_strings(column, block.count(), limits, values))) filter(values, stored.times, gaps);
          break;
        }
        case ValueType::location: {
          auto& values = stored.values.emplace<std::vector<Location>>();
          if ((done = wire::decode_coordinates(column, block.count(), triples_))) {
            values.resize(block.count());
            for (std::size_t i = 0; i < values.size(); ++i) {
              values[i] = {triples_[3 * i], triples_[3 * i + 1], triples_[3 * i + 2]};
            }
            filter(values, stored.times, gaps);
          }
          break;
        }
      }
      if (!done) return refused(where, "alias " + std::to_string(alias) + ": " + describe_codec(done.error()));
      gaps.give_to(out);
      if (!stored.times->empty()) out.columns.push_back(std::move(stored));
    }
  }
  over_quota.give_to(out);
  std::sort(out.unknown_aliases.begin(), out.unknown_aliases.end());
  out.unknown_aliases.erase(std::unique(out.unknown_aliases.begin(), out.unknown_aliases.end()),
                            out.unknown_aliases.end());
  return out;
}

Outcome<ValidatedBody> FrameValidator::validate_gaps(
    const google::protobuf::RepeatedPtrField<telemetry::v1::GapRecord>& records, const SeriesAliases& aliases,
    const ValidationContext& context) {
  ValidatedBody out;
  constexpr int kMostGaps = 8'192;  // series of a device, twice
  if (records.size() > kMostGaps) return Problem{errc::refused_frame, "more than 8192 gap records in one message", {}};
  for (const auto& record : records) {
    const auto reason = static_cast<int>(record.reason());
    if (reason < 1 || reason > static_cast<int>(GapReason::sensor_failed)) {
      return Problem{errc::refused_frame, "gap reason " + std::to_string(reason) + " is not known here", {}};
    }
    const double limit = static_cast<double>(context.received_at_us + context.future_tolerance_us);
    if (!(record.from_us() >= 0) || !(record.to_us() >= record.from_us())) {
      return Problem{errc::refused_frame, "a gap's range must be 0 <= from_us <= to_us", {}};
    }
    Gap gap{context.device, {}, 0, 0, record.count(), record.at_most(), static_cast<GapReason>(reason), "device"};
    gap.from_us = static_cast<std::int64_t>(std::min(record.from_us(), limit));
    gap.to_us = static_cast<std::int64_t>(std::min(record.to_us(), limit));
    if (record.series() != 0) {
      const ResolvedSeries* series = aliases.find(record.series());
      if (series == nullptr) {
        out.unknown_aliases.push_back(record.series());
        continue;
      }
      gap.series = series->id;
    }
    out.gaps.push_back(std::move(gap));
  }
  return out;
}

}  // namespace hub
