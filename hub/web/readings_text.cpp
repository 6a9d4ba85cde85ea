#include "hub/web/readings_text.h"

#include "hub/web/json_text.h"

namespace hub::web {
namespace {

constexpr std::string_view kBucketColumns = R"(["time","min","max","first","last","count","sum"])";

void append_key(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_string(out, name);
  out += ':';
}

void append_head(std::string& out, const ReadingsHead& head, std::string_view resolution) {
  out += '{';
  append_key(out, "device");
  append_string(out, head.device);
  append_key(out, "series");
  append_string(out, head.series.name);
  append_key(out, "unit");
  append_string(out, head.series.unit);
  append_key(out, "type");
  append_string(out, to_string(head.series.type));
  append_key(out, "revision");
  append_integer(out, head.series.revision);
  append_key(out, "revisions");
  append_integer(out, static_cast<std::int64_t>(head.revisions));
  append_key(out, "from");
  append_integer(out, head.from_us);
  append_key(out, "to");
  append_integer(out, head.to_us);
  append_key(out, "resolution");
  append_string(out, resolution);
}

void append_tail(std::string& out, const ReadingsHead& head) {
  append_key(out, "gaps");
  out += '[';
  for (std::size_t i = 0; i < head.gaps.size(); ++i) {
    if (i > 0) out += ',';
    const Gap& gap = head.gaps[i];
    append_gap(out, gap, raw(gap.series) == 0 ? std::string() : head.series.name);
  }
  out += ']';
  append_key(out, "next");
  if (head.next_cursor.empty()) {
    out += "null";
  } else {
    append_string(out, head.next_cursor);
  }
  append_key(out, "as_of");
  append_string(out, head.as_of);
  out += '}';
}

void append_csv_value(std::string& out, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (text->find_first_of(",\"\r\n") == std::string::npos && !text->empty()) {
      out += *text;
      return;
    }
    out += '"';
    for (const char c : *text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  } else if (const auto* at = std::get_if<Location>(&value)) {
    append_number(out, at->latitude);
    out += ' ';
    append_number(out, at->longitude);
    out += ' ';
    append_number(out, at->altitude);
  } else {
    append_value(out, value);
  }
}

/// A bucket's first or last: booleans as 0/1, the rest as they are.
Value in_bucket(const ValueColumn& column, std::size_t i) {
  Value value = value_at(column, i);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1.0 : 0.0;
  return value;
}

void append_rows(std::string& out, const BucketQuery& query, const Buckets& buckets) {
  out += '[';
  const bool has_numbers = !buckets.minimum.empty();
  for (std::size_t i = 0; i < buckets.index.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_integer(out, bucket_start_us(query, buckets.index[i]));
    out += ',';
    if (has_numbers) {
      append_number(out, buckets.minimum[i]);
      out += ',';
      append_number(out, buckets.maximum[i]);
    } else {
      out += "null,null";
    }
    out += ',';
    append_value(out, in_bucket(buckets.first, i));
    out += ',';
    append_value(out, in_bucket(buckets.last, i));
    out += ',';
    append_integer(out, buckets.count[i]);
    out += ',';
    if (has_numbers) {
      append_number(out, buckets.sum[i]);
    } else {
      out += "null";
    }
    out += ']';
  }
  out += ']';
}

}  // namespace

void append_gap(std::string& out, const Gap& gap, const std::string& series_name) {
  out += '{';
  append_key(out, "device");
  append_string(out, gap.device.str());
  append_key(out, "series");
  if (series_name.empty()) {
    out += "null";
  } else {
    append_string(out, series_name);
  }
  append_key(out, "from");
  append_integer(out, gap.from_us);
  append_key(out, "to");
  append_integer(out, gap.to_us);
  append_key(out, "count");
  append_integer(out, gap.count);
  append_key(out, "at_most");
  out += gap.at_most ? "true" : "false";
  append_key(out, "reason");
  append_string(out, hub::to_string(gap.reason));
  append_key(out, "reported_by");
  append_string(out, gap.reported_by);
  out += '}';
}

std::int64_t bucket_start_us(const BucketQuery& query, std::uint32_t index) {
  const std::int64_t range = query.to_us - query.from_us;
  // index·range / width in parts: the product may pass 64 bits.
  const std::int64_t whole = range / query.width, rest = range % query.width;
  return query.from_us + whole * index + rest * index / query.width;
}

std::string raw_json(const ReadingsHead& head, const RawPage& page) {
  std::string out;
  out.reserve(256 + page.times_us.size() * 32);
  append_head(out, head, "raw");
  append_key(out, "columns");
  out += R"(["time","value"])";
  append_key(out, "rows");
  out += '[';
  const auto* numbers = std::get_if<std::vector<double>>(&page.values);
  for (std::size_t i = 0; i < page.times_us.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_integer(out, page.times_us[i]);
    out += ',';
    if (numbers != nullptr) {
      append_number(out, (*numbers)[i]);
    } else {
      append_value(out, value_at(page.values, i));
    }
    out += ']';
  }
  out += ']';
  append_tail(out, head);
  return out;
}

std::string raw_csv(const RawPage& page) {
  std::string out = "time,value\r\n";
  out.reserve(16 + page.times_us.size() * 32);
  for (std::size_t i = 0; i < page.times_us.size(); ++i) {
    append_integer(out, page.times_us[i]);
    out += ',';
    append_csv_value(out, value_at(page.values, i));
    out += "\r\n";
  }
  return out;
}

std::string buckets_json(const ReadingsHead& head, const BucketQuery& query, const Buckets& buckets) {
  std::string out;
  out.reserve(256 + buckets.index.size() * 96);
  append_head(out, head, "buckets");
  append_key(out, "width");
  append_integer(out, query.width);
  append_key(out, "columns");
  out += kBucketColumns;
  append_key(out, "rows");
  append_rows(out, query, buckets);
  append_tail(out, head);
  return out;
}

std::string many_buckets_json(const ManyReadingsHead& head, const BucketQuery& query,
                              const std::vector<Buckets>& buckets) {
  std::size_t rows = 0;
  for (const auto& one : buckets) rows += one.index.size();
  std::string out = "{";
  out.reserve(512 + buckets.size() * 128 + rows * 96);
  append_key(out, "device");
  append_string(out, head.device);
  append_key(out, "from");
  append_integer(out, query.from_us);
  append_key(out, "to");
  append_integer(out, query.to_us);
  append_key(out, "width");
  append_integer(out, query.width);
  append_key(out, "columns");
  out += kBucketColumns;
  append_key(out, "series");
  out += '[';
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const SeriesRecord& series = head.series[i];
    out += i > 0 ? ",{" : "{";
    append_key(out, "name");
    append_string(out, series.name);
    append_key(out, "unit");
    append_string(out, series.unit);
    append_key(out, "type");
    append_string(out, to_string(series.type));
    append_key(out, "revision");
    append_integer(out, series.revision);
    append_key(out, "rows");
    append_rows(out, query, buckets[i]);
    out += '}';
  }
  out += ']';
  append_key(out, "gaps");
  out += '[';
  for (std::size_t i = 0; i < head.gaps.size(); ++i) {
    if (i > 0) out += ',';
    append_gap(out, head.gaps[i].first, head.gaps[i].second);
  }
  out += ']';
  append_key(out, "as_of");
  append_string(out, head.as_of);
  out += '}';
  return out;
}

