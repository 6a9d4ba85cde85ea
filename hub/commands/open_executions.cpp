#include "hub/commands/open_executions.h"

#include <algorithm>

#include "hub/commands/execution_state.h"

namespace hub {

OpenExecution& OpenExecutions::add(ExecutionRecord record) {
  by_device_[record.device].push_back(record.id);
  const auto id = record.id;
  auto& open = open_[id];
  open.record = std::move(record);
  return open;
}

OpenExecution* OpenExecutions::find(const ExecutionId& id) {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

void OpenExecutions::erase(const ExecutionId& id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  const auto ids = by_device_.find(found->second.record.device);
  std::erase(ids->second, id);
  if (ids->second.empty()) by_device_.erase(ids);
  open_.erase(found);
}

void OpenExecutions::add_unconfirmed(const ExecutionRecord& record) {
  auto& ids = unconfirmed_[record.device];
  ids.push_back(record.id);
  if (ids.size() > max_unconfirmed) ids.pop_front();
}

void OpenExecutions::erase_unconfirmed(const DeviceId& device, const ExecutionId& id) {
  const auto ids = unconfirmed_.find(device);
  if (ids == unconfirmed_.end()) return;
  std::erase(ids->second, id);
  if (ids->second.empty()) unconfirmed_.erase(ids);
}

std::vector<ExecutionId> OpenExecutions::unconfirmed_of(const DeviceId& device) const {
  const auto ids = unconfirmed_.find(device);
  return ids == unconfirmed_.end() ? std::vector<ExecutionId>() : std::vector(ids->second.begin(), ids->second.end());
}

std::vector<OpenExecution*> OpenExecutions::of(const DeviceId& device) {
  std::vector<OpenExecution*> out;
  const auto ids = by_device_.find(device);
  if (ids == by_device_.end()) return out;
  for (const auto& id : ids->second) out.push_back(&open_.at(id));
  return out;
}

std::vector<DeviceId> OpenExecutions::devices() const {
  std::vector<DeviceId> out;
  for (const auto& [device, ids] : by_device_) out.push_back(device);
  return out;
}

std::size_t OpenExecutions::queued_count(const DeviceId& device) {
  const auto list = of(device);
  return static_cast<std::size_t>(std::count_if(
      list.begin(), list.end(), [](const OpenExecution* e) { return e->record.state == ExecutionState::queued; }));
}

bool OpenExecutions::has_in_flight(const DeviceId& device) {
  const auto list = of(device);
  return std::any_of(list.begin(), list.end(), [](const OpenExecution* e) { return is_in_flight(e->record.state); });
}

OpenExecution* OpenExecutions::first_queued(const DeviceId& device) {
  for (auto* open : of(device)) {
    if (open->record.state == ExecutionState::queued) return open;
  }
  return nullptr;
}

std::vector<OpenExecution*> OpenExecutions::all() {
  std::vector<OpenExecution*> out;
  for (auto& [id, open] : open_) out.push_back(&open);
  return out;
}

}  // namespace hub
