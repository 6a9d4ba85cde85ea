#include "hub/tools/reading_export.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "hub/storage/sqlite/folder_reader.h"
#include "hub/tools/progress_bar.h"

namespace hub::tools {
namespace {

namespace json = boost::json;
constexpr std::uint32_t kPage = 50'000;

/// Where an export stands: everything of series before `series` is written, and of that one what lies before `page`.
struct ExportCursor {
  std::uint32_t series = 0;
  std::string page;  // empty: the series' gaps are not written either
  std::int64_t from_us = 0, to_us = 0;
  std::string selection;  // what was asked: an export goes on as the same one
  std::uint64_t bytes = 0;

  std::string to_text() const {
    const json::object object{{"v", 1},          {"series", series}, {"page", base::to_base64url(page)},
                              {"from", from_us}, {"to", to_us},      {"selection", selection},
                              {"bytes", bytes}};
    return base::to_base64url(json::serialize(object));
  }

  static std::optional<ExportCursor> from_text(std::string_view text) {
    const auto bytes = base::from_base64url(text);
    if (!bytes) return std::nullopt;
    boost::system::error_code error;
    const auto value = json::parse(*bytes, error);
    if (error || !value.is_object()) return std::nullopt;
    try {
      const auto& object = value.as_object();
      if (object.at("v").to_number<int>() != 1) return std::nullopt;
      ExportCursor cursor;
      cursor.series = object.at("series").to_number<std::uint32_t>();
      const auto page = base::from_base64url(std::string(object.at("page").as_string()));
      if (!page) return std::nullopt;
      cursor.page = *page;
      cursor.from_us = object.at("from").to_number<std::int64_t>();
      cursor.to_us = object.at("to").to_number<std::int64_t>();
      cursor.selection = object.at("selection").as_string();
      cursor.bytes = object.at("bytes").to_number<std::uint64_t>();
      return cursor;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }
};

std::string text_of(const ReadingSelection& selection, RecordFormat format) {
  std::string text = format == RecordFormat::csv ? "csv" : "ndjson";
  for (const auto& device : selection.devices) text += "\nd:" + device;
  for (const auto& pattern : selection.patterns) text += "\ns:" + pattern;
  return text;
}

std::optional<Problem> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      return Problem{errno == ENOSPC ? errc::unavailable : errc::storage_failed,
                     name + ": cannot be written (" + std::strerror(errno) + ").", ""};
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return std::nullopt;
}

class Export {
 public:
  Export(const ExportWish& wish, const std::atomic<bool>& stop,
         const std::function<void(double, const std::string&)>& progress)
      : wish_(wish), stop_(stop), progress_(progress), writer_(wish.format) {}
  ~Export() {
    if (is_file() && fd_ >= 0) ::close(fd_);
  }

  Outcome<ExportReport> run() {
    at_ = {0, "", wish_.from_us, wish_.to_us, text_of(wish_.selection, wish_.format), 0};
    if (auto problem = take_up()) return *problem;
    auto series = select_series(wish_.folder, wish_.selection);
    if (!series) return series.error();
    auto reader = sqlite::FolderReader::open(wish_.folder);
    if (!reader) return reader.error();
    if (auto problem = open_output()) return *problem;
    report_.series = series->size();
    for (std::size_t i = 0; i < series->size(); ++i) {
      const auto& one = (*series)[i];
      if (raw(one.series.id) < at_.series) continue;
      if (raw(one.series.id) != at_.series) at_.page.clear();
      at_.series = raw(one.series.id);
      const double share = 1.0 / static_cast<double>(series->size());
      if (auto problem = write_series(**reader, one, share * static_cast<double>(i), share)) return *problem;
      if (stop_) {
        report_.cursor = at_.to_text();
        return report_;
      }
    }
    if (auto problem = flush()) return *problem;
    report_.is_complete = true;
    std::error_code ignored;
    if (is_file()) std::filesystem::remove(cursor_path(), ignored);
    return report_;
  }

 private:
  bool is_file() const { return !wish_.output.empty(); }
  std::string cursor_path() const { return wish_.output + ".cursor"; }

  /// Where a former run ended.
  std::optional<Problem> take_up() {
    std::string text = wish_.cursor;
    if (wish_.resume) {
      std::ifstream file(cursor_path());
      if (!(file >> text)) {
        return Problem{errc::not_found,
                       cursor_path() +
                           ": cannot be read, so there is nothing to resume. Without --resume the export "
                           "starts from the beginning.",
                       "--resume"};
      }
    }
    if (text.empty()) return std::nullopt;
    const auto cursor = ExportCursor::from_text(text);
    if (!cursor) return Problem{errc::invalid_argument, "this is no cursor of an export", "--cursor"};
    if (cursor->selection != at_.selection) {
      return Problem{errc::invalid_argument,
                     "the cursor belongs to an export of other devices, other series or another format; give the same "
                     "flags as then",
                     wish_.resume ? "--resume" : "--cursor"};
    }
    at_ = *cursor;
    is_resumed_ = true;
    return std::nullopt;
  }

