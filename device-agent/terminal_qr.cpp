#include "device-agent/terminal_qr.h"

#include <qrencode.h>

#include <memory>

namespace agent {

std::string terminal_qr(const std::string& text) {
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), QRcode_free);
  if (!code) return {};
  constexpr int kMargin = 2;
  const int width = code->width;
  const auto is_light = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= width || y >= width) return true;
    return (code->data[y * width + x] & 1) == 0;
  };
  std::string out;
  for (int y = -kMargin; y < width + kMargin; y += 2) {
    for (int x = -kMargin; x < width + kMargin; ++x) {
      const bool upper = is_light(x, y), lower = y + 1 < width + kMargin && is_light(x, y + 1);
      out += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
    }
    out += "\n";
  }
  return out;
}

}  // namespace agent
