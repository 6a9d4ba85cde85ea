// What a stranger said, as it may stand in a log and a status.
#pragma once

#include <cstddef>
#include <string>

namespace agent {

/// Control characters as spaces (a line break would forge a line of the log), cut at `most` bytes.
inline std::string printable(std::string text, std::size_t most = 200) {
  if (text.size() > most) {
    text.resize(most);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80) text.pop_back();
    text += "...";
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace agent