std::string latest_json(const std::vector<LatestReading>& readings,
                        const std::unordered_map<SeriesId, const SeriesRecord*>& series) {
  std::string out = R"({"columns":["device","series","unit","time","value"],"rows":[)";
  out.reserve(out.size() + readings.size() * 80);
  bool first = true;
  for (const auto& reading : readings) {
    const SeriesRecord& record = *series.at(reading.series);
    out += first ? "[" : ",[";
    first = false;
    append_string(out, record.device.str());
    out += ',';
    append_string(out, record.name);
    out += ',';
    append_string(out, record.unit);
    out += ',';
    append_integer(out, reading.time_us);
    out += ',';
    append_value(out, reading.value);
    out += ']';
  }
  out += "]}";
  return out;
}

std::string buckets_csv(const BucketQuery& query, const Buckets& buckets) {
  std::string out = "time,min,max,first,last,count,sum\r\n";
  out.reserve(48 + buckets.index.size() * 96);
  const bool has_numbers = !buckets.minimum.empty();
  for (std::size_t i = 0; i < buckets.index.size(); ++i) {
    append_integer(out, bucket_start_us(query, buckets.index[i]));
    out += ',';
    if (has_numbers) append_number(out, buckets.minimum[i]);
    out += ',';
    if (has_numbers) append_number(out, buckets.maximum[i]);
    out += ',';
    append_csv_value(out, in_bucket(buckets.first, i));
    out += ',';
    append_csv_value(out, in_bucket(buckets.last, i));
    out += ',';
    append_integer(out, buckets.count[i]);
    out += ',';
    if (has_numbers) append_number(out, buckets.sum[i]);
    out += "\r\n";
  }
  return out;
}

}  // namespace hub::web