  std::optional<Problem> open_output() {
    if (!is_file()) {
      fd_ = STDOUT_FILENO;
      at_.bytes = 0;
    } else {
      const int mode = O_CREAT | O_WRONLY | O_CLOEXEC | (is_resumed_ ? 0 : O_EXCL);
      fd_ = ::open(wish_.output.c_str(), mode, 0666);
      if (fd_ < 0 && errno == EEXIST) {
        return Problem{errc::conflict,
                       wish_.output +
                           ": is there already; give another name, remove it, or --resume what was "
                           "interrupted.",
                       "--output"};
      }
      if (fd_ < 0) {
        return Problem{errc::invalid_argument, wish_.output + ": cannot be written (" + std::strerror(errno) + ").",
                       "--output"};
      }
      if (is_resumed_ && (std::filesystem::file_size(wish_.output) < at_.bytes ||
                          ::ftruncate(fd_, static_cast<off_t>(at_.bytes)) != 0 || ::lseek(fd_, 0, SEEK_END) < 0)) {
        return Problem{errc::conflict, wish_.output + ": is shorter than its cursor says; start the export anew.",
                       "--resume"};
      }
    }
    if (!is_resumed_) writer_.append_header(text_);
    return std::nullopt;
  }

  std::optional<Problem> write_series(sqlite::FolderReader& reader, const SelectedSeries& one, double before,
                                      double share) {
    if (at_.page.empty()) {
      const GapQuery query{one.series.device, {one.series.id}, at_.from_us, at_.to_us};
      const auto gaps = reader.query_gaps(query);
      if (!gaps) return failed(one, gaps.error());
      for (const auto& gap : *gaps) {
        if (raw(gap.series) == 0 && !one.is_first_of_device) continue;
        writer_.append_gap(text_, one, gap);
        ++report_.gaps;
      }
    }
    for (;;) {
      RawQuery query;
      query.series = one.series.id;
      query.from_us = at_.from_us;
      query.to_us = at_.to_us;
      query.limit = kPage;
      if (!at_.page.empty()) query.cursor = at_.page;
      const auto page = reader.query_raw(query);
      if (!page) return failed(one, page.error());
      writer_.append_page(text_, one, *page);
      report_.readings += page->times_us.size();
      if (page->next) {
        at_.page = *page->next;
      } else {
        ++at_.series;
        at_.page.clear();
      }
      if (auto problem = flush()) return problem;
      if (!page->times_us.empty()) {
        const double span = static_cast<double>(std::max<std::int64_t>(1, page->times_us.back() - first_us_of(*page)));
        const double whole = static_cast<double>(std::max<std::int64_t>(1, at_.to_us - first_us_));
        progress_(before + share * std::min(1.0, span / whole),
                  std::to_string(report_.readings) + " readings, " + bytes_text(static_cast<double>(report_.bytes)));
      }
      if (!page->next || stop_) return std::nullopt;
    }
  }

  /// Where the series begins, for the progress only.
  std::int64_t first_us_of(const RawPage& page) {
    if (shown_series_ != at_.series) {
      shown_series_ = at_.series;
      first_us_ = page.times_us.front();
    }
    return first_us_;
  }

  std::optional<Problem> failed(const SelectedSeries& one, const error_code& error) const {
    return Problem{to_errc(error),
                   "the readings of " + one.device_name + " " + one.series.name + " cannot be read (" +
                       std::string(describe(to_errc(error)).title) + "); telemetry-hub check says more.",
                   ""};
  }

  std::optional<Problem> flush() {
    if (auto problem = write_all(fd_, text_, is_file() ? wish_.output : "stdout")) return problem;
    at_.bytes += text_.size();
    report_.bytes += text_.size();
    text_.clear();
    if (!is_file()) return std::nullopt;
    if (::fdatasync(fd_) != 0)
      return Problem{errc::storage_failed, wish_.output + ": cannot be flushed (" + std::strerror(errno) + ").", ""};
    const std::string making = cursor_path() + ".part";
    {
      std::ofstream file(making, std::ios::trunc);
      file << at_.to_text() << '\n';
      if (!file.flush()) return Problem{errc::storage_failed, making + ": cannot be written.", ""};
    }
    std::error_code error;
    std::filesystem::rename(making, cursor_path(), error);
    if (error) return Problem{errc::storage_failed, cursor_path() + ": cannot be written.", ""};
    return std::nullopt;
  }

  const ExportWish& wish_;
  const std::atomic<bool>& stop_;
  const std::function<void(double, const std::string&)>& progress_;
  const RecordWriter writer_;
  ExportCursor at_;
  ExportReport report_;
  std::string text_;  // not written yet
  int fd_ = -1;
  bool is_resumed_ = false;
  std::uint32_t shown_series_ = 0;
  std::int64_t first_us_ = 0;
};

}  // namespace

Outcome<ExportReport> export_readings(const ExportWish& wish, const std::atomic<bool>& stop,
                                      const std::function<void(double, const std::string&)>& progress) {
  return Export(wish, stop, progress).run();
}

}  // namespace hub::tools
