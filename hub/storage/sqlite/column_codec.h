// Between a ValueColumn and a telemetry.v1.Column. Pure; what journal rows and chunks have in common.
#pragma once

#include "hub/core/errc.h"
#include "hub/core/reading.h"
#include "telemetry/v1/readings.pb.h"

namespace hub::sqlite {

void encode_values(const ValueColumn& values, telemetry::v1::Column& column);

/// The type is told by which field is filled. errc::storage_damaged where there are not `count` values.
Result<ValueColumn> decode_values(const telemetry::v1::Column& column, std::size_t count);

/// Absolute times of a block. errc::storage_damaged where they do not fit together.
Result<TimeColumn> decode_block_times(const telemetry::v1::Block& block);

/// An empty column of `type`.
ValueColumn make_column(ValueType type);
/// Appends from[i] to a column of the same type.
void append_value(ValueColumn& to, const ValueColumn& from, std::size_t i);

}  // namespace hub::sqlite
