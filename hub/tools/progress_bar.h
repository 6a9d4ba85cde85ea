// How far a long command is, on a terminal.
#pragma once

#include <chrono>
#include <string>

namespace hub::tools {

/// One line on stderr, drawn anew at most ten times a second; nothing where stderr is no terminal. The line is gone
/// with the bar.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `share`: 0 … 1. `detail`: what is worked on, or how much is done.
  void show(double share, const std::string& detail);

 private:
  const std::string what_;
  const bool is_terminal_;
  std::chrono::steady_clock::time_point drawn_{};
};

/// "2.4 GB"
std::string bytes_text(double bytes);

}  // namespace hub::tools
