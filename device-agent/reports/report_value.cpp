#include "device-agent/reports/report_value.h"

#include <charconv>
#include <chrono>
#include <cmath>

namespace agent {
namespace {

constexpr std::int64_t kLatestUs = 7'258'118'400'000'000;  // 2200
constexpr std::size_t kLongestText = 1'024;

/// Bytes of the UTF-8 character at the start of `text`; 0: there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than needed, a half of a surrogate pair, past the last character.
  if (size == 3 && ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f))) return 0;
  if (size == 4 && ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))) return 0;
  return size;
}

std::optional<std::int64_t> bounded(std::int64_t us) {
  return us >= 0 && us <= kLatestUs ? std::optional(us) : std::nullopt;
}

/// Exactly so many digits, taken from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_digits(text, 4);
  const bool dash = y && take(text, "-");
  const auto mo = dash ? take_digits(text, 2) : std::nullopt;
  const auto d = mo && take(text, "-") ? take_digits(text, 2) : std::nullopt;
  const auto h = d && take(text, "Tt ") ? take_digits(text, 2) : std::nullopt;
  const auto mi = h && take(text, ":") ? take_digits(text, 2) : std::nullopt;
  const auto s = mi && take(text, ":") ? take_digits(text, 2) : std::nullopt;
  if (!s || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  std::int64_t us = duration_cast<microseconds>(sys_days{date}.time_since_epoch()).count();
  us += ((*h * 60LL + *mi) * 60 + *s) * 1'000'000;
  if (take(text, ".")) {
    std::int64_t scale = 100'000;
    bool any = false;
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), scale /= 10) {
      us += (text[0] - '0') * scale;
      any = true;
    }
    if (!any) return std::nullopt;
  }
  if (take(text, "Zz")) return text.empty() ? bounded(us) : std::nullopt;
  const bool ahead = !text.empty() && text[0] == '+';
  if (!take(text, "+-")) return std::nullopt;
  const auto zh = take_digits(text, 2);
  const auto zm = zh && take(text, ":") ? take_digits(text, 2) : std::nullopt;
  if (!zm || !text.empty() || *zh > 23 || *zm > 59) return std::nullopt;
  const std::int64_t zone = (*zh * 60LL + *zm) * 60'000'000;
  return bounded(ahead ? us - zone : us + zone);
}

}  // namespace

std::optional<double> finite_number(std::string_view word) {
  if (word.size() > 1 && word[0] == '+' && word[1] != '-') word.remove_prefix(1);
  double number = 0;
  const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (ec != std::errc{} || end != word.data() + word.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool is_storable_text(std::string_view text) {
  return text.size() <= kLongestText && is_utf8(text);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0 || (size == 1 && ((text[0] < ' ' && text[0] != '\t') || text[0] == '\x7f'))) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::optional<Value> plain_value(std::string_view text) {
  if (const auto number = finite_number(text)) return Value(*number);
  if (text == "true" || text == "false") return Value(text == "true");
  double not_finite = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), not_finite);
  const bool is_number = ec != std::errc::invalid_argument && end == text.data() + text.size();
  if (text.empty() || is_number || !is_storable_text(text)) return std::nullopt;
  return Value(std::string(text));
}

std::optional<std::int64_t> time_of_seconds(double seconds) {
  if (!(seconds >= 0 && seconds <= static_cast<double>(kLatestUs) / 1e6)) return std::nullopt;
  return bounded(std::llround(seconds * 1e6));
}

std::optional<std::int64_t> time_of_count(std::int64_t count, std::int64_t unit_ns) {
  if (count < 0) return std::nullopt;
  if (unit_ns < 1'000) return bounded(count / (1'000 / unit_ns));
  const std::int64_t unit_us = unit_ns / 1'000;
  return count <= kLatestUs / unit_us ? std::optional(count * unit_us) : std::nullopt;
}

std::optional<std::int64_t> time_of_text(std::string_view text) {
  if (const auto seconds = finite_number(text)) return time_of_seconds(*seconds);
  return rfc3339(text);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace agent
