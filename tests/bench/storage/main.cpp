#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "tests/bench/storage/cases.h"
#include "tests/bench/storage/files.h"
#include "tests/bench/storage/hub_engine.h"
#include "tests/bench/storage/rows_engine.h"

namespace {

using namespace bench;

constexpr int kUsage = 2;

/// What a trial run takes instead: enough to see that everything works, too little to compare.
bool is_quick() {
  const char* quick = std::getenv("TELEMETRY_BENCH_QUICK");
  return quick != nullptr && std::string_view(quick) == "1";
}

/// Rows take a hundred times longer, and show what they show sooner.
std::uint64_t ingest_seconds(bool rows, std::uint64_t seconds) {
  return std::max<std::uint64_t>(1, seconds / (rows ? 10 : 1) / (is_quick() ? 10 : 1));
}

class Program {
 public:
  Program() {
    app_.add_option("ENGINE", engine_, "hub, or rows: a SQLite table with a row a reading")
        ->required()
        ->check(CLI::IsMember({"hub", "rows"}));
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("--folder", parent_, "the run's folder is made in this one (" + parent_ + ")")
        ->check(CLI::ExistingDirectory);
    app_.add_flag("--keep", keep_, "leave the run's folder where it is");
    add_ingest("ingest_in_order", "100 devices, in order", {.devices = 100}, 6'000);
    add_ingest("ingest_late", "1,000 devices, 10 % of samples late", {.devices = 1'000, .late_percent = 10}, 600);
    add_ingest("ingest_wide", "1,000 devices, in order", {.devices = 1'000}, 600);
    add_ingest("bytes_adversarial", "values and times that cannot be compressed",
               {.devices = 100, .values = Values::adversarial}, 600);
    add_seal_pauses();
    add_queries();
    add_expiry();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? 0 : kUsage;
    }
    const std::string case_name = app_.get_subcommands().front()->get_name();
    if (case_name == "seal_pauses" && is_rows()) {
      std::cerr << "storage_bench: rows has nothing to seal; seal_pauses is for hub\n";
      return kUsage;
    }
    try {
      const WorkFolder folder(parent_, keep_);
      folder_ = folder.path();
      run_(Report(engine_, case_name));
      return 0;
    } catch (const std::exception& error) {
      std::cerr << "storage_bench: " << error.what() << '\n';
      return 1;
    }
  }

 private:
  bool is_rows() const { return engine_ == "rows"; }

  std::unique_ptr<Engine> make(EngineOptions options) const {
    options.folder = folder_;
    if (is_rows()) return std::make_unique<RowsEngine>(std::move(options));
    return std::make_unique<HubEngine>(std::move(options));
  }
  EngineMaker maker() const {
    return [this](EngineOptions options) { return make(std::move(options)); };
  }

  template <class Options>
  std::pair<CLI::App*, std::shared_ptr<Options>> add_case(const std::string& name, const std::string& text,
                                                          Options options) {
    return {app_.add_subcommand(name, text), std::make_shared<Options>(options)};
  }

  void add_ingest(const std::string& name, const std::string& text, WorkloadOptions workload, std::uint64_t seconds) {
    auto [command, options] = add_case<IngestOptions>(name, text, {workload, 0, 10'000});
    auto begin_s = std::make_shared<std::int64_t>(0);
    command->add_option("--devices", options->workload.devices, "of ten series each")->check(CLI::PositiveNumber);
    command
        ->add_option("--seconds", options->seconds, "of data at 1 Hz (" + std::to_string(seconds) + "; rows a tenth)")
        ->check(CLI::PositiveNumber);
    command->add_option("--late-percent", options->workload.late_percent, "of samples, by 1-120 s")
        ->check(CLI::Range(0, 100));
    command->add_option("--begin", *begin_s, "seconds after midnight when the data begins (0)")
        ->check(CLI::Range(0, 86'399));
    command->add_option("--batch", options->batch, "readings a commit (10,000)")->check(CLI::PositiveNumber);
    command->callback([this, options = options, begin_s, seconds] {
      options->workload.start_us += *begin_s * kSecondUs;
      if (options->seconds == 0) options->seconds = ingest_seconds(is_rows(), seconds);
      run_ = [this, options](const Report& report) { run_ingest(maker(), report, *options); };
    });
  }

  void add_seal_pauses() {
    auto [command, options] = add_case<SealPausesOptions>("seal_pauses", "commits while a seal goes on; hub only", {});
    if (is_quick()) options->seconds = 15;
    command->add_option("--devices", options->devices)->check(CLI::PositiveNumber);
    command->add_option("--rate", options->rate, "readings a second (200,000)")->check(CLI::PositiveNumber);
    command->add_option("--seconds", options->seconds, "how long (60)")->check(CLI::PositiveNumber);
    command->add_option("--seal-every", options->seal_every_s, "seconds between seals (10)")
        ->check(CLI::PositiveNumber);
    command->callback([this, options = options] {
      run_ = [this, options](const Report& report) { run_seal_pauses(folder_, report, *options); };
    });
  }

  void add_queries() {
    auto [command, options] = add_case<QueriesOptions>("queries", "how long answers take, warm and cold", {});
    if (is_quick()) options->devices = 100, options->days = 2;
    command->add_option("--devices", options->devices, "with ten minutes of readings (1,000)")
        ->check(CLI::PositiveNumber);
    command->add_option("--seconds", options->seconds, "of each of these (600)")->check(CLI::PositiveNumber);
    command->add_option("--days", options->days, "of the four series with a history (30)")->check(CLI::Range(2, 366));
    command->add_option("--runs", options->runs, "of each question (21)")->check(CLI::PositiveNumber);
    command->callback([this, options = options] {
      run_ = [this, options](const Report& report) { run_queries(maker(), report, *options); };
    });
  }

  void add_expiry() {
    auto [command, options] = add_case<ExpiryOptions>("expiry", "how long it takes until a day is gone", {});
    if (is_quick()) options->day_seconds = 8'640;
    command->add_option("--devices", options->devices, "of ten series each (5)")->check(CLI::PositiveNumber);
    command->add_option("--days", options->days, "of which the first goes (3)")->check(CLI::Range(2, 366));
    command->add_option("--seconds", options->day_seconds, "with readings in each day (86,398)")
        ->check(CLI::Range(1, 86'398));
    command->callback([this, options = options] {
      run_ = [this, options](const Report& report) { run_expiry(maker(), report, *options); };
    });
  }

  CLI::App app_{"Measures the hub's store of readings, and the table of rows one would write instead."};
  std::string engine_;
  std::string parent_ = "/var/tmp";  // on a disk, where /tmp may be memory
  bool keep_ = false;
  std::string folder_;
  std::function<void(const Report&)> run_;
};

}  // namespace

int main(int argc, char** argv) {
  return Program().run(argc, argv);
}
