// Figures on stdout, a JSON object a line: {"case":…,"figure":…,"engine":…,"value":…,"unit":…}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bench {

class Report {
 public:
  Report(std::string engine, std::string case_name) : engine_(std::move(engine)), case_(std::move(case_name)) {}
  void say(std::string_view figure, double value, std::string_view unit) const;
  /// For who watches; stderr.
  void note(std::string_view text) const;

 private:
  std::string engine_, case_;
};

/// The value below which `share` (0 … 1) of the values lie; 0 where there are none.
double quantile(std::vector<double> values, double share);

}  // namespace bench
