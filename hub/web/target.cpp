#include "hub/web/target.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace hub::web {
namespace {

std::string decoded(boost::urls::pct_string_view text) {
  boost::urls::encoding_opts options;
  options.space_as_plus = false;  // "+01:00" in a time means plus
  return text.decode(options);
}

}  // namespace

std::optional<Target> Target::parse(std::string_view text) {
  const auto url = boost::urls::parse_origin_form(text);
  if (!url) return std::nullopt;
  Target target;
  for (const auto segment : url->encoded_segments()) {
    std::string name = decoded(segment);
    if (name.find('\0') != std::string::npos) return std::nullopt;
    target.segments.push_back(std::move(name));
  }
  if (target.segments.size() == 1 && target.segments.front().empty()) target.segments.clear();
  for (const auto parameter : url->encoded_params()) {
    target.query.emplace_back(decoded(parameter.key), decoded(parameter.value));
  }
  return target;
}

}  // namespace hub::web
