// Reads the query of a target parameter by parameter and remembers the first mistake.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/web/target.h"

namespace hub::web {

/// Lives for one request; same use as BodyReader.
class QueryReader {
 public:
  explicit QueryReader(const Target& target) : target_(target) {}

  std::optional<std::string> optional_text(std::string_view name);
  /// Of a parameter that may be given several times; none may be empty, each is UTF-8.
  std::vector<std::string> texts(std::string_view name);
  std::optional<bool> optional_flag(std::string_view name);  // true or false
  std::optional<double> optional_number(std::string_view name, double least, double most);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<std::int64_t> optional_time(std::string_view name, std::int64_t now_us);
  std::int64_t time(std::string_view name, std::int64_t now_us);     // required
  std::optional<std::string> optional_bytes(std::string_view name);  // base64url

  void refuse(std::string_view name, std::string detail);
  std::optional<Problem> problem() const;

 private:
  const std::string* find(std::string_view name);
  const Target& target_;
  std::set<std::string, std::less<>> known_;
  std::optional<Problem> problem_;
};

}  // namespace hub::web
