#include "device-agent/spool/frame_builder.h"

#include <algorithm>
#include <cassert>

#include "wire/frame_codec.h"

namespace agent {

std::uint32_t FrameBuilder::alias(const std::string& name, const std::string& unit, int type,
                                  std::uint32_t interval_ms) {
  const auto next = static_cast<std::uint32_t>(aliases_.size() + 1);
  const auto [it, fresh] = aliases_.try_emplace({name, unit + '\n' + std::to_string(type)}, next);
  if (fresh) {
    auto& d = *definitions_.add_definitions();
    d.set_alias(next);
    d.set_name(name);
    d.set_unit(unit);
    d.set_type(static_cast<telemetry::v1::ValueType>(type));
    d.set_interval_ms(interval_ms);
  }
  return it->second;
}

void FrameBuilder::add(std::uint32_t alias, std::int64_t time_us, const Value& value, TimeBase base) {
  assert(fits(base));
  base_ = base;
  Column& column = columns_[alias];
  column.times.push_back(time_us);
  switch (value.index()) {
    case 0:
      column.numbers.push_back(std::get<0>(value));
      break;
    case 1:
      column.booleans.push_back(std::get<1>(value) ? 1 : 0);
      break;
    default:
      column.strings.push_back(std::get<2>(value).substr(0, 1'024));
      break;
  }
  ++readings_;
}

std::string FrameBuilder::close(const base::Clock& clock, std::optional<std::int64_t> wall_minus_boot_us) {
  telemetry::v1::FrameBody body;
  for (; defined_ < definitions_.definitions_size(); ++defined_) {
    *body.add_definitions() = definitions_.definitions(defined_);
  }
  // Readings are stamped in whole milliseconds, so the frame is as well: blocks stay a byte a time shorter.
  const std::int64_t boot = clock.boot_us() / 1'000 * 1'000;
  std::int64_t wall = clock.now_us() / 1'000 * 1'000;
  if (base_ == TimeBase::boot) {
    body.set_unsynchronised(true);
    body.set_rebased(clock.synchronised() || wall_minus_boot_us);
    if (!clock.synchronised() && wall_minus_boot_us) wall = boot + *wall_minus_boot_us / 1'000 * 1'000;
  }
  body.set_wall_us(static_cast<std::uint64_t>(wall));
  body.set_monotonic_ms(static_cast<std::uint64_t>(boot / 1'000));
  const std::int64_t counted_from = base_ == TimeBase::boot ? boot : wall;  // block times are relative to wall_us
  // Series sampled at the same times share a block.
  std::map<std::vector<std::int64_t>, telemetry::v1::Block*> blocks;
  std::map<telemetry::v1::Block*, std::uint32_t> last_alias;
  for (const auto& [alias, column] : columns_) {
    auto [it, fresh] = blocks.try_emplace(column.times, nullptr);
    if (fresh) {
      it->second = body.add_blocks();
      wire::encode_times(column.times, counted_from, *it->second);
    }
    auto& out = *it->second->add_columns();
    auto& last = last_alias[it->second];
    if (last == 0 || alias != last + 1) out.set_series(alias);
    last = alias;
    if (!column.numbers.empty()) wire::encode_numbers(column.numbers, out);
    if (!column.booleans.empty()) wire::encode_booleans(column.booleans, out);
    if (!column.strings.empty()) wire::encode_strings(column.strings, out);
  }
  columns_.clear();
  readings_ = 0;
  return body.SerializeAsString();
}

}  // namespace agent
