#include "tests/bench/storage/fsync_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "tests/bench/storage/engine.h"

namespace bench {
namespace {

// Often enough for a 99th percentile within a minute, rarely enough to leave the disk to the store.
constexpr std::chrono::milliseconds kPause{50};

}  // namespace

FsyncProbe::FsyncProbe(const std::string& folder)
    : file_(::open((folder + "/fsync-probe").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (file_ < 0) throw Failure("no file can be made in " + folder);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void FsyncProbe::run(const std::stop_token& stop) {
  const std::array<char, 4'096> block{};
  while (!stop.stop_requested() && !failed_) {
    Interval flush{std::chrono::steady_clock::now(), {}};
    failed_ =
        ::write(file_, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || ::fdatasync(file_) != 0;
    flush.end = std::chrono::steady_clock::now();
    flushes_.push_back(flush);
    std::this_thread::sleep_for(kPause);
  }
  ::close(file_);
}

std::vector<Interval> FsyncProbe::finish() {
  thread_.request_stop();
  thread_.join();
  if (failed_) throw Failure("the disk failed beside the store");
  return flushes_;
}

}  // namespace bench
