#include "device-agent/sensors/hwmon.h"

#include <algorithm>
#include <filesystem>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostHwmonChips = 64;
constexpr std::size_t kMostHwmonChannels = 64;  // of a chip
constexpr std::size_t kMostZones = 64;
constexpr std::int64_t kFindHwmonUs = 10'000'000;
constexpr std::int64_t kHwmonLostUs = 60'000'000;

struct HwmonQuantity {
  std::string_view prefix, file, unit;
  double divisor, low, high;
};
// Documentation/hwmon/sysfs-interface of the kernel. Where a chip has both, power is what it is now, not the average.
constexpr HwmonQuantity kHwmonQuantities[] = {
    {"temp", "_input", "Cel", 1e3, -273.15, 3'000}, {"fan", "_input", "/min", 1, 0, 1e6},
    {"in", "_input", "V", 1e3, -1e5, 1e5},          {"curr", "_input", "A", 1e3, -1e5, 1e5},
    {"power", "_input", "W", 1e6, -1e7, 1e7},       {"power", "_average", "W", 1e6, -1e7, 1e7},
    {"energy", "_input", "J", 1e6, 0, 1e15},        {"humidity", "_input", "%", 1e3, 0, 100},
    {"freq", "_input", "Hz", 1, 0, 1e12},           {"pwm", "", "%", 2.55, 0, 100}};

/// "temp1" of "temp1_input"; empty: not this quantity.
std::string hwmon_channel_of(const std::string& file, const HwmonQuantity& quantity) {
  if (file.rfind(quantity.prefix, 0) != 0 || file.size() <= quantity.prefix.size() + quantity.file.size()) return {};
  const std::size_t size = file.size() - quantity.file.size();
  if (file.compare(size, std::string::npos, quantity.file) != 0) return {};
  const std::string channel = file.substr(0, size);
  return channel.find_first_not_of("0123456789", quantity.prefix.size()) == std::string::npos ? channel : std::string();
}

}  // namespace

std::vector<SeriesSpec> HwmonBus::find() {
  channels_.clear();
  taken_.clear();
  is_full_ = false;
  find_zones();
  find_chips();
  std::vector<SeriesSpec> specs;
  for (const auto& channel : channels_) specs.push_back(channel.spec);
  return specs;
}

void HwmonBus::add(Channel channel) {
  if (taken_.insert(channel.spec.name).second) channels_.push_back(std::move(channel));
}

