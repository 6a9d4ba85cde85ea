// The sensor of a source that works aside.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "device-agent/reports/aside.h"
#include "device-agent/reports/report_inbox.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

/// What every source is made with.
struct ReportParts {
  std::shared_ptr<Aside> aside;
  const base::Clock& clock;  // outlives the sensors
  std::int64_t poll_us = 0;  // how often readings are fetched
};

/// Starts its source with the first sample(), which gives nothing yet; each later one hands over what came since the
/// last one, each reading with its age.
class ReportSensor final : public Sensor {
 public:
  /// The task ends soon after it is cancelled.
  using Source = std::function<boost::asio::awaitable<void>(std::shared_ptr<ReportInbox>)>;
  /// `promised_us`: how often its series promise a reading; 0: they promise nothing.
  ReportSensor(const ReportParts& parts, ReportRules rules, std::int64_t promised_us, Source source);
  ~ReportSensor() override;

  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override;
  std::int64_t interval_us() const override { return poll_us_; }
  std::optional<std::int64_t> promised_us() const override { return promised_us_; }
  std::string identity() const override { return inbox_->label(); }
  std::string problem() const override { return inbox_->problem(); }
  std::string kind() const override { return kind_; }
  void tell_arrivals(std::function<void()> tell) override;
  bool has_arrivals() const override { return inbox_->is_prompt() && inbox_->has_arrivals(); }
  /// Until the source has given its first readings, or has failed to.
  bool refresh(std::chrono::milliseconds at_most) override;

 private:
  void start();

  const std::shared_ptr<Aside> aside_;
  const std::int64_t poll_us_, promised_us_;
  const std::string kind_;  // the label's first word
  Source source_;           // empty once it has been started
  const std::shared_ptr<ReportInbox> inbox_;
  std::vector<SeriesSpec> series_;
  std::vector<ReportInbox::Item> items_;  // reused
};

}  // namespace agent
