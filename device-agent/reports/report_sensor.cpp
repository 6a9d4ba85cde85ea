#include "device-agent/reports/report_sensor.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace agent {
namespace {

constexpr std::size_t kMostASample = 2'000;  // a frame holds 65,536; the rest follows at the next turn

}  // namespace

ReportSensor::ReportSensor(const ReportParts& parts, ReportRules rules, std::int64_t promised_us, Source source)
    : aside_(parts.aside),
      poll_us_(parts.poll_us),
      promised_us_(promised_us),
      source_(std::move(source)),
      inbox_(std::make_shared<ReportInbox>(std::move(rules))) {}

void ReportSensor::sample(const SampleTime& now, std::vector<Sample>& out) {
  if (source_) {
    inbox_->set_pending(true);
    aside_->start([source = std::exchange(source_, nullptr), inbox = inbox_] { return source(inbox); });
  }
  items_.clear();
  inbox_->take(series_, items_, kMostASample);
  for (auto& item : items_) {
    // Readings are stamped in whole milliseconds unless they say better: blocks stay short.
    const std::int64_t age = item.wall_us ? now.wall_us - *item.wall_us : (now.boot_us - item.boot_us) / 1'000 * 1'000;
    out.push_back({item.series, std::move(item.value), std::max<std::int64_t>(age, 0)});
  }
}

bool ReportSensor::refresh(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (inbox_->is_pending() && std::chrono::steady_clock::now() < end) ::usleep(20'000);
  return !inbox_->is_pending();
}

}  // namespace agent
