#include "device-agent/sensors/onewire.h"

#include <algorithm>
#include <cmath>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostThermometers = 128;
constexpr std::size_t kMostMasters = 16;
constexpr std::int64_t kOneWireIntervalUs = 10'000'000;
constexpr std::chrono::milliseconds kLongestConversion{2'000};
constexpr std::chrono::milliseconds kConversionLook{50};
/// What the chip holds after power-on until its first conversion.
constexpr double kPowerOnCelsius = 85;
constexpr const char* kOneWireFolder = "/sys/bus/w1/devices/";

}  // namespace

bool is_thermometer(const std::string& id) {
  for (const char* family : {"10-", "22-", "28-", "3b-", "42-"}) {
    if (id.rfind(family, 0) == 0) return true;
  }
  return false;
}

std::optional<double> parse_w1_slave(const std::string& text) {
  // 72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
  // 72 01 4b 46 7f ff 0e 10 57 t=23125
  const std::size_t second = text.find('\n');
  if (second == std::string::npos) return std::nullopt;
  const auto first_words = split_words(std::string_view(text).substr(0, second));
  if (first_words.size() < 10 || first_words.back() != "YES") return std::nullopt;
  // A line held down answers zeros only, and their checksum holds.
  if (std::all_of(first_words.begin(), first_words.begin() + 9, [](std::string_view byte) { return byte == "00"; }))
    return std::nullopt;
  const auto words = split_words(std::string_view(text).substr(second));
  if (words.empty() || words.back().substr(0, 2) != "t=") return std::nullopt;
  const auto value = to_number(words.back().substr(2));
  return value ? std::optional(*value / 1'000) : std::nullopt;
}

SeriesSpec OneWireBus::spec_of(const std::string& id) const {
  return {called(names_, {id}, "onewire." + name_part(id)), "Cel", ValueType::number, id};
}

std::vector<SeriesSpec> OneWireBus::find() {
  ids_.clear();
  masters_.clear();
  is_full_ = false;
  std::vector<SeriesSpec> specs;
  for (const auto& entry : list_folder(root_ + kOneWireFolder)) {
    if (entry.rfind("w1_bus_master", 0) == 0 && masters_.size() < kMostMasters) masters_.push_back(entry);
    if (!is_thermometer(entry)) continue;
    if (ids_.size() == kMostThermometers) {
      is_full_ = true;
      continue;
    }
    ids_.push_back(entry);
    specs.push_back(spec_of(entry));
  }
  std::erase_if(last_, [this](const auto& last) { return !std::binary_search(ids_.begin(), ids_.end(), last.first); });
  return specs;
}

// "trigger" starts it; then the file says -1 while it goes on.
void OneWireBus::convert_all(BusRound& round) {
  std::vector<std::string> converting;
  for (const auto& master : masters_) {
    const std::string file = root_ + kOneWireFolder + master + "/therm_bulk_read";
    if (round.write(file, "trigger\n")) converting.push_back(file);
  }
  for (auto waited = kConversionLook - kConversionLook; !converting.empty() && waited < kLongestConversion;
       waited += kConversionLook) {
    if (!round.pause(kConversionLook)) return;
    std::erase_if(converting, [&](const std::string& file) { return round.text(file).value_or("0") != "-1"; });
  }
}

void OneWireBus::read_one(BusRound& round, const std::string& id) {
  const std::string folder = root_ + kOneWireFolder + id + "/";
  std::optional<double> celsius;
  if (const auto text = round.text(folder + "temperature"); text && !text->empty()) {
    // Since Linux 5.8; the kernel has checked the checksum.
    if (const auto value = to_number(*text)) celsius = *value / 1'000;
  } else if (const auto lines = round.text(folder + "w1_slave")) {
    celsius = parse_w1_slave(*lines);
    if (!celsius) round.trouble(id + ": the checksum does not hold: is the cable too long, or the pull-up missing?");
  }
  if (!celsius) return;
  const std::int64_t now = round.boot_us();
  const auto last = last_.find(id);
  const bool was_near = last != last_.end() && std::abs(last->second.celsius - kPowerOnCelsius) < 10 &&
                        now - last->second.boot_us < 300'000'000;
  if (*celsius == kPowerOnCelsius && !was_near) {
    return round.trouble(id + ": 85 °C is what it says after power-on, before it has measured: is its supply weak?");
  }
  if (*celsius < -55 || *celsius > 125) return round.trouble(id + ": outside of what it can measure");
  last_[id] = {*celsius, now};
  round.put(spec_of(id), *celsius);
}

void OneWireBus::read(BusRound& round) {
  find();
  if (ids_.empty()) return;
  if (is_full_) round.trouble("more than 128 thermometers; the rest is left out");
  convert_all(round);
  for (const auto& id : ids_) {
    if (round.is_stopping()) return;
    read_one(round, id);
  }
}

void add_onewire_sensor(const std::string& root, const KindOptions& options, Sensors& out) {
  const auto entries = list_folder(root + kOneWireFolder);
  if (!options.enable || std::none_of(entries.begin(), entries.end(), is_thermometer)) return;
  BusOptions bus;
  bus.kind = "onewire";
  bus.interval_us = options.interval_us > 0 ? options.interval_us : kOneWireIntervalUs;
  out.push_back(std::make_unique<BusSensor>(std::move(bus), std::make_unique<OneWireBus>(root, options.names)));
}

}  // namespace agent
