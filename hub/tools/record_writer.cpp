#include "hub/tools/record_writer.h"

#include <chrono>
#include <cstdio>

#include "hub/web/json_text.h"

namespace hub::tools {
namespace {

constexpr char kCsvEnd[] = "\r\n";

void append_csv_text(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_value(std::string& out, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return append_csv_text(out, *text);
  if (const auto* at = std::get_if<Location>(&value)) {
    web::append_number(out, at->latitude);
    out += ' ';
    web::append_number(out, at->longitude);
    out += ' ';
    web::append_number(out, at->altitude);
    return;
  }
  web::append_value(out, value);
}

std::string time_text(std::int64_t time_us) {
  std::string text;
  append_time(text, time_us);
  return text;
}

}  // namespace

void append_time(std::string& out, std::int64_t time_us) {
  using namespace std::chrono;
  if (time_us == 0) return;
  const sys_time<microseconds> time{microseconds(time_us)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  out += text;
}

void RecordWriter::append_header(std::string& out) const {
  if (format_ != RecordFormat::csv) return;
  out += "time,device,series,unit,value,gap_until,gap_count,gap_reason";
  out += kCsvEnd;
}

void RecordWriter::append_page(std::string& out, const SelectedSeries& series, const RawPage& page) const {
  // What is the same on every line.
  std::string names;
  if (format_ == RecordFormat::csv) {
    names += ',';
    append_csv_text(names, series.device_name);
    names += ',';
    append_csv_text(names, series.series.name);
    names += ',';
    append_csv_text(names, series.series.unit);
    names += ',';
  } else {
    names += "\",\"device\":";
    web::append_string(names, series.device_name);
    names += ",\"series\":";
    web::append_string(names, series.series.name);
    names += ",\"unit\":";
    web::append_string(names, series.series.unit);
    names += ",\"value\":";
  }
  for (std::size_t i = 0; i < page.times_us.size(); ++i) {
    if (format_ == RecordFormat::csv) {
      append_time(out, page.times_us[i]);
      out += names;
      append_csv_value(out, value_at(page.values, i));
      out += ",,,";
      out += kCsvEnd;
    } else {
      out += "{\"time\":\"";
      append_time(out, page.times_us[i]);
      out += names;
      web::append_value(out, value_at(page.values, i));
      out += "}\n";
    }
  }
}

void RecordWriter::append_gap(std::string& out, const SelectedSeries& series, const Gap& gap) const {
  const std::string_view name = raw(gap.series) == 0 ? std::string_view() : std::string_view(series.series.name);
  if (format_ == RecordFormat::csv) {
    append_time(out, gap.from_us);
    out += ',';
    append_csv_text(out, series.device_name);
    out += ',';
    append_csv_text(out, name);
    out += ",,,";
    append_time(out, gap.to_us);
    out += ',';
    if (gap.at_most) out += "<=";
    web::append_integer(out, gap.count);
    out += ',';
    out += to_string(gap.reason);
    out += kCsvEnd;
    return;
  }
  const auto text_or_null = [&](std::string_view key, std::string_view text) {
    out += key;
    if (text.empty()) {
      out += "null";
    } else {
      web::append_string(out, text);
    }
  };
  text_or_null("{\"gap\":{\"device\":", series.device_name);
  text_or_null(",\"series\":", name);
  text_or_null(",\"from\":", time_text(gap.from_us));
  text_or_null(",\"to\":", time_text(gap.to_us));
  out += ",\"count\":";
  web::append_integer(out, gap.count);
  out += gap.at_most ? ",\"at_most\":true" : ",\"at_most\":false";
  text_or_null(",\"reason\":", to_string(gap.reason));
  text_or_null(",\"reported_by\":", gap.reported_by);
  out += "}}\n";
}

}  // namespace hub::tools
