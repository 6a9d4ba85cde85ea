#include "hub/tools/tool_commands.h"

#include <atomic>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>

#include "base/bytes.h"
#include "base/clock.h"
#include "hub/storage/sqlite/folder_check.h"
#include "hub/tools/backup.h"
#include "hub/tools/progress_bar.h"
#include "hub/tools/reading_export.h"
#include "hub/tools/reading_query.h"
#include "hub/web/time_text.h"

namespace hub::tools {
namespace {

namespace json = boost::json;

enum Exit : int { kOk = 0, kFailure = 1, kUsage = 2, kConfiguration = 3, kRefused = 5, kInterrupted = 130 };

std::atomic<bool> stop_asked{false};
void ask_to_stop(int) {
  stop_asked = true;
}

int fail(const Problem& problem) {
  std::fprintf(stderr, "telemetry-hub: %s%s%s\n", problem.field.empty() ? "" : (problem.field + ": ").c_str(),
               problem.detail.c_str(), problem.detail.ends_with('.') ? "" : ".");
  switch (problem.code) {
    case errc::not_found:
    case errc::invalid_argument:
      return problem.field.empty() ? kConfiguration : kUsage;
    case errc::conflict:
      return kRefused;
    default:
      return kFailure;
  }
}

void print_json(const json::object& object) {
  std::printf("%s\n", json::serialize(object).c_str());
}

json::array findings_json(const std::vector<sqlite::CheckReport::Finding>& findings) {
  json::array out;
  for (const auto& one : findings) out.push_back(json::object{{"file", one.file}, {"what", one.what}});
  return out;
}

json::object backup_json(const std::string& file, const BackupReport& report) {
  json::array missing;
  for (const auto& name : report.missing) missing.emplace_back(name);
  return {{"file", file},
          {"file_bytes", report.file_bytes},
          {"files", report.files},
          {"bytes", report.bytes},
          {"head", report.head.commit},
          {"made_at_us", report.made_at_us},
          {"hub_id", report.hub_id},
          {"missing", std::move(missing)}};
}

void warn_missing(const BackupReport& report) {
  for (const auto& name : report.missing) {
    std::fprintf(stderr, "telemetry-hub: %s was missing: what it held is not in the backup\n", name.c_str());
  }
}

int check(const std::string& data_dir, const std::string& backup, bool as_json) {
  ProgressBar bar("checking");
  const auto show = [&](double share, const std::string& file) { bar.show(share, file); };
  if (!backup.empty()) {
    const auto report = verify_backup(backup, show);
    if (!report) return fail(report.error());
    if (as_json) {
      print_json(backup_json(backup, *report));
    } else {
      std::printf("%s: whole, %llu files, %s\n", backup.c_str(), static_cast<unsigned long long>(report->files),
                  bytes_text(static_cast<double>(report->bytes)).c_str());
    }
    warn_missing(*report);
    return kOk;
  }
  const auto report = sqlite::check_folder(data_dir, show);
  if (!report) return fail(report.error());
  if (as_json) {
    json::object out{{"faults", findings_json(report->faults)},
                     {"fault_count", report->fault_count},
                     {"warnings", findings_json(report->warnings)},
                     {"warning_count", report->warning_count},
                     {"files", report->files},
                     {"chunks", report->chunks},
                     {"readings", report->readings},
                     {"commits", report->commits},
                     {"cursors", report->cursors},
                     {"devices", report->devices},
                     {"series", report->series},
                     {"audit_entries", report->audit_entries}};
    print_json(out);
  } else {
    for (const auto& one : report->faults) std::printf("FAULT    %s: %s\n", one.file.c_str(), one.what.c_str());
    for (const auto& one : report->warnings) std::printf("warning  %s: %s\n", one.file.c_str(), one.what.c_str());
    const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf(
        "%llu files, %llu chunks, %llu unsealed commits, %llu readings, %llu cursors, %llu devices, %llu series, %llu "
        "audit "
        "entries\n",
        count(report->files), count(report->chunks), count(report->commits), count(report->readings),
        count(report->cursors), count(report->devices), count(report->series), count(report->audit_entries));
    std::printf("%llu faults, %llu warnings\n", count(report->fault_count), count(report->warning_count));
  }
  return report->fault_count == 0 ? kOk : kFailure;
}

}  // namespace

struct ToolCommands::Flags {
  int (*run)(const Flags&, const std::string& data_dir) = nullptr;
  bool json = false, resume = false;
  std::string file, backup, from, to, format, output, cursor;
  std::vector<std::string> devices, patterns;
  std::int64_t width = 0, limit = 1'000;

