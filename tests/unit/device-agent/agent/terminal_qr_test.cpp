#include "device-agent/terminal_qr.h"

#include <gtest/gtest.h>
#include <qrencode.h>

#include <sstream>
#include <vector>

namespace agent {
namespace {

/// True: a light module.
std::vector<std::vector<bool>> modules_of(const std::string& drawn) {
  std::vector<std::vector<bool>> rows;
  std::istringstream lines(drawn);
  for (std::string line; std::getline(lines, line);) {
    std::vector<bool> upper, lower;
    for (std::size_t at = 0; at < line.size();) {
      const std::string glyph = line.substr(at, line[at] == ' ' ? 1 : 3);
      at += glyph.size();
      upper.push_back(glyph == "\u2588" || glyph == "\u2580");
      lower.push_back(glyph == "\u2588" || glyph == "\u2584");
    }
    rows.push_back(upper);
    rows.push_back(lower);
  }
  return rows;
}

TEST(TerminalQr, every_module_is_where_the_code_has_it_and_a_light_margin_is_around) {
  const std::string text = "https://hub.local:8443/enrol?code=ABCD-EFGH";
  const auto rows = modules_of(terminal_qr(text));
  QRcode* code = QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1);
  ASSERT_NE(code, nullptr);
  const int width = code->width;
  ASSERT_GE(rows.size(), static_cast<std::size_t>(width + 4));
  for (int y = -2; y < width + 2; ++y) {
    const auto& row = rows[static_cast<std::size_t>(y + 2)];
    ASSERT_EQ(row.size(), static_cast<std::size_t>(width + 4));
    for (int x = -2; x < width + 2; ++x) {
      const bool inside = x >= 0 && y >= 0 && x < width && y < width;
      EXPECT_EQ(row[static_cast<std::size_t>(x + 2)], !inside || (code->data[y * width + x] & 1) == 0) << x << "," << y;
    }
  }
  QRcode_free(code);
}

TEST(TerminalQr, what_does_not_fit_is_nothing) {
  EXPECT_EQ(terminal_qr(std::string(5'000, 'x')), "");
}

}  // namespace
}  // namespace agent
