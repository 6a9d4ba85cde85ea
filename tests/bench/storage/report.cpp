#include "tests/bench/storage/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace bench {

void Report::say(std::string_view figure, double value, std::string_view unit) const {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  std::cout << R"({"case":")" << case_ << R"(","figure":")" << figure << R"(","engine":")" << engine_ << R"(","value":)"
            << text << R"(,"unit":")" << unit << "\"}" << std::endl;
}

void Report::note(std::string_view text) const {
  std::cerr << engine_ << ' ' << case_ << ": " << text << '\n';
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(std::floor(share * static_cast<double>(values.size() - 1) + 0.5));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace bench
