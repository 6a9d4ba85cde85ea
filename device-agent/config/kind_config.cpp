#include <algorithm>

#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"

namespace agent {
namespace {

constexpr std::size_t kMostNames = 512;

bool is_series_name(const std::string& name) {
  return !name.empty() && name.size() <= 96 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':' || c == '-';
  });
}

}  // namespace

void read_kind(const std::string& file, const toml::node& node, const std::string& name, KindOptions& options) {
  if (!node.is_table()) fail(file, node, name, "must be a table: [" + name + "]");
  ConfigSection s(file, *node.as_table(), name + ".");
  options.enable = s.flag("enable", options.enable);
  options.interval_us = s.duration_us("interval", options.interval_us, 100'000, 86'400'000'000LL);
  if (const toml::node* names = s.take("names")) {
    if (!names->is_table())
      fail(file, *names, name + ".names", "must be a table: { \"what was found\" = \"its name\" }");
    for (const auto& [key, value] : *names->as_table()) {
      const std::string what = name + ".names.\"" + std::string(key.str()) + "\"";
      const auto* text = value.as_string();
      if (text == nullptr || !is_series_name(text->get())) {
        fail(file, value, what, "must be a name of 1 to 96 letters, digits, '_', '.', ':' or '-'");
      }
      const auto same = std::find_if(options.names.begin(), options.names.end(), [&, k = key.str()](const auto& old) {
        return old.second == text->get() && old.first != k;
      });
      if (same != options.names.end()) fail(file, value, what, "\"" + same->first + "\" has this name already");
      options.names[std::string(key.str())] = text->get();
      if (options.names.size() > kMostNames) fail(file, value, what, "is one too many: at most 512 names");
    }
  }
  s.refuse_unknown();
}

}  // namespace agent
