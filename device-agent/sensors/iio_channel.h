// What a channel of an IIO chip measures, told by the name of its file.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace agent {

/// One readable channel: value = (file + offset) * scale * factor, in `unit`.
struct IioChannel {
  std::string file;                          // "in_temp_input", "in_voltage0_raw"
  std::string name;                          // "temperature", "voltage0", "acceleration_x"
  std::string unit;                          // UCUM
  double factor = 1, low = 0, high = 0;      // outside of low to high it is no measurement
  bool is_raw = false;                       // the scale and the offset are to be applied
  std::vector<std::string> scales, offsets;  // where they may stand, the channel's own first
};

/// Nothing where the file is not a channel's value ("in_temp_scale", "out_voltage0_raw").
std::optional<IioChannel> parse_iio_channel(const std::string& file);

/// The channels of a chip by its files (sorted), at most `most`: what the driver has scaled itself wins over the raw
/// value.
std::vector<IioChannel> iio_channels(const std::vector<std::string>& files, std::size_t most);

}  // namespace agent
