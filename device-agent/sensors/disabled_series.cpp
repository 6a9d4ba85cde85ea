#include "device-agent/sensors/disabled_series.h"

namespace agent {
namespace {

/// Hides what the config does not want.
class Filtered final : public Sensor {
 public:
  Filtered(std::unique_ptr<Sensor> inner, std::vector<bool> wanted)
      : inner_(std::move(inner)), wanted_(std::move(wanted)) {}
  const std::vector<SeriesSpec>& series() const override { return inner_->series(); }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const std::size_t before = out.size();
    inner_->sample(now, out);
    for (std::size_t i = out.size(); i > before; --i) {
      if (!wanted_[out[i - 1].index]) out.erase(out.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
  }

 private:
  std::unique_ptr<Sensor> inner_;
  std::vector<bool> wanted_;
};

}  // namespace

bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled) {
  for (const auto& d : disabled) {
    if (d == name) return true;
    if (!d.empty() && d.back() == '*' && name.compare(0, d.size() - 1, d, 0, d.size() - 1) == 0) return true;
  }
  return false;
}

Sensors without_disabled(Sensors sensors, const std::vector<std::string>& disabled) {
  Sensors out;
  for (auto& sensor : sensors) {
    std::vector<bool> wanted;
    bool all = true, any = false;
    for (const auto& spec : sensor->series()) {
      wanted.push_back(!is_disabled_series(spec.name, disabled));
      all = all && wanted.back();
      any = any || wanted.back();
    }
    if (all) {
      out.push_back(std::move(sensor));
    } else if (any) {
      out.push_back(std::make_unique<Filtered>(std::move(sensor), std::move(wanted)));
    }
  }
  return out;
}

}  // namespace agent
