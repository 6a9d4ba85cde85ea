// Writes the shared workload as the peers' clients send it, one file a batch, so that a client has only to send files:
// its own cost is then no part of what is measured.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/workload.h"

namespace {

/// line: InfluxDB's line protocol, the fields of a device on one line; values: the same, one value a line; copy:
/// PostgreSQL's COPY … BINARY of (series integer, time bigint, value double precision); samples: int64 device,
/// int64 time in µs and all ten doubles, little endian, for the client of the device link.
enum class Format { line, values, copy, samples };

struct Options {
  Format format = Format::line;
  std::string folder;
  std::uint64_t seconds = 100;
  std::size_t batch = 10'000;
  std::size_t instants = 10;
  unsigned first_device = 0;
  std::vector<unsigned> series;
  bench::WorkloadOptions workload;
};

template <std::integral T>
void append_number(std::string& out, T value, std::endian order) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const auto shift = 8 * (order == std::endian::little ? i : sizeof(T) - 1 - i);
    out.push_back(static_cast<char>((bits >> shift) & 0xff));
  }
}

template <class T>
void append_decimal(std::string& out, T value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

/// What a device sends at once: as many of its samples as `--instants` says, like the frames of the device link.
using Frame = std::vector<bench::Sample>;

class BatchWriter {
 public:
  explicit BatchWriter(const Options& options) : options_(options) { begin(); }

  void add(const Frame& frame) {
    if (options_.format == Format::copy) {
      add_rows(frame);
    } else {
      for (const auto& sample : frame) add(sample);
    }
    readings_ += frame.size() * options_.series.size();
    if (readings_ >= options_.batch) flush();
  }

  void flush() {
    if (readings_ == 0) return;
    if (options_.format == Format::copy) append_number<std::int16_t>(text_, -1, std::endian::big);
    char name[16];
    std::snprintf(name, sizeof name, "/%06u", batches_++);
    std::ofstream file(options_.folder + name, std::ios::binary);
    file.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    file.close();
    if (!file) throw std::runtime_error("cannot write " + options_.folder + name);
    begin();
  }

 private:
  void begin() {
    text_.clear();
    readings_ = 0;
    if (options_.format != Format::copy) return;
    text_.append("PGCOPY\n\377\r\n\0", 11);
    text_.append(8, '\0');  // no flags, no header extension
  }

  void add(const bench::Sample& sample) {
    if (options_.format == Format::line) {
      add_line(sample);
    } else if (options_.format == Format::values) {
      add_values(sample);
    } else {
      add_sample(sample);
    }
  }

  void add_time_ms(const bench::Sample& sample) {
    text_.push_back(' ');
    append_decimal(text_, sample.time_us / 1'000);
    text_.push_back('\n');
  }

  void add_line(const bench::Sample& sample) {
    text_ += "w,dev=d";
    append_decimal(text_, sample.device + options_.first_device);
    char separator = ' ';
    for (const auto series : options_.series) {
      text_.push_back(separator);
      text_.push_back('m');
      append_decimal(text_, series);
      text_.push_back('=');
      append_decimal(text_, sample.values[series]);
      separator = ',';
    }
    add_time_ms(sample);
  }

  void add_values(const bench::Sample& sample) {
    for (const auto series : options_.series) {
      text_ += "r,dev=d";
      append_decimal(text_, sample.device + options_.first_device);
      text_ += ",metric=m";
      append_decimal(text_, series);
      text_ += " value=";
      append_decimal(text_, sample.values[series]);
      add_time_ms(sample);
    }
  }

  /// Series by series, in the order of the table's key as far as a frame has it.
  void add_rows(const Frame& frame) {
    for (const auto series : options_.series) {
      for (const auto& sample : frame) add_row(sample, series);
    }
  }

  void add_row(const bench::Sample& sample, unsigned series) {
    append_number<std::int16_t>(text_, 3, std::endian::big);
    append_number<std::int32_t>(text_, 4, std::endian::big);
    append_number(text_, (sample.device + options_.first_device) * bench::kSeriesPerDevice + series, std::endian::big);
    append_number<std::int32_t>(text_, 8, std::endian::big);
    append_number(text_, sample.time_us, std::endian::big);
    append_number<std::int32_t>(text_, 8, std::endian::big);
    append_number(text_, std::bit_cast<std::uint64_t>(sample.values[series]), std::endian::big);
  }

  void add_sample(const bench::Sample& sample) {
    append_number(text_, std::int64_t{sample.device} + options_.first_device, std::endian::little);
    append_number(text_, sample.time_us, std::endian::little);
    for (const double value : sample.values) {
      append_number(text_, std::bit_cast<std::uint64_t>(value), std::endian::little);
    }
  }

  const Options& options_;
  std::string text_;
  std::size_t readings_ = 0;
  unsigned batches_ = 0;
};

void write_all(const Options& options) {
  bench::Workload workload(options.workload);
  BatchWriter writer(options);
  std::vector<Frame> open(options.workload.devices);
  const auto add = [&](const bench::Sample& sample) {
    auto& frame = open[sample.device];
    frame.push_back(sample);
    if (frame.size() < options.instants) return;
    writer.add(frame);
    frame.clear();
  };
  for (std::uint64_t second = 0; second < options.seconds; ++second) {
    for (const auto& sample : workload.next_second()) add(sample);
  }
  for (const auto& sample : workload.rest()) add(sample);
  for (const auto& frame : open) writer.add(frame);
  writer.flush();
}

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app{"Writes the shared workload of the storage benchmarks, one file a batch."};
  const std::map<std::string, Format> formats{
      {"line", Format::line}, {"values", Format::values}, {"copy", Format::copy}, {"samples", Format::samples}};
  app.add_option("format", options.format, "line, values, copy or samples")
      ->required()
      ->transform(CLI::CheckedTransformer(formats));
  app.add_option("folder", options.folder, "where the files go: 000000, 000001, …")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--devices", options.workload.devices);
  app.add_option("--seconds", options.seconds, "one sample a second of each device");
  app.add_option("--late-percent", options.workload.late_percent)->check(CLI::Range(0, 100));
  app.add_option("--first-device", options.first_device, "number of the first device");
  app.add_option("--series", options.series, "which of a device's series (all)")
      ->delimiter(',')
      ->check(CLI::Range(0U, bench::kSeriesPerDevice - 1));
  app.add_option("--instants", options.instants, "samples of a device that are sent together");
  app.add_option("--batch", options.batch, "readings a file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (options.series.empty()) {
    options.series.resize(bench::kSeriesPerDevice);
    std::iota(options.series.begin(), options.series.end(), 0U);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  try {
    write_all(options);
  } catch (const std::exception& error) {
    std::cerr << "workload_text: " << error.what() << '\n';
    return 1;
  }
}
