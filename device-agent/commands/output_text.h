// What a program prints, as text that may go into a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agent {

/// Takes a program's output in pieces as they come out of a pipe. What is no UTF-8 becomes U+FFFD (a message with
/// anything else could not be read by the hub, and the session would end for it). A line "progress 40" or "progress
/// 40%" says how far the program is; it stays in the text. Holds what was not taken yet; the caller bounds what it
/// adds.
class OutputText {
 public:
  void add(std::string_view bytes);
  /// Everything whole that was added since the last take(); at the end (`is_end`) also what is half a character.
  std::string take(bool is_end);
  bool has_more() const { return !text_.empty(); }
  std::uint32_t progress_percent() const { return progress_percent_; }

 private:
  void end_of_line();

  std::string text_, half_, line_;
  std::uint32_t progress_percent_ = 0;
};

}  // namespace agent
