// One table of a configuration file, read key by key; what is wrong is named with file, line, key and what is allowed.
#pragma once

#include <toml++/toml.h>

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace agent {

/// Where something is wrong, as people need it; a line each where it is more than one thing. Thrown by the readers of
/// the configuration, caught in read_config().
struct ConfigError {
  std::string text;
};

[[noreturn]] void fail(const std::string& file, const toml::node& node, const std::string& key, const std::string& why);

/// Every key that may be there must be asked for; then refuse_unknown(). A key with a wrong value counts as not there,
/// and the mistake is kept: refuse() and refuse_unknown() throw all that was found, so that people see every mistake of
/// a table at once. ${NAME} in a text is replaced from the environment. `name` is what stands before a key in an error:
/// "agent.", "" for the top. Keeps references to `file` and `table`.
class ConfigSection {
 public:
  ConfigSection(const std::string& file, const toml::table& table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  std::string text(const char* key, const std::string& otherwise);
  /// "500ms", "1s", "5m", "2h".
  std::int64_t duration_us(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  /// "64KiB", "64MiB", "1GiB"; at least 16 KiB.
  std::size_t size_bytes(const char* key, std::size_t otherwise);
  std::int64_t integer(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  double number(const char* key, double otherwise);
  bool flag(const char* key, bool otherwise = false);
  std::vector<std::string> texts(const char* key);
  /// The node as it is, or null; the key counts as known.
  const toml::node* take(const char* key);
  [[noreturn]] void refuse(const char* key, const std::string& why);
  /// Call last.
  void refuse_unknown();

 private:
  template <class Read>
  auto reading(const char* key, decltype(std::declval<Read>()()) otherwise, Read&& read);
  [[noreturn]] void throw_all() const;
  std::string substituted(const toml::node& node, const char* key, const std::string& text) const;

  const std::string& file_;
  const toml::table& table_;
  std::string name_;
  std::vector<std::string> known_;
  std::vector<std::string> wrong_keys_, problems_;
};

boost::json::value to_json(const toml::node& node);

}  // namespace agent
