#include "hub/tools/reading_query.h"

#include "hub/storage/sqlite/folder_reader.h"
#include "hub/web/json_text.h"
#include "hub/web/readings_text.h"

namespace hub::tools {
namespace {

Problem unreadable(const SelectedSeries& one, const error_code& error) {
  return {to_errc(error),
          "the readings of " + one.device_name + " " + one.series.name + " cannot be read (" +
              std::string(describe(to_errc(error)).title) + "); telemetry-hub check says more.",
          ""};
}

std::string time_of(std::int64_t time_us) {
  std::string text;
  append_time(text, time_us);
  return text;
}

std::string value_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::string text;
  web::append_value(text, value);
  return text;
}

class Printer {
 public:
  Printer(const QueryWish& wish, sqlite::FolderReader& reader, std::FILE* out)
      : wish_(wish),
        reader_(reader),
        out_(out),
        writer_(wish.format == QueryFormat::csv ? RecordFormat::csv : RecordFormat::ndjson) {}

  std::optional<Problem> print(const std::vector<SelectedSeries>& series) {
    std::string text;
    if (wish_.format != QueryFormat::table) writer_.append_header(text);
    put(text);
    for (const auto& one : series) {
      if (auto problem = print(one)) return problem;
    }
    if (!any_ && wish_.format == QueryFormat::table) std::fputs("no readings in this range\n", out_);
    return std::nullopt;
  }

 private:
  void put(const std::string& text) { std::fwrite(text.data(), 1, text.size(), out_); }

  std::optional<Problem> print(const SelectedSeries& one) {
    const auto gaps = reader_.query_gaps({one.series.device, {one.series.id}, wish_.from_us, wish_.to_us});
    if (!gaps) return unreadable(one, gaps.error());
    if (wish_.width != 0) return print_buckets(one, *gaps);
    RawQuery query;
    query.series = one.series.id;
    query.from_us = wish_.from_us;
    query.to_us = wish_.to_us;
    query.limit = wish_.limit;
    const auto page = reader_.query_raw(query);
    if (!page) return unreadable(one, page.error());
    std::string text;
    if (wish_.format == QueryFormat::table) {
      if (page->times_us.empty() && gaps->empty()) return std::nullopt;
      head(text, one);
      gap_lines(text, *gaps);
      for (std::size_t i = 0; i < page->times_us.size(); ++i)
        text += time_of(page->times_us[i]) + "  " + value_of(value_at(page->values, i)) + "\n";
    } else {
      for (const auto& gap : *gaps) {
        if (raw(gap.series) != 0 || one.is_first_of_device) writer_.append_gap(text, one, gap);
      }
      writer_.append_page(text, one, *page);
    }
    put(text);
    if (page->next) {
      std::fprintf(stderr, "telemetry-hub: %s %s has more than %u readings here; raise --limit, or use export\n",
                   one.device_name.c_str(), one.series.name.c_str(), wish_.limit);
    }
    return std::nullopt;
  }

  std::optional<Problem> print_buckets(const SelectedSeries& one, const std::vector<Gap>& gaps) {
    const BucketQuery query{one.series.id, wish_.from_us, wish_.to_us, wish_.width};
    const auto buckets = reader_.query_buckets(query);
    if (!buckets) return unreadable(one, buckets.error());
    if (buckets->index.empty() && gaps.empty()) return std::nullopt;
    std::string text;
    head(text, one);
    gap_lines(text, gaps);
    const bool has_numbers = !buckets->minimum.empty();
    text += has_numbers ? "from                          readings  minimum  mean  maximum\n"
                        : "from                          readings  first  last\n";
    const auto number = [](double value) {
      char shown[32];
      std::snprintf(shown, sizeof shown, "%.6g", value);
      return std::string(shown);
    };
    for (std::size_t i = 0; i < buckets->index.size(); ++i) {
      text += time_of(web::bucket_start_us(query, buckets->index[i])) + "  " + std::to_string(buckets->count[i]) + "  ";
      if (has_numbers) {
        text += number(buckets->minimum[i]) + "  " + number(buckets->sum[i] / buckets->count[i]) + "  " +
                number(buckets->maximum[i]) + "\n";
      } else {
        text += value_of(value_at(buckets->first, i)) + "  " + value_of(value_at(buckets->last, i)) + "\n";
      }
    }
    put(text);
    return std::nullopt;
  }

  void head(std::string& text, const SelectedSeries& one) {
    if (any_) text += "\n";
    any_ = true;
    text += one.device_name + "  " + one.series.name;
    if (!one.series.unit.empty()) text += "  [" + one.series.unit + "]";
    text += "\n";
  }

  static void gap_lines(std::string& text, const std::vector<Gap>& gaps) {
    for (const auto& gap : gaps) {
      text += "gap  " + time_of(gap.from_us) + " to " + time_of(gap.to_us) + ": " + (gap.at_most ? "at most " : "") +
              std::to_string(gap.count) + " readings, " + to_string(gap.reason) +
              (raw(gap.series) == 0 ? ", of all series of the device" : "") + "\n";
    }
  }

  const QueryWish& wish_;
  sqlite::FolderReader& reader_;
  std::FILE* out_;
  const RecordWriter writer_;
  bool any_ = false;
};

}  // namespace

std::optional<Problem> print_readings(const QueryWish& wish, std::FILE* out) {
  const auto series = select_series(wish.folder, wish.selection);
  if (!series) return series.error();
  const auto reader = sqlite::FolderReader::open(wish.folder);
  if (!reader) return reader.error();
  return Printer(wish, **reader, out).print(*series);
}

}  // namespace hub::tools
