#include <algorithm>

#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

constexpr std::int64_t kLongestDebounceUs = 10'000'000;

/// line = "NAME", or chip and offset.
GpioAddress read_address(ConfigSection& s) {
  GpioAddress address;
  address.line = s.text("line", "");
  address.chip = s.text("chip", "");
  const std::int64_t offset = s.integer("offset", -1, 0, 4'095);
  if (address.line.empty() == address.chip.empty()) {
    s.refuse("line", "must be a line's name, or leave it out and give chip = \"gpiochip0\" and offset = 17");
  }
  if (!address.chip.empty() && offset < 0) s.refuse("offset", "is needed with chip");
  if (address.chip.empty() && offset >= 0) s.refuse("offset", "needs chip; a line's name says enough");
  address.offset = static_cast<unsigned>(std::max<std::int64_t>(offset, 0));
  return address;
}

GpioBias read_bias(ConfigSection& s) {
  const std::string text = s.text("bias", "as-is");
  if (text == "as-is") return GpioBias::as_is;
  if (text == "pull-up") return GpioBias::pull_up;
  if (text == "pull-down") return GpioBias::pull_down;
  if (text == "disabled") return GpioBias::disabled;
  s.refuse("bias", "must be as-is, pull-up, pull-down or disabled");
}

}  // namespace

GpioInputConfig read_gpio_input(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "gpio.");
  GpioInputConfig c;
  c.name = s.text("name", "");
  c.interval_us = s.duration_us("interval", 0, 100'000, 3'600'000'000LL);
  c.setup.is_active_low = s.flag("active_low");
  c.setup.debounce_us = static_cast<std::uint32_t>(s.duration_us("debounce", 0, 0, kLongestDebounceUs));
  c.setup.wants_edges = s.flag("edges", true);
  c.setup.bias = read_bias(s);
  c.setup.address = read_address(s);
  if (c.name.empty() && !c.setup.address.line.empty()) c.name = "gpio." + c.setup.address.line;
  if (!wire::is_series_name(c.name)) s.refuse("name", "must be a series name: letters, digits and _ . : -");
  s.refuse_unknown();
  return c;
}

GpioOutputConfig read_gpio_output(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "output.");
  GpioOutputConfig c;
  c.name = s.text("name", "");
  c.is_active_low = s.flag("active_low");
  c.initial = s.flag("initial");
  c.fail_safe = s.flag("fail_safe", c.initial);
  c.address = read_address(s);
  if (!wire::is_series_name(c.name)) s.refuse("name", "must be a name of letters, digits and _ . : -");
  s.refuse_unknown();
  return c;
}

}  // namespace agent
