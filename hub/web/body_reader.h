// Reads a JSON object field by field and remembers the first thing that is wrong with it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"

namespace hub::web {

/// The JSON of a body; Problem (400) names the position where it stops being JSON. An empty body is an empty object.
Outcome<boost::json::value> parse_json(std::string_view text);

/// Lives for one request. Each reader answers a default once something was wrong; problem() tells the first mistake,
/// unknown fields included, as a JSON pointer: ask it before using what was read.
class BodyReader {
 public:
  explicit BodyReader(const boost::json::value& body);

  struct Length {
    std::size_t least = 0, most = 0;  // bytes
  };
  std::string text(std::string_view name, Length length);  // required
  std::optional<std::string> optional_text(std::string_view name, Length length);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> optional_boolean(std::string_view name);
  std::optional<std::int64_t> optional_duration_us(std::string_view name, std::int64_t least_us, std::int64_t most_us,
                                                   std::string_view allowed);
  /// Names to texts: at most 64, names ≤ 64 bytes, texts ≤ 256.
  std::optional<std::map<std::string, std::string>> optional_texts(std::string_view name);
  /// At most 64, each of 1 to 64 bytes.
  std::optional<std::vector<std::string>> optional_list(std::string_view name);
  const boost::json::value* optional_any(std::string_view name);

  void refuse(std::string_view name, std::string detail);  // the caller found something wrong
  std::optional<Problem> problem() const;

 private:
  const boost::json::value* find(std::string_view name);
  const boost::json::object* object_;
  std::set<std::string, std::less<>> known_;
  std::optional<Problem> problem_;
};

}  // namespace hub::web
