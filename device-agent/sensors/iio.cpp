#include "device-agent/sensors/iio.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostIioChips = 64;
constexpr std::size_t kMostIioChannels = 64;  // of a chip
constexpr std::int64_t kFindIioUs = 30'000'000;
constexpr std::int64_t kIioLostUs = 60'000'000;
constexpr const char* kIioFolder = "/sys/bus/iio/devices/";

}  // namespace

std::vector<IioChip> list_iio_chips(const std::string& root) {
  std::vector<IioChip> chips;
  for (const auto& entry : list_folder(root + kIioFolder)) {
    if (entry.rfind("iio:device", 0) != 0) continue;
    IioChip chip;
    chip.entry = entry;
    const std::string folder = root + kIioFolder + entry;
    const auto name = read_line(folder + "/name");
    if (!name) continue;  // it is going just now, or coming
    chip.name = name_part(*name);
    chip.label = name_part(read_line(folder + "/label").value_or(""));
    std::error_code ec;
    // …/i2c-1/1-0076/iio:device0: the number changes with the order of detection, the address does not.
    if (std::filesystem::is_symlink(folder, ec)) {
      const auto real = std::filesystem::canonical(folder, ec);
      if (!ec) chip.address = name_part(real.parent_path().filename().string());
    }
    chips.push_back(std::move(chip));
    if (chips.size() > kMostIioChips) break;
  }
  return chips;
}

std::vector<SeriesSpec> IioBus::find() {
  channels_.clear();
  std::vector<SeriesSpec> specs;
  auto chips = list_iio_chips(root_);
  is_full_ = chips.size() > kMostIioChips;
  chips.resize(std::min(chips.size(), kMostIioChips));
  std::set<std::string> taken;
  for (const auto& chip : chips) {
    const std::string number = chip.entry.substr(std::string("iio:device").size());
    const std::string addressed = chip.name + "." + (chip.address.empty() ? name_part(number) : chip.address);
    const std::string usual = "iio." + (chip.label.empty() ? addressed : chip.label);
    std::string prefix = called(names_, {chip.label, addressed, chip.address, chip.name}, usual);
    if (!taken.insert(prefix).second) prefix += "." + name_part(number);
    const std::string folder = root_ + kIioFolder + chip.entry + "/";
    for (auto& found : iio_channels(list_folder(folder), kMostIioChannels)) {
      const std::string name = called(names_, {usual + "." + found.name}, prefix + "." + found.name);
      if (!taken.insert(name).second) continue;
      Channel channel;
      channel.folder = folder;
      channel.spec = {name, found.unit, ValueType::number, chip.name};
      channel.is = std::move(found);
      specs.push_back(channel.spec);
      channels_.push_back(std::move(channel));
    }
  }
  return specs;
}

bool IioBus::learn_scale(BusRound& round, Channel& channel) {
  if (channel.is_scaled || !channel.is.is_raw) return true;
  if (!channel.is.scales.empty()) {
    const auto scale = round.number(channel.folder + channel.is.scales[0]);
    if (!scale) return false;
    channel.scale = *scale;
  }
  if (!channel.is.offsets.empty()) {
    const auto offset = round.number(channel.folder + channel.is.offsets[0]);
    if (!offset) return false;
    channel.offset = *offset;
  }
  channel.is_scaled = true;
  return true;
}

void IioBus::read(BusRound& round) {
  const auto now = round.boot_us();
  if (now - found_us_ >= kFindIioUs || now < lost_until_us_ || found_us_ == 0) {
    found_us_ = now;
    find();
  }
  if (is_full_) round.trouble("more than 64 chips; the rest is left out");
  for (auto& channel : channels_) {
    if (!learn_scale(round, channel)) continue;
    const auto value = round.number(channel.folder + channel.is.file);
    if (!value) continue;
    double scaled = (*value + channel.offset) * channel.scale * channel.is.factor;
    // 21.340000000000003 says no more than 21.34, and costs more to send.
    const double digits = scaled == 0 ? 0 : 9 - std::floor(std::log10(std::abs(scaled)));
    if (digits > 0 && digits < 100) scaled = std::round(scaled * std::pow(10, digits)) / std::pow(10, digits);
    if (scaled >= channel.is.low && scaled <= channel.is.high) round.put(channel.spec, scaled);
  }
  // It has another number now, or is gone: looked for at every round, for a while.
  if (round.saw_loss()) lost_until_us_ = now + kIioLostUs;
}

void add_iio_sensor(const std::string& root, const KindOptions& options, Sensors& out) {
  const auto entries = list_folder(root + kIioFolder);
  const bool has_chip = std::any_of(entries.begin(), entries.end(),
                                    [](const std::string& entry) { return entry.rfind("iio:device", 0) == 0; });
  if (!options.enable || !has_chip) return;
  BusOptions bus;
  bus.kind = "iio";
  bus.interval_us = options.interval_us;
  out.push_back(std::make_unique<BusSensor>(std::move(bus), std::make_unique<IioBus>(root, options.names)));
}

}  // namespace agent
