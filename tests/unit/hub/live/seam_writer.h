// Devices that measure: in order and late, at equal times, of every type, with gaps.
#pragma once

#include <future>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/hub/live/seam_hub.h"

namespace hub::seam {

/// write() runs on a thread of its own; everything else that touches devices takes `gate`, so that nothing is on its
/// way to the store meanwhile.
class Writer {
 public:
  Writer(SeamHub& hub, std::uint64_t seed) : hub_(hub), dice_(seed) {
    add_device(false);
    add_device(true);
  }

  std::mutex gate;

  void add_device(bool in_group) {
    Device device;
    device.name = "device-" + std::to_string(devices_.size());
    device.id = hub_.enrol(device.name, in_group);
    device.in_group = in_group;
    devices_.push_back(device);
    for (const auto* name : {"temperature", "power"}) add_series(devices_.size() - 1, name, ValueType::number);
    add_series(devices_.size() - 1, "is-open", ValueType::boolean);
    add_series(devices_.size() - 1, "mode", ValueType::string);
    add_series(devices_.size() - 1, "position", ValueType::location);
  }
  void add_series(std::size_t device, const std::string& name, ValueType type) {
    devices_[device].series.push_back({hub_.define(devices_[device].id, name, type), type});
  }
  std::size_t count() const { return devices_.size(); }
  std::size_t series_count() const {
    std::size_t n = 0;
    for (const auto& device : devices_) n += device.series.size();
    return n;
  }
  bool is_removed(std::size_t device) const { return devices_[device].is_removed; }
  void remove(std::size_t device) {
    devices_[device].is_removed = true;
    hub_.remove(devices_[device].id);
  }
  void regroup(std::size_t device) {
    devices_[device].in_group = !devices_[device].in_group;
    hub_.regroup(devices_[device].id, devices_[device].in_group);
  }
  /// The journal is another one: numbering begins anew.
  void forget_sequences() {
    for (auto& device : devices_) device.sequence = 0;
  }

  void write(int frames) {
    for (int n = 0; n < frames;) {
      const std::lock_guard lock(gate);
      fakes::ReadingsClient client(hub_.store());
      std::vector<std::future<Result<AppendResult>>> waiting;
      for (int batch = 0; batch < 8 && n < frames; ++batch, ++n) {
        auto& device = devices_[pick(devices_.size())];
        if (!device.is_removed) waiting.push_back(client.start_append(frame_of(device)));
      }
      for (auto& one : waiting) ASSERT_TRUE(one.get().has_value());
    }
  }
  /// A reading of every series, so that the last commit was heard of by the bus.
  void write_last() {
    const std::lock_guard lock(gate);
    fakes::ReadingsClient client(hub_.store());
    step_ += 2'000;
    for (auto& device : devices_) {
      if (device.is_removed) continue;
      auto frame = fakes::frame_of(fakes::stream_of(device.id.str()), ++device.sequence);
      for (const auto& one : device.series) frame.columns.push_back(column(one, {now_us()}));
      ASSERT_TRUE(client.start_append(std::move(frame)).get().has_value());
    }
  }

 private:
  struct Series {
    SeriesId id;
    ValueType type;
  };
  struct Device {
    std::string name;
    DeviceId id;
    bool in_group = false, is_removed = false;
    std::uint64_t sequence = 0;
    std::vector<Series> series;
  };

  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }
  std::int64_t now_us() const { return kNow - 700'000 + step_ * 1'000; }

  StoredFrame frame_of(Device& device) {
    ++step_;
    auto frame = fakes::frame_of(fakes::stream_of(device.id.str()), ++device.sequence);
    if (pick(20) == 0) {
      frame.last_sequence = device.sequence = device.sequence + pick(3);
      const std::uint32_t concerned = pick(2) == 0 ? 0 : raw(device.series[pick(device.series.size())].id);
      frame.gaps.push_back({device.id, SeriesId{concerned}, now_us() - 1'000, now_us(), 3, false,
                            pick(2) == 0 ? GapReason::spool_full : GapReason::refused, "device"});
      return frame;
    }
    for (const auto& one : device.series) {
      if (pick(3) == 0) continue;
      const std::int64_t base = now_us() - (pick(4) == 0 ? static_cast<std::int64_t>(pick(1'500'000)) : 0);
      const auto apart = static_cast<std::int64_t>(pick(3));  // equal times are separate readings
      std::vector<std::int64_t> times;
      const std::size_t size = 1 + pick(one.type == ValueType::number ? 25 : pick(30) == 0 ? 40 : 4);
      for (std::size_t i = 0; i < size; ++i) times.push_back(base + static_cast<std::int64_t>(i) * apart);
      frame.columns.push_back(column(one, std::move(times)));
    }
    return frame;
  }

  SeriesColumn column(const Series& series, std::vector<std::int64_t> times) {
    std::vector<double> numbers;
    std::vector<std::uint8_t> booleans;
    std::vector<std::string> strings;
    std::vector<Location> places;
    for (std::size_t i = 0; i < times.size(); ++i) {
      // Unique, and jumping up and down.
      if (series.type == ValueType::number) numbers.push_back(static_cast<double>(++value_ * 7'919 % 1'000'003));
      if (series.type == ValueType::boolean) booleans.push_back(pick(3) == 0 ? 1 : 0);
      if (series.type == ValueType::string) strings.push_back("mode " + std::to_string(pick(3)));
      if (series.type == ValueType::location)
        places.push_back({48.0 + static_cast<double>(pick(3)), 11, static_cast<double>(pick(2))});
    }
    ValueColumn values = std::move(numbers);
    if (series.type == ValueType::boolean) values = std::move(booleans);
    if (series.type == ValueType::string) values = std::move(strings);
    if (series.type == ValueType::location) values = std::move(places);
    return {series.id, fakes::times(std::move(times)), std::move(values)};
  }

  SeamHub& hub_;
  std::mt19937_64 dice_;
  std::vector<Device> devices_;
  std::int64_t step_ = 0;
  std::uint64_t value_ = 0;
};

}  // namespace hub::seam
