#include "hub/tools/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace hub::tools {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int kCells = 24, kDetailColumns = 40;

}  // namespace

ProgressBar::ProgressBar(std::string what) : what_(std::move(what)), is_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (is_terminal_ && drawn_ != std::chrono::steady_clock::time_point()) std::fputs("\r\033[K", stderr);
}

void ProgressBar::show(double share, const std::string& detail) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal_ || now - drawn_ < kRedraw) return;
  drawn_ = now;
  const double done = std::clamp(share, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(done * kCells);
  const std::string bar = std::string(full, '#') + std::string(kCells - full, '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %3d %%  %.*s", what_.c_str(), bar.c_str(), static_cast<int>(done * 100),
               kDetailColumns, detail.c_str());
}

std::string bytes_text(double bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < std::size(units); bytes /= 1000) ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

}  // namespace hub::tools
