// [[textfile]]: files that something else writes.
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "device-agent/reports/report_reader.h"
#include "device-agent/reports/script_child.h"
#include "device-agent/reports/script_sources.h"

namespace agent {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 64;
constexpr std::size_t kLargestFile = 1'024 * 1'024;
constexpr std::int64_t kSettledUs = 2'000'000;  // a file changed so lately may still be in the writing

std::optional<ReportFormat> format_of(const std::string& path) {
  const std::string extension = fs::path(path).extension();
  if (extension == ".prom") return ReportFormat::prometheus;
  if (extension == ".influx" || extension == ".lp") return ReportFormat::influx;
  if (extension == ".json" || extension == ".jsonl") return ReportFormat::json;
  if (extension == ".txt") return ReportFormat::plain;
  return std::nullopt;
}

struct FileState {
  std::int64_t changed_us = 0, size = 0;
  ino_t number = 0;
  bool operator==(const FileState&) const = default;
};

FileState state_of(const struct stat& s) {
  return {s.st_mtim.tv_sec * std::int64_t{1'000'000} + s.st_mtim.tv_nsec / 1'000, s.st_size, s.st_ino};
}

struct Content {
  FileState state;
  std::string text, problem;  // one of them
};

Content read_whole(const std::string& path) {
  Content content;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // not waiting for a pipe's other end
  struct stat before {
  }, after{};
  if (fd < 0 || ::fstat(fd, &before) != 0) {
    content.problem = std::strerror(errno);
  } else if (!S_ISREG(before.st_mode)) {
    content.problem = "is not a file";
  } else if (before.st_size > static_cast<off_t>(kLargestFile)) {
    content.problem = "is larger than 1 MiB";
  } else {
    char buffer[16'384];
    ssize_t n = 0;
    while (content.text.size() <= kLargestFile && (n = ::read(fd, buffer, sizeof buffer)) > 0) {
      content.text.append(buffer, static_cast<std::size_t>(n));
    }
    if (n < 0) content.problem = std::strerror(errno);
    if (::fstat(fd, &after) == 0 && !(state_of(after) == state_of(before)))
      content.problem = "changed while it was read";
  }
  content.state = state_of(before);
  if (fd >= 0) ::close(fd);
  return content;
}

/// What is known of one file: its readings are kept, so that a file that does not change is not read again.
struct Known {
  FileState state;
  std::vector<Report> reports;
  std::string problem;
};

class Folder {
 public:
  Folder(const TextfileConfig& config, const base::Clock& clock, ReportInbox& inbox)
      : config_(config), clock_(clock), inbox_(inbox) {}

  void look() {
    problems_.clear();
    const auto paths = list();
    std::erase_if(known_, [&](const auto& k) { return std::find(paths.begin(), paths.end(), k.first) == paths.end(); });
    for (const auto& path : paths) look_at(path);
    inbox_.set_problem(problems_);
  }

 private:
  void say(const std::string& problem) {
    if (problems_.size() < 600) problems_ += (problems_.empty() ? "" : "; ") + problem;
  }

  std::vector<std::string> list() {
    std::error_code ec;
    std::string folder = config_.path, pattern = "*";
    const bool is_folder = fs::is_directory(folder, ec);
    if (!is_folder) {
      pattern = fs::path(folder).filename();
      folder = fs::path(folder).parent_path();
    }
    std::vector<std::string> paths;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
      const std::string name = it->path().filename();
      // Hidden ones are what is being written beside.
      if (name[0] == '.' || ::fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
      if (!format_of(name)) {
        if (!is_folder) say(name + ": the extension must be .prom, .influx, .lp, .json, .jsonl or .txt");
        continue;
      }
      if (paths.size() == kMostFiles) {
        say("more than 64 files, the rest is left out");
        break;
      }
      paths.push_back(it->path());
    }
    if (ec) say(folder + ": " + ec.message());
    if (paths.empty() && problems_.empty() && !is_folder) say(config_.path + ": there is no such file");
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  void look_at(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0) return;  // gone between the two looks
    const std::string name = fs::path(path).filename();
    const std::int64_t now = clock_.now_us();
    auto known = known_.find(path);
    const bool is_new = known == known_.end() || !(known->second.state == state_of(s));
    if (is_new) {
      Content content = read_whole(path);
      const bool is_settled = std::abs(now - content.state.changed_us) > kSettledUs;
      Known fresh;
      fresh.state = content.state;
      fresh.problem = content.problem;
      if (content.problem.empty()) {
        ReadReports read = read_reports(*format_of(path), content.text);
        fresh.problem = read.all_problems();
        fresh.reports = std::move(read.reports);
        for (auto& report : fresh.reports) {
          if (report.name.empty()) report.name = fs::path(path).stem();  // "tank.txt" says tank
        }
      }
      // Half written, it seems: whole lines of it would be right, the last one perhaps not.
      if (!fresh.problem.empty() && !is_settled) return;
      known = known_.insert_or_assign(path, std::move(fresh)).first;
    }
    const Known& file = known->second;
    if (!file.problem.empty()) say(name + ": " + file.problem);
    const std::int64_t age_us = now - file.state.changed_us;
    if (age_us > config_.max_age_us) {
      say(name + ": not written for " + std::to_string(age_us / 1'000'000) + " s, what it says is not sent any more");
      return;
    }
    for (Report report : file.reports) {
      const bool has_own_time = report.wall_us.has_value();
      if (has_own_time && !is_new) continue;  // once is enough
      // What was just written was true then; what still stands there is true now.
      if (!has_own_time && is_new) report.wall_us = file.state.changed_us / 1'000 * 1'000;
      (void)inbox_.offer(std::move(report), heard_now(clock_));
    }
  }

  const TextfileConfig& config_;
  const base::Clock& clock_;
  ReportInbox& inbox_;
  std::map<std::string, Known> known_;  // by path; at most kMostFiles
  std::string problems_;
};

asio::awaitable<void> run_textfile(TextfileConfig config, const base::Clock& clock,
                                   std::shared_ptr<ReportInbox> inbox) {
  co_await asio::this_coro::throw_if_cancelled(false);
  Folder folder(config, clock, *inbox);
  while (true) {
    folder.look();
    inbox->set_pending(false);
    const std::int64_t now = clock.now_us();
    const std::int64_t due = (now / config.interval_us + 1) * config.interval_us;
    const bool goes_on = co_await pause_for(std::chrono::microseconds(due - now));
    if (!goes_on) co_return;
  }
}

}  // namespace

std::string label_of(const TextfileConfig& config) {
  return "textfile " + config.path;
}

std::unique_ptr<Sensor> make_textfile_sensor(const ReportParts& parts, const TextfileConfig& config) {
  return std::make_unique<ReportSensor>(parts, rules_of(config.report, label_of(config)), config.interval_us,
                                        [config, &clock = parts.clock](std::shared_ptr<ReportInbox> inbox) {
                                          return run_textfile(config, clock, std::move(inbox));
                                        });
}

}  // namespace agent
