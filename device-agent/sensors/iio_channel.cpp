#include "device-agent/sensors/iio_channel.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

struct IioKind {
  std::string_view type, name, unit;
  double factor, low, high;
};
constexpr double kIioAny = 1e15;
// Documentation/ABI/testing/sysfs-bus-iio of the kernel: the units after scale, and what makes them base units.
constexpr IioKind kIioKinds[] = {
    {"accel", "acceleration", "m/s2", 1, -1e5, 1e5},
    {"altvoltage", "alternating_voltage", "V", 1e-3, -1e6, 1e6},
    {"angl", "angle", "rad", 1, -1e3, 1e3},
    {"anglvel", "angular_velocity", "rad/s", 1, -1e4, 1e4},
    {"capacitance", "capacitance", "F", 1e-9, -1, 1e3},
    {"concentration", "concentration", "%", 1, 0, 100},
    {"count", "count", "", 1, -kIioAny, kIioAny},
    {"current", "current", "A", 1e-3, -1e5, 1e5},
    {"distance", "distance", "m", 1, 0, 1e5},
    {"electricalconductivity", "conductivity", "S/m", 1, 0, 1e6},
    {"energy", "energy", "J", 1, -kIioAny, kIioAny},
    {"gravity", "gravity", "m/s2", 1, -1e3, 1e3},
    {"humidityrelative", "humidity", "%", 1e-3, -1, 101},
    {"illuminance", "illuminance", "lx", 1, 0, 1e6},
    {"incli", "inclination", "deg", 1, -360, 360},
    {"intensity", "intensity", "", 1, -kIioAny, kIioAny},
    {"magn", "magnetic_field", "T", 1e-4, -100, 100},
    {"massconcentration", "mass_concentration", "ug/m3", 1, 0, 1e7},
    {"ph", "ph", "[pH]", 1, 0, 14},
    {"phase", "phase", "rad", 1, -1e3, 1e3},
    {"positionrelative", "position", "%", 1e-3, -1e3, 1e3},
    {"power", "power", "W", 1e-3, -1e7, 1e7},
    {"pressure", "pressure", "Pa", 1e3, 0, 1e9},
    {"proximity", "proximity", "", 1, -kIioAny, kIioAny},
    {"resistance", "resistance", "Ohm", 1, 0, 1e12},
    {"rot", "rotation", "deg", 1, -360, 360},
    {"steps", "steps", "", 1, 0, kIioAny},
    {"temp", "temperature", "Cel", 1e-3, -273.15, 3'000},
    {"uvindex", "uv_index", "", 1, 0, 100},
    {"velocity", "velocity", "m/s", 1, -1e5, 1e5},
    {"voltage", "voltage", "V", 1e-3, -1e6, 1e6},
};

}  // namespace

std::optional<IioChannel> parse_iio_channel(const std::string& file) {
  const std::string_view name = file;
  constexpr std::string_view kRaw = "_raw", kInput = "_input";
  const bool is_raw = name.size() > kRaw.size() && name.substr(name.size() - kRaw.size()) == kRaw;
  const bool is_input = name.size() > kInput.size() && name.substr(name.size() - kInput.size()) == kInput;
  if (name.substr(0, 3) != "in_" || (!is_raw && !is_input)) return std::nullopt;
  if (name.size() <= 3 + (is_raw ? kRaw : kInput).size()) return std::nullopt;  // "in_raw"
  const std::string_view full = name.substr(3, name.size() - 3 - (is_raw ? kRaw.size() : kInput.size()));
  const std::size_t type_end = std::min(full.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), full.size());
  const std::string_view type = full.substr(0, type_end), rest = full.substr(type_end);
  if (type.empty()) return std::nullopt;

  IioChannel channel;
  channel.file = file;
  channel.is_raw = is_raw;
  const auto kind =
      std::find_if(std::begin(kIioKinds), std::end(kIioKinds), [&](const IioKind& k) { return k.type == type; });
  if (kind != std::end(kIioKinds)) {
    channel.name = std::string(kind->name);
    channel.unit = std::string(kind->unit);
    channel.factor = kind->factor, channel.low = kind->low, channel.high = kind->high;
  } else {
    channel.name = name_part(type);
    channel.low = -kIioAny, channel.high = kIioAny;
  }
  channel.name += name_part(rest);
  if (!is_raw) return channel;
  // Its own; its type's with the number, without it, of differences (voltage0-voltage1); of all that goes in.
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  std::vector<std::string> owners{std::string(full), std::string(type) + std::string(rest.substr(0, digits)),
                                  std::string(type)};
  if (rest.find('-') != std::string_view::npos) {
    owners.insert(owners.begin() + 1, std::string(type) + "-" + std::string(type));
  }
  for (const char* what : {"scale", "offset"}) {
    auto& places = std::string_view(what) == "scale" ? channel.scales : channel.offsets;
    for (const auto& owner : owners) {
      const std::string place = "in_" + owner + "_" + what;
      if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
    }
    places.push_back(std::string("in_") + what);
    places.emplace_back(what);
  }
  return channel;
}

std::vector<IioChannel> iio_channels(const std::vector<std::string>& files, std::size_t most) {
  std::vector<IioChannel> channels;
  std::set<std::string> names;
  for (const bool raw : {false, true}) {
    for (const auto& file : files) {
      auto channel = parse_iio_channel(file);
      if (!channel || channel->is_raw != raw || channels.size() >= most || !names.insert(channel->name).second)
        continue;
      const auto keep = [&files](std::vector<std::string>& places) {
        std::erase_if(places, [&](const auto& p) { return !std::binary_search(files.begin(), files.end(), p); });
        if (places.size() > 1) places.resize(1);
      };
      keep(channel->scales);
      keep(channel->offsets);
      channels.push_back(std::move(*channel));
    }
  }
  return channels;
}

}  // namespace agent