  /// Nothing, and said so, where a time is none.
  bool read_range(std::int64_t& from_us, std::int64_t& to_us) const {
    const std::int64_t now_us = base::SystemClock().now_us();
    const auto read = [&](const std::string& text, const char* flag, std::int64_t& into) {
      const auto time = web::parse_time(text, now_us);
      if (!time) std::fprintf(stderr, "telemetry-hub: %s %s: must be %s\n", flag, text.c_str(), web::kTimeForms);
      into = time.value_or(0);
      return time.has_value();
    };
    if (!read(from, "--from", from_us) || !read(to, "--to", to_us)) return false;
    if (from_us >= to_us) std::fprintf(stderr, "telemetry-hub: --from must be before --to\n");
    return from_us < to_us;
  }
};

namespace {

int run_backup(const std::string& data_dir, const std::string& file, bool as_json) {
  ProgressBar bar("backing up");
  const auto report = make_backup(data_dir, file, base::SystemClock().now_us(),
                                  [&](double share, const std::string& what) { bar.show(share, what); });
  if (!report) return fail(report.error());
  if (as_json) {
    print_json(backup_json(file, *report));
  } else {
    std::printf("%s: %s of %s in %llu files, verified\n", file.c_str(),
                bytes_text(static_cast<double>(report->file_bytes)).c_str(),
                bytes_text(static_cast<double>(report->bytes)).c_str(), static_cast<unsigned long long>(report->files));
  }
  warn_missing(*report);
  return kOk;
}

int run_restore(const std::string& data_dir, const std::string& file, bool as_json) {
  ProgressBar bar("restoring");
  base::SystemRandom random;
  const auto report =
      restore_backup(file, data_dir, random, [&](double share, const std::string& what) { bar.show(share, what); });
  if (!report) return fail(report.error());
  if (as_json) {
    print_json(backup_json(file, *report));
  } else {
    std::printf("%s: restored %llu files, %s, and checked\n", data_dir.c_str(),
                static_cast<unsigned long long>(report->files), bytes_text(static_cast<double>(report->bytes)).c_str());
  }
  warn_missing(*report);
  return kOk;
}

int run_export(const ExportWish& wish) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  ProgressBar bar("exporting");
  const auto report =
      export_readings(wish, stop_asked, [&](double share, const std::string& what) { bar.show(share, what); });
  if (!report) return fail(report.error());
  const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  if (!report->is_complete) {
    std::fprintf(stderr, "telemetry-hub: interrupted after %llu readings; go on with %s%s\n", count(report->readings),
                 wish.output.empty() ? "--cursor " : "--resume", wish.output.empty() ? report->cursor.c_str() : "");
    return kInterrupted;
  }
  std::fprintf(stderr, "%llu readings and %llu gaps of %llu series, %s\n", count(report->readings), count(report->gaps),
               count(report->series), bytes_text(static_cast<double>(report->bytes)).c_str());
  return kOk;
}

}  // namespace

