// Names of series made of what scripts call things.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agent {

/// [A-Za-z0-9_.:-]{1,128}: any other byte becomes '_'; one that is too long keeps its first 119 characters, '-' and the
/// CRC-32 of the whole, so that two long ones stay two. Empty stays empty.
std::string fit_name(std::string_view text);

/// "measurement.KEY:VALUE.KEY:VALUE.field": tags by key, so that their order in the line does not matter. A field that
/// is called "value" is left out.
std::string joined_name(std::string_view measurement, std::vector<std::pair<std::string, std::string>> tags,
                        std::string_view field);

/// The UCUM unit that a Prometheus name ends with ("_bytes", "_celsius_total"); empty: none.
std::string unit_of_name(std::string_view name);

}  // namespace agent
