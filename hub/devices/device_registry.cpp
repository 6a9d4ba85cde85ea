#include "hub/devices/device_registry.h"

#include <boost/system/system_error.hpp>
#include <cassert>
#include <mutex>

#include "hub/devices/registry_state.h"
#include "hub/devices/series_pattern.h"

namespace hub {

const char* to_string(Presence p) {
  switch (p) {
    case Presence::unknown:
      return "unknown";
    case Presence::online:
      return "online";
    case Presence::asleep:
      return "asleep";
    case Presence::offline:
      return "offline";
  }
  return "unknown";
}

DeviceRegistry::DeviceRegistry(DeviceStore& store, base::Worker& control, const base::Clock& clock,
                               std::int64_t start_grace_us)
    : state_(std::make_shared<State>(store, control, clock, start_grace_us)) {
  state_->load();
}

DeviceRegistry::~DeviceRegistry() = default;

void DeviceRegistry::State::load() {
  auto known = store.load_devices();
  if (!known) throw boost::system::system_error(known.error(), "the registry's devices");
  auto known_series = store.load_series();
  if (!known_series) throw boost::system::system_error(known_series.error(), "the registry's series");
  auto known_groups = store.load_groups();
  if (!known_groups) throw boost::system::system_error(known_groups.error(), "the registry's groups");
  const std::unique_lock lock(mutex);
  for (auto& group : *known_groups) groups.emplace(group.name, std::move(group));
  for (auto& record : *known) {
    auto entry = std::make_unique<DeviceEntry>();
    entry->last_seen_us = record.last_seen_us;
    entry->record = std::move(record);
    names.emplace(entry->record.name, entry->record.id);
    if (away(*entry) == Presence::asleep) {
      entry->presence = Presence::asleep;
      asleep.insert(entry->record.id);
    }
    sort_into_groups(*entry);
    devices.emplace(entry->record.id, std::move(entry));
  }
  for (const auto& record : *known_series) index_series(record);
  last_seen_stored_us = started_us;
}

DeviceEntry* DeviceRegistry::State::find(const DeviceId& device) const {
  const auto found = devices.find(device);
  return found == devices.end() ? nullptr : found->second.get();
}

DeviceEntry* DeviceRegistry::State::find_by_name_or_id(std::string_view id_or_name) const {
  // Ids first: a device must not hide another by taking its id as a name.
  if (auto* entry = find(DeviceId(std::string(id_or_name)))) return entry;
  const auto named = names.find(id_or_name);
  return named == names.end() ? nullptr : find(named->second);
}

void DeviceRegistry::State::index_series(const SeriesRecord& record) {
  auto* entry = find(record.device);
  if (entry == nullptr) return;
  entry->series[record.name].push_back(record.id);
  ++entry->series_count;
  series.emplace(record.id, record);
}

std::optional<DeviceRecord> DeviceRegistry::find(std::string_view id_or_name) const {
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find_by_name_or_id(id_or_name);
  if (entry == nullptr) return std::nullopt;
  auto record = entry->record;
  record.last_seen_us = entry->last_seen_us.load(std::memory_order_relaxed);
  return record;
}

std::vector<DeviceRecord> DeviceRegistry::list(std::string_view after, std::size_t limit) const {
  std::vector<DeviceRecord> page;
  const std::shared_lock lock(state_->mutex);
  for (auto at = state_->names.upper_bound(after); at != state_->names.end() && page.size() < limit; ++at) {
    const auto* entry = state_->find(at->second);
    page.push_back(entry->record);
    page.back().last_seen_us = entry->last_seen_us.load(std::memory_order_relaxed);
  }
  return page;
}

std::size_t DeviceRegistry::count() const {
  const std::shared_lock lock(state_->mutex);
  return state_->devices.size();
}

std::vector<SeriesRecord> DeviceRegistry::series_of(const DeviceId& device) const {
  std::vector<SeriesRecord> records;
  const std::shared_lock lock(state_->mutex);
  if (const auto* entry = state_->find(device)) {
    records.reserve(entry->series.size());
    for (const auto& [name, revisions] : entry->series) records.push_back(state_->series.at(revisions.back()));
  }
  return records;
}

std::vector<SeriesRecord> DeviceRegistry::revisions_of(const DeviceId& device, std::string_view name) const {
  std::vector<SeriesRecord> records;
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find(device);
  if (entry == nullptr) return records;
  const auto named = entry->series.find(name);
  if (named == entry->series.end()) return records;
  for (const auto id : named->second) records.push_back(state_->series.at(id));
  return records;
}

std::optional<SeriesRecord> DeviceRegistry::series(SeriesId id) const {
  const std::shared_lock lock(state_->mutex);
  const auto found = state_->series.find(id);
  return found == state_->series.end() ? std::nullopt : std::optional(found->second);
}

Presence DeviceRegistry::presence(const DeviceId& device) const {
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find(device);
  return entry == nullptr ? Presence::unknown : entry->presence;
}

std::int64_t DeviceRegistry::last_seen_us(const DeviceId& device) const {
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find(device);
  return entry == nullptr ? 0 : entry->last_seen_us.load(std::memory_order_relaxed);
}

std::vector<SeriesRecord> DeviceRegistry::resolve(const std::vector<std::string>& devices,
                                                  const std::vector<std::string>& patterns) const {
  std::vector<SeriesRecord> records;
  const std::shared_lock lock(state_->mutex);
  const auto add = [&](const DeviceEntry& entry) {
    for (const auto& [name, revisions] : entry.series) {
      for (const auto& pattern : patterns) {
        if (!matches_pattern(pattern, name)) continue;
        records.push_back(state_->series.at(revisions.back()));
        break;
      }
    }
  };
  if (devices.empty()) {
    for (const auto& [name, id] : state_->names) add(*state_->find(id));
    return records;
  }
  std::set<const DeviceEntry*> done;  // one device may be named twice, by id and by name
  for (const auto& id_or_name : devices) {
    const auto* entry = state_->find_by_name_or_id(id_or_name);
    if (entry != nullptr && done.insert(entry).second) add(*entry);
  }
  return records;
}

namespace {

// Runs `work` on control and answers with what it returns; a full queue is answered at once.
template <class Answer, class Work>
void answer_on(base::Worker& control, Answer answer, Work work) {
  const bool posted = control.try_post([answer, work = std::move(work)]() mutable { answer(work()); });
  if (!posted) answer(Problem{errc::busy, "The hub has too much to do; try again in a moment.", ""});
}

}  // namespace

void DeviceRegistry::define_series(DeviceId device, std::vector<SeriesWish> wishes,
                                   std::function<void(Outcome<std::vector<SeriesId>>)> answer) {
  answer_on(state_->control, std::move(answer),
            [state = state_, device = std::move(device), wishes = std::move(wishes)] {
              return state->define_series(device, wishes);
            });
}

void DeviceRegistry::rename(DeviceId device, std::string name, std::function<void(Outcome<bool>)> answer) {
  answer_on(state_->control, std::move(answer), [state = state_, device = std::move(device), name = std::move(name)] {
    return state->rename(device, name);
  });
}

void DeviceRegistry::set_tags(DeviceId device, std::map<std::string, std::string> tags,
                              std::function<void(Outcome<bool>)> answer) {
  answer_on(state_->control, std::move(answer),
            [state = state_, device = std::move(device), tags = std::move(tags)]() mutable {
              return state->set_tags(device, std::move(tags));
            });
}

void DeviceRegistry::described(DeviceId device, std::map<std::string, std::string> attributes,
                               std::vector<CommandDescription> commands) {
  // Said again at the next Hello where the queue is full.
  (void)state_->control.try_post([state = state_, device = std::move(device), attributes = std::move(attributes),
                                  commands = std::move(commands)]() mutable {
    state->described(device, std::move(attributes), std::move(commands));
  });
}

void DeviceRegistry::remove(DeviceId device, std::function<void(Outcome<bool>)> answer) {
  answer_on(state_->control, std::move(answer),
            [state = state_, device = std::move(device)] { return state->remove(device); });
}

void DeviceRegistry::put_group(std::string name, std::map<std::string, std::string> tags,
                               std::function<void(Outcome<bool>)> answer) {
  GroupRecord group{std::move(name), std::move(tags), state_->clock.now_us()};
  answer_on(state_->control, std::move(answer),
            [state = state_, group = std::move(group)]() mutable { return state->put_group(std::move(group)); });
}

void DeviceRegistry::remove_group(std::string name, std::function<void(Outcome<bool>)> answer) {
  answer_on(state_->control, std::move(answer),
            [state = state_, name = std::move(name)] { return state->remove_group(name); });
}

void DeviceRegistry::connected(const DeviceId& device) {
  state_->session_began(device);
}

void DeviceRegistry::disconnected(const DeviceId& device) {
  state_->session_ended(device);
}

void DeviceRegistry::seen(const DeviceId& device) {
  const std::shared_lock lock(state_->mutex);
  if (auto* entry = state_->find(device)) {
    entry->last_seen_us.store(state_->clock.now_us(), std::memory_order_relaxed);
  }
}

void DeviceRegistry::on_presence(std::function<void(const PresenceChange&)> listener) {
  state_->presence_listener = std::move(listener);
}

void DeviceRegistry::on_series_added(std::function<void(const std::vector<SeriesRecord>&)> listener) {
  state_->series_listener = std::move(listener);
}

}  // namespace hub