ToolCommands::ToolCommands(CLI::App& app, const std::function<void(CLI::App&)>& add_common)
    : flags_(std::make_unique<Flags>()) {
  Flags& flags = *flags_;
  const auto add_json = [&](CLI::App* command) { command->add_flag("--json", flags.json, "answer in JSON on stdout"); };
  const auto add_selection = [&](CLI::App* command) {
    command->add_option("--device", flags.devices, "a device's name or id; may be repeated (all)")->type_name("DEVICE");
    command
        ->add_option("--series", flags.patterns,
                     "series whose name matches, * for any characters; may be repeated (all)")
        ->type_name("PATTERN");
  };
  const std::string times = "RFC 3339, microseconds, now, or an offset such as -1h";

  auto* check_command = app.add_subcommand("check", "Verify every checksum, sequence, cursor and catalogue entry");
  add_common(*check_command);
  check_command->add_option("--backup", flags.backup, "verify this backup instead of the data folder")
      ->type_name("FILE");
  add_json(check_command);
  check_command->footer(
      "Works whether the hub serves or not, and changes nothing. Exit code 1 where there is a fault.\n"
      "Examples:\n  telemetry-hub check --data-dir data\n  telemetry-hub check --backup hub.tar.zst");
  check_command->callback([&flags] {
    flags.run = [](const Flags& f, const std::string& data_dir) { return check(data_dir, f.backup, f.json); };
  });

  auto* backup_command = app.add_subcommand("backup", "Write everything into one file, also while the hub serves");
  add_common(*backup_command);
  backup_command->add_option("FILE", flags.file, "the backup to make: tar with zstd, readable by its owner only")
      ->required();
  add_json(backup_command);
  backup_command->footer(
      "Holds the registry, all readings as of one moment, and the hub's keys: keep it as safe as the hub. It is read\n"
      "again and verified before the command ends.\n"
      "Example:\n  telemetry-hub backup hub-$(date +%F).tar.zst --data-dir data");
  backup_command->callback([&flags] {
    flags.run = [](const Flags& f, const std::string& data_dir) { return run_backup(data_dir, f.file, f.json); };
  });

  auto* restore_command = app.add_subcommand("restore", "Make a data folder from a backup");
  add_common(*restore_command);
  restore_command->add_option("FILE", flags.file, "the backup")->required();
  add_json(restore_command);
  restore_command->footer(
      "The folder must be missing or empty. Nothing is there until all of the backup was verified. What devices sent\n"
      "after the backup is shown as a gap.\n"
      "Example:\n  telemetry-hub restore hub-2026-11-23.tar.zst --data-dir data");
  restore_command->callback([&flags] {
    flags.run = [](const Flags& f, const std::string& data_dir) { return run_restore(data_dir, f.file, f.json); };
  });

  auto* query_command = app.add_subcommand("query", "Print readings, unsealed ones included");
  add_common(*query_command);
  add_selection(query_command);
  query_command->add_option("--from", flags.from, times + " (-1h)")->type_name("TIME");
  query_command->add_option("--to", flags.to, times + " (now)")->type_name("TIME");
  query_command->add_option("--width", flags.width, "exact minimum, maximum and mean of N equal parts of the range")
      ->check(CLI::Range(1, 20'000))
      ->type_name("N");
  query_command->add_option("--limit", flags.limit, "readings a series at most (1000)")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  query_command->add_option("--format", flags.format, "table, csv or ndjson (table)")
      ->check(CLI::IsMember({"table", "csv", "ndjson"}))
      ->type_name("FORMAT");
  query_command->footer(
      "Example:\n  telemetry-hub query --data-dir data --device greenhouse --series 'temp*' --from -24h --width 24");
  query_command->callback([&flags] {
    flags.run = [](const Flags& f, const std::string& data_dir) -> int {
      QueryWish wish;
      Flags ranged;
      ranged.from = f.from.empty() ? "-1h" : f.from;
      ranged.to = f.to.empty() ? "now" : f.to;
      if (!ranged.read_range(wish.from_us, wish.to_us)) return kUsage;
      wish.folder = data_dir;
      wish.selection = {f.devices, f.patterns};
      wish.width = static_cast<std::uint32_t>(f.width);
      wish.limit = static_cast<std::uint32_t>(f.limit);
      wish.format = f.format == "csv"      ? QueryFormat::csv
                    : f.format == "ndjson" ? QueryFormat::ndjson
                                           : QueryFormat::table;
      if (wish.width != 0 && wish.format != QueryFormat::table) {
        std::fprintf(stderr, "telemetry-hub: --width answers as a table only\n");
        return kUsage;
      }
      const auto done = print_readings(wish, stdout);
      return done ? fail(*done) : kOk;
    };
  });

  auto* export_command = app.add_subcommand("export", "Write readings and gaps as CSV or NDJSON, resumable");
  add_common(*export_command);
  add_selection(export_command);
  export_command->add_option("--from", flags.from, times + " (the beginning)")->type_name("TIME");
  export_command->add_option("--to", flags.to, times + " (now)")->type_name("TIME");
  export_command->add_option("--format", flags.format, "csv or ndjson (csv)")
      ->check(CLI::IsMember({"csv", "ndjson"}))
      ->type_name("FORMAT");
  export_command->add_option("--output", flags.output, "the file to write (stdout)")->type_name("FILE");
  auto* resume = export_command->add_flag("--resume", flags.resume, "go on with an --output that was interrupted");
  export_command->add_option("--cursor", flags.cursor, "go on where an export to stdout was interrupted")
      ->type_name("CURSOR")
      ->excludes(resume);
  export_command->footer(
      "Beside FILE stands FILE.cursor until all is written: with it and the same flags, --resume goes on.\n"
      "Examples:\n  telemetry-hub export --data-dir data --output readings.csv\n"
      "  telemetry-hub export --data-dir data --format ndjson --from -7d | zstd > week.ndjson.zst");
  export_command->callback([&flags] {
    flags.run = [](const Flags& f, const std::string& data_dir) -> int {
      ExportWish wish;
      Flags ranged;
      ranged.from = f.from.empty() ? "0" : f.from;
      ranged.to = f.to.empty() ? "now" : f.to;
      if (!ranged.read_range(wish.from_us, wish.to_us)) return kUsage;
      if (f.from.empty()) wish.from_us = -web::kLatestTime;  // devices may have had clocks of before 1970
      wish.folder = data_dir;
      wish.selection = {f.devices, f.patterns};
      wish.format = f.format == "ndjson" ? RecordFormat::ndjson : RecordFormat::csv;
      wish.output = f.output;
      wish.resume = f.resume;
      wish.cursor = f.cursor;
      if (wish.resume && wish.output.empty()) {
        std::fprintf(stderr, "telemetry-hub: --resume goes on with a file: name it with --output\n");
        return kUsage;
      }
      if (!wish.cursor.empty() && !wish.output.empty()) {
        std::fprintf(stderr, "telemetry-hub: --cursor is for stdout; a file has its own, use --resume\n");
        return kUsage;
      }
      return run_export(wish);
    };
  });
}

ToolCommands::~ToolCommands() = default;

bool ToolCommands::is_chosen() const {
  return flags_->run != nullptr;
}

int ToolCommands::run(const std::string& data_dir) const {
  return flags_->run(*flags_, data_dir);
}

}  // namespace hub::tools
