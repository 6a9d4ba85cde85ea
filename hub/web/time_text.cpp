#include "hub/web/time_text.h"

#include <charconv>
#include <chrono>

#include "hub/core/duration.h"

namespace hub::web {
namespace {

template <class T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_digits(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

/// Exactly `count` digits at the front; taken off `text`.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count || !is_digits(text.substr(0, count))) return std::nullopt;
  const auto value = whole<int>(text.substr(0, count));
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> fraction_us(std::string_view& text) {
  std::int64_t value = 0;
  int count = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (count < 6) value = value * 10 + (text.front() - '0');
    ++count;
    text.remove_prefix(1);
  }
  if (count == 0) return std::nullopt;
  for (; count < 6; ++count) value *= 10;
  return value;
}

/// "Z" or "+01:00", in minutes; the whole of `text`.
std::optional<int> offset_minutes(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool minus = take(text, '-');
  // A '+' that was not percent-encoded arrives as a space from clients that read queries as forms.
  if (!minus && !take(text, '+') && !take(text, ' ')) return std::nullopt;
  const auto hours = digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const int all = *hours * 60 + *minutes;
  return minus ? -all : all;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || (!take(text, 'T') && !take(text, 't') && !take(text, ' '))) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second) return std::nullopt;
  std::int64_t part_us = 0;
  if (take(text, '.')) {
    const auto parsed = fraction_us(text);
    if (!parsed) return std::nullopt;
    part_us = *parsed;
  }
  const auto offset = offset_minutes(text);
  if (!offset) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // 60 is a leap second, which Unix time writes as the next second.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + *hour * 3'600 + *minute * 60 + *second - *offset * 60;
  return seconds * 1'000'000 + part_us;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_us) {
  std::optional<std::int64_t> time;
  if (text == "now") {
    time = now_us;
  } else if (is_digits(text)) {
    time = whole<std::int64_t>(text);
  } else if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    const auto offset = duration_from_text(text.substr(1));
    if (offset) time = text.front() == '-' ? now_us - *offset : now_us + *offset;
  } else {
    time = parse_rfc3339(text);
  }
  if (!time || *time > kLatestTime || *time < -kLatestTime) return std::nullopt;
  return time;
}

}  // namespace hub::web
