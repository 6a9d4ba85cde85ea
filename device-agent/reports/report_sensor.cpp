#include "device-agent/reports/report_sensor.h"

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
      kind_(rules.label.substr(0, rules.label.find(' '))),
      source_(std::move(source)),
      inbox_(std::make_shared<ReportInbox>(std::move(rules))) {}

// The source's task may go on a little on its own thread; it has nobody to tell any more.
ReportSensor::~ReportSensor() {
  inbox_->tell_arrivals(nullptr);
}

void ReportSensor::tell_arrivals(std::function<void()> tell) {
  if (inbox_->is_prompt()) inbox_->tell_arrivals(std::move(tell));
}

void ReportSensor::start() {
  inbox_->set_pending(true);
  aside_->start([source = std::exchange(source_, nullptr), inbox = inbox_] { return source(inbox); });
}

bool ReportSensor::refresh(std::chrono::milliseconds at_most) {
  if (source_) start();
  return inbox_->wait_until_not_pending(at_most);
}

void ReportSensor::sample(const SampleTime& now, std::vector<Sample>& out) {
  if (source_) return start();
  items_.clear();
  inbox_->take(series_, items_, kMostASample);
  for (auto& item : items_) {
    // Readings are stamped in whole milliseconds unless they say better: blocks stay short.
    const std::int64_t age = item.wall_us ? now.wall_us - *item.wall_us : (now.boot_us - item.boot_us) / 1'000 * 1'000;
    out.push_back({item.series, std::move(item.value), std::max<std::int64_t>(age, 0)});
  }
}

}  // namespace agent
