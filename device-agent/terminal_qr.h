// A QR code that a phone can read off a terminal.
#pragma once

#include <string>

namespace agent {

/// In half blocks of UTF-8, two rows of the code a line, light on dark as terminals are; with a margin. Empty where
/// `text` does not fit into a code.
std::string terminal_qr(const std::string& text);

}  // namespace agent