void HwmonBus::find_zones() {
  const std::string zones = root_ + "/sys/class/thermal";
  std::size_t count = 0;
  for (const auto& zone : list_folder(zones)) {
    if (zone.rfind("thermal_zone", 0) != 0) continue;
    if (++count > kMostZones) {
      is_full_ = true;
      break;
    }
    const std::string type = name_part(read_line(zones + "/" + zone + "/type").value_or(zone));
    const std::string name = "thermal." + name_part(zone.substr(12)) + "." + type;
    add({zones + "/" + zone + "/temp",
         "",
         {called(names_, {name, "thermal." + type}, name), "Cel", ValueType::number, type},
         1e3,
         -273.15,
         3'000});
  }
}

HwmonBus::Chip* HwmonBus::chip_of(const std::string& name, const std::string& attached, const std::string& number) {
  const auto same = [&](const Chip& chip) { return !chip.is_here && chip.name == name && chip.attached == attached; };
  auto found = std::find_if(chips_.begin(), chips_.end(), [&](const Chip& chip) {
    return same(chip) && (!attached.empty() || chip.number == number);
  });
  // Two of the kernel's own of one name cannot be told apart but by number: only one that is missing alone is known.
  if (found == chips_.end() && std::count_if(chips_.begin(), chips_.end(), same) == 1) {
    found = std::find_if(chips_.begin(), chips_.end(), same);
  }
  if (found == chips_.end()) {
    if (chips_.size() >= kMostHwmonChips) return nullptr;
    std::string suffix = number;
    const auto is_taken = [&] {
      return std::any_of(chips_.begin(), chips_.end(),
                         [&](const Chip& chip) { return chip.name == name && chip.suffix == suffix; });
    };
    for (int next = 0; is_taken(); ++next) suffix = std::to_string(next);
    found = chips_.insert(chips_.end(), Chip{name, attached, number, suffix});
  }
  found->number = number;
  found->is_here = true;
  return &*found;
}

void HwmonBus::find_chips() {
  const std::string folder = root_ + "/sys/class/hwmon";
  for (auto& chip : chips_) chip.is_here = false;
  struct Found {
    std::string number, name, attached;
  };
  std::vector<Found> found;
  for (const auto& entry : list_folder(folder)) {
    if (entry.rfind("hwmon", 0) != 0) continue;
    if (found.size() == kMostHwmonChips) {
      is_full_ = true;
      break;
    }
    const auto name = read_line(folder + "/" + entry + "/name");
    if (!name) continue;  // it is going just now, or coming
    std::error_code ec;
    const auto device = std::filesystem::canonical(folder + "/" + entry + "/device", ec);
    found.push_back({name_part(entry.substr(5)), name_part(*name), ec ? std::string() : device.string()});
  }
  // Those that are where they were come first, so that a new one does not take what is theirs.
  std::stable_partition(found.begin(), found.end(), [this](const Found& f) {
    return std::any_of(chips_.begin(), chips_.end(), [&](const Chip& chip) {
      return chip.name == f.name && chip.attached == f.attached && chip.number == f.number;
    });
  });
  for (const auto& f : found) {
    if (const Chip* chip = chip_of(f.name, f.attached, f.number))
      find_channels(*chip);
    else
      is_full_ = true;
  }
}

void HwmonBus::find_channels(const Chip& chip) {
  const std::string folder = root_ + "/sys/class/hwmon/hwmon" + chip.number + "/";
  const auto files = list_folder(folder);
  const auto has = [&files](const std::string& file) { return std::binary_search(files.begin(), files.end(), file); };
  std::size_t count = 0;
  for (const auto& quantity : kHwmonQuantities) {
    for (const auto& file : files) {
      const std::string channel = hwmon_channel_of(file, quantity);
      if (channel.empty()) continue;
      if (++count > kMostHwmonChannels) {
        is_full_ = true;
        return;
      }
      const std::string short_name = "hwmon." + chip.name + "." + channel, name = short_name + "." + chip.suffix;
      std::string label = has(channel + "_label") ? read_line(folder + channel + "_label").value_or("") : "";
      label.resize(std::min<std::size_t>(label.size(), 64));
      const std::string labelled = label.empty() ? "" : "hwmon." + chip.name + "." + label;
      add({folder + file,
           has(channel + "_fault") ? folder + channel + "_fault" : std::string(),
           {called(names_, {name, short_name, labelled}, name), std::string(quantity.unit), ValueType::number, label},
           quantity.divisor,
           quantity.low,
           quantity.high});
    }
  }
  // On a Raspberry Pi this says that the supply is too weak.
  if (has("in0_lcrit_alarm")) {
    add({folder + "in0_lcrit_alarm", "", {"power.under_voltage", "", ValueType::number}, 1, 0, 1});
  }
}

void HwmonBus::read(BusRound& round) {
  const auto now = round.boot_us();
  if (now - found_us_ >= kFindHwmonUs || now < lost_until_us_ || found_us_ == 0) {
    found_us_ = now;
    find();
  }
  if (is_full_) round.trouble("more than 64 chips, zones, or channels of a chip; the rest is left out");
  for (const auto& channel : channels_) {
    const auto value = round.number(channel.path);
    if (!value) continue;
    if (!channel.fault_path.empty() && round.number(channel.fault_path).value_or(0) != 0) continue;
    const double scaled = *value / channel.divisor;
    if (scaled >= channel.low && scaled <= channel.high) round.put(channel.spec, scaled);
  }
  // It has another number now, or is gone: looked for at every round, for a while.
  if (round.saw_loss()) lost_until_us_ = now + kHwmonLostUs;
}

void add_hwmon_sensor(const std::string& root, const KindOptions& options, Sensors& out) {
  if (list_folder(root + "/sys/class/hwmon").empty() && list_folder(root + "/sys/class/thermal").empty()) return;
  BusOptions bus;
  bus.kind = "hwmon";
  bus.interval_us = options.interval_us;
  out.push_back(std::make_unique<BusSensor>(std::move(bus), std::make_unique<HwmonBus>(root, options.names)));
}

}  // namespace agent
