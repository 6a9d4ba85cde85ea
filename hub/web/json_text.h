// JSON written as text: numbers in their shortest form that reads back as the same double.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/reading.h"

namespace hub::web {

/// Shortest text that round-trips ("21.5", "1e+22", "-0.0"); null where `value` is not finite.
void append_number(std::string& out, double value);
void append_integer(std::string& out, std::int64_t value);
/// Quoted and escaped.
void append_string(std::string& out, std::string_view text);
/// A reading's value: number, boolean, string, or [latitude, longitude, altitude].
void append_value(std::string& out, const Value& value);
void append_json(std::string& out, const boost::json::value& value);
std::string to_text(const boost::json::value& value);

boost::json::value to_json(const Value& value);

boost::json::array text_array(const std::vector<std::string>& texts);

}  // namespace hub::web
