// Real stores that can be told to refuse, or to stop as a killed process does.
#pragma once

#include <atomic>

#include "hub/storage/alert_store.h"
#include "hub/storage/execution_store.h"

namespace fakes {

class FailingExecutionStore final : public hub::ExecutionStore {
 public:
  explicit FailingExecutionStore(hub::ExecutionStore& real) : real_(real) {}
  std::atomic<int> puts_until_failure{-1};  // -1: never; 0: the next one fails, and all after it

  hub::Result<void> put(const hub::ExecutionRecord& execution, hub::Event& event) override {
    if (puts_until_failure == 0) return hub::errc::unavailable;
    if (puts_until_failure > 0) --puts_until_failure;
    return real_.put(execution, event);
  }
  hub::Result<std::optional<hub::ExecutionRecord>> find(const hub::ExecutionId& id) override { return real_.find(id); }
  hub::Result<std::optional<hub::ExecutionRecord>> find_by_key(const hub::DeviceId& device,
                                                               const std::string& key) override {
    return real_.find_by_key(device, key);
  }
  hub::Result<std::vector<hub::ExecutionRecord>> list(const hub::DeviceId& device, std::size_t limit) override {
    return real_.list(device, limit);
  }
  hub::Result<std::vector<hub::ExecutionRecord>> load_open() override { return real_.load_open(); }

 private:
  hub::ExecutionStore& real_;
};

class FailingAlertStore final : public hub::AlertStore {
 public:
  explicit FailingAlertStore(hub::AlertStore& real) : real_(real) {}
  std::atomic<int> writes_until_failure{-1};  // as above; advance, put_rule and remove_rule count

  hub::Result<std::vector<hub::AlertRuleRecord>> load_rules() override { return real_.load_rules(); }
  hub::Result<void> put_rule(const hub::AlertRuleRecord& rule) override {
    if (!may_write()) return hub::errc::unavailable;
    return real_.put_rule(rule);
  }
  hub::Result<void> remove_rule(const hub::RuleId& rule) override {
    if (!may_write()) return hub::errc::unavailable;
    return real_.remove_rule(rule);
  }
  hub::Result<std::vector<hub::EvaluationRecord>> load_evaluations() override { return real_.load_evaluations(); }
  hub::Result<hub::CommitNumber> load_cursor() override { return real_.load_cursor(); }
  hub::Result<void> advance(hub::CommitNumber cursor, const std::vector<hub::EvaluationRecord>& evaluations,
                            const std::vector<hub::AlertRecord>& alerts, std::vector<hub::Event>& events) override {
    if (!may_write()) return hub::errc::unavailable;
    return real_.advance(cursor, evaluations, alerts, events);
  }
  hub::Result<std::optional<hub::AlertRecord>> find_alert(const hub::AlertId& id) override {
    return real_.find_alert(id);
  }
  hub::Result<std::vector<hub::AlertRecord>> list_alerts(int state, std::size_t limit) override {
    return real_.list_alerts(state, limit);
  }

 private:
  bool may_write() {
    if (writes_until_failure == 0) return false;
    if (writes_until_failure > 0) --writes_until_failure;
    return true;
  }
  hub::AlertStore& real_;
};

}  // namespace fakes
