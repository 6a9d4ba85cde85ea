#include "device-agent/commands/output_text.h"

#include <algorithm>
#include <charconv>

#include "wire/frame_codec.h"

namespace agent {
namespace {

constexpr std::size_t kLongestProgressLine = 32;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// How many bytes a character has that begins with this one; 0: none does.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}
bool is_tail(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

void OutputText::add(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n') {
      end_of_line();
    } else if (line_.size() <= kLongestProgressLine) {
      line_.push_back(c);
    }
  }
  half_.append(bytes);
  std::size_t at = 0;
  while (at < half_.size()) {
    const std::size_t length = length_of(static_cast<unsigned char>(half_[at]));
    std::size_t whole = 1;
    while (whole < length && at + whole < half_.size() && is_tail(half_[at + whole])) ++whole;
    if (whole < length && at + whole == half_.size()) break;  // the rest may come yet
    const std::string_view one = std::string_view(half_).substr(at, whole);
    const bool is_good = whole == length && wire::is_utf8(one);
    text_ += is_good ? one : kReplacement;
    at += whole;
  }
  half_.erase(0, at);
}

std::string OutputText::take(bool is_end) {
  if (is_end && !half_.empty()) {
    text_ += kReplacement;
    half_.clear();
  }
  return std::exchange(text_, {});
}

void OutputText::end_of_line() {
  constexpr std::string_view kWord = "progress ";
  if (line_.size() <= kLongestProgressLine && line_.rfind(kWord, 0) == 0) {
    std::uint32_t percent = 0;
    const char* const last = line_.data() + line_.size();
    const auto [end, ec] = std::from_chars(line_.data() + kWord.size(), last, percent);
    const std::string_view rest(end, static_cast<std::size_t>(last - end));
    if (ec == std::errc{} && percent <= 100 && (rest.empty() || rest == "%" || rest == "\r")) {
      progress_percent_ = std::max(progress_percent_, percent);
    }
  }
  line_.clear();
}

}  // namespace agent
