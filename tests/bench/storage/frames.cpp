#include "tests/bench/storage/frames.h"

#include <numeric>
#include <utility>

namespace bench {

FrameMaker::FrameMaker(WorkloadOptions workload, FrameOptions options)
    : workload_(workload), options_(std::move(options)) {
  if (options_.series.empty()) {
    options_.series.resize(kSeriesPerDevice);
    std::iota(options_.series.begin(), options_.series.end(), 0U);
  }
  for (unsigned device = 0; device < workload.devices; ++device) open_.push_back(empty(device));
}

Frame FrameMaker::empty(unsigned device) const {
  Frame frame;
  frame.device = options_.first_device + device;
  frame.values.resize(options_.series.size());
  for (const unsigned each : options_.series) frame.series.push_back(frame.device * kSeriesPerDevice + each);
  frame.times_us.reserve(options_.instants);
  for (auto& column : frame.values) column.reserve(options_.instants);
  return frame;
}

void FrameMaker::add(const Sample& sample, std::vector<Frame>& done) {
  Frame& frame = open_[sample.device];
  frame.times_us.push_back(sample.time_us);
  for (std::size_t i = 0; i < options_.series.size(); ++i) {
    frame.values[i].push_back(sample.values[options_.series[i]]);
  }
  if (frame.times_us.size() == options_.instants) done.push_back(std::exchange(frame, empty(sample.device)));
}

std::vector<Frame> FrameMaker::next(std::uint64_t seconds) {
  std::vector<Frame> done;
  for (; seconds > 0; --seconds) {
    for (const auto& sample : workload_.next_second()) add(sample, done);
  }
  return done;
}

std::vector<Frame> FrameMaker::rest() {
  std::vector<Frame> done;
  for (const auto& sample : workload_.rest()) add(sample, done);
  for (unsigned device = 0; device < open_.size(); ++device) {
    if (!open_[device].times_us.empty()) done.push_back(std::exchange(open_[device], empty(device)));
  }
  return done;
}

std::size_t count_readings(const std::vector<Frame>& frames) {
  std::size_t count = 0;
  for (const auto& frame : frames) count += frame.reading_count();
  return count;
}

}  // namespace bench
