#include "hub/commands/command_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cassert>
#include <map>

#include "hub/commands/command_arguments.h"
#include "hub/commands/execution_state.h"
#include "hub/commands/execution_update.h"
#include "hub/commands/open_executions.h"

namespace hub {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDefaultDeadline = 60 * kSecond;
constexpr std::int64_t kLongestDeadline = 7 * 86'400 * kSecond;
constexpr std::int64_t kGrace = 30 * kSecond;  // what the network and a reconnect may take on top
constexpr std::int64_t kProgressInterval = kSecond / 2;
constexpr std::int64_t kCongestionWait = 10 * kSecond;
constexpr std::size_t kKeyBytes = 128;
// Each settles with an fsync of its own; the rest of a crowd that expired together waits for the next second.
constexpr int kSettledPerTick = 100;

Problem not_stored(const error_code& ec) {
  return {to_errc(ec), "the execution could not be read or written: " + ec.message(), ""};
}

Problem unknown_execution(const ExecutionId& id) {
  return {errc::not_found, "there is no execution " + id.str(), ""};
}

}  // namespace

struct CommandService::State {
  ExecutionStore& store;
  DeviceRegistry& devices;
  DeviceLinks& links;
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  std::function<void(Event)> publish;
  std::shared_ptr<spdlog::logger> log;

  OpenExecutions open{};
  // Devices to ask once more and when: what they said could not be stored, or asking itself did not go through. One
  // entry a device at most; gone when it connects, which asks anyway.
  std::map<DeviceId, std::int64_t> ask_again{};
  // Connections whose queue was full, and when to try them next; one entry a device with QUEUED executions at most.
  std::map<DeviceId, std::int64_t> congested{};

  bool put(const ExecutionRecord& record, error_code& ec);
  bool put(const ExecutionRecord& record);
  bool change(OpenExecution& execution, ExecutionState state);
  void keep_or_forget(OpenExecution& execution);
  bool send_request(const ExecutionRecord& record);
  bool send_cancel(const ExecutionRecord& record);
  void ask(const DeviceId& device);
  bool ask_all(const DeviceId& device);
  void ask_later(const DeviceId& device, std::int64_t wait_us);
  void dispatch(const DeviceId& device);
  void settle_overdue();
  void store_progress();
  Outcome<ExecutionRecord> same_key(const ExecutionRecord& known, const CommandRequest& request) const;
};

/// Stores and publishes, in this order.
bool CommandService::State::put(const ExecutionRecord& record, error_code& ec) {
  Event event{0,           record.updated_us, record.device,
              "execution", record.id.str(),   boost::json::serialize(to_json(record))};
  if (auto done = store.put(record, event); !done) {
    ec = done.error();
    log->error("execution {} of device {}: {} could not be stored: {}", record.id.str(), record.device.str(),
               to_string(record.state), ec.message());
    return false;
  }
  publish(std::move(event));
  return true;
}

bool CommandService::State::put(const ExecutionRecord& record) {
  error_code ignored;
  return put(record, ignored);
}

/// The hub's own changes. Afterwards `execution` may be gone.
bool CommandService::State::change(OpenExecution& execution, ExecutionState state) {
  assert(is_legal(execution.record.state, state));
  auto changed = execution.record;
  changed.state = state;
  changed.updated_us = clock.now_us();
  if (!put(changed)) return false;
  execution.record = std::move(changed);
  keep_or_forget(execution);
  return true;
}

void CommandService::State::keep_or_forget(OpenExecution& execution) {
  execution.stored_boot_us = clock.boot_us();
  execution.is_dirty = false;
  if (execution.record.state == ExecutionState::unconfirmed) open.add_unconfirmed(execution.record);
  if (execution.record.state == ExecutionState::unconfirmed || is_final(execution.record.state)) {
    const ExecutionId id = execution.record.id;
    open.erase(id);
  }
}

bool CommandService::State::send_request(const ExecutionRecord& record) {
  auto message = std::make_shared<telemetry::v1::HubMessage>();
  auto* request = message->mutable_execution();
  request->set_id(record.id.str());
  request->set_command(record.command);
  request->set_arguments_json(record.arguments_json);
  request->set_not_after_us(static_cast<double>(record.not_after_us));
  request->set_server_time_us(static_cast<double>(clock.now_us()));
  request->set_timeout_ms(record.timeout_ms);
  return links.send(record.device, std::move(message));
}

bool CommandService::State::send_cancel(const ExecutionRecord& record) {
  auto message = std::make_shared<telemetry::v1::HubMessage>();
  message->mutable_cancel()->set_id(record.id.str());
  return links.send(record.device, std::move(message));
}

/// Sends again what the device has or may have. The id is the idempotency key: it answers with what it knows, or
/// EXPIRED where it never had it and the deadline is over.
void CommandService::State::ask(const DeviceId& device) {
  ask_again.erase(device);
  if (!ask_all(device)) ask_later(device, kCongestionWait);
}

bool CommandService::State::ask_all(const DeviceId& device) {
  for (const auto* execution : open.of(device)) {
    if (!is_in_flight(execution->record.state)) continue;
    if (!send_request(execution->record)) return false;
    if (execution->is_cancel_wished && !send_cancel(execution->record)) return false;
  }
  for (const auto& id : open.unconfirmed_of(device)) {
    const auto found = store.find(id);
    if (!found) return false;
    if (!*found || (*found)->state != ExecutionState::unconfirmed) {
      open.erase_unconfirmed(device, id);
    } else if (!send_request(**found)) {
      return false;
    }
  }
  return true;
}

/// A device that is away is asked when it connects.
void CommandService::State::ask_later(const DeviceId& device, std::int64_t wait_us) {
  if (links.is_connected(device)) ask_again[device] = clock.boot_us() + wait_us;
}

void CommandService::State::dispatch(const DeviceId& device) {
  while (links.is_connected(device) && !open.has_in_flight(device)) {
    auto* next = open.first_queued(device);
    if (next == nullptr) return;
    if (const auto until = congested.find(device); until != congested.end()) {
      if (clock.boot_us() < until->second) return;
      congested.erase(until);
    }
    if (clock.now_us() >= next->record.not_after_us) {
      if (!change(*next, ExecutionState::expired)) return;
      continue;
    }
    // Stored first and told last; nobody sees the state in between, since all of this is one task of control.
    auto sent = next->record;
    sent.state = ExecutionState::sent;
    sent.updated_us = clock.now_us();
    Event event{0, sent.updated_us, sent.device, "execution", sent.id.str(), boost::json::serialize(to_json(sent))};
    if (auto done = store.put(sent, event); !done) {
      log->error("execution {}: SENT could not be stored, so it waits: {}", sent.id.str(), done.error().message());
      return;
    }
    const ExecutionRecord queued = std::exchange(next->record, std::move(sent));
    if (send_request(next->record)) {
      next->stored_boot_us = clock.boot_us();
      publish(std::move(event));
      return;
    }
    congested[device] = clock.boot_us() + kCongestionWait;
    auto back = queued;
    back.updated_us = clock.now_us();
    if (put(back)) {
      next->record = std::move(back);
    } else {  // it stays SENT, as hub.db has it, and goes when the device is asked about it
      ask_later(device, kCongestionWait);
    }
    return;
  }
}

void CommandService::State::settle_overdue() {
  const std::int64_t now = clock.now_us();
  int left = kSettledPerTick;
  for (auto* execution : open.all()) {
    const auto& record = execution->record;
    ExecutionState end = ExecutionState::expired;
    if (is_in_flight(record.state)) {
      // A device that was heard after the deadline started in time: its timeout counts from then.
      const std::int64_t heard = record.state == ExecutionState::sent ? 0 : record.updated_us;
      const std::int64_t due = std::max(record.not_after_us, heard) + std::int64_t{record.timeout_ms} * 1'000 + kGrace;
      if (now <= due) continue;
      end = ExecutionState::unconfirmed;
    } else if (now < record.not_after_us) {
      continue;
    }
    if (left-- == 0) return;
    if (!change(*execution, end)) return;
  }
}

void CommandService::State::store_progress() {
  for (auto* execution : open.all()) {
    if (!execution->is_dirty) continue;
    if (!put(execution->record)) return;
    execution->stored_boot_us = clock.boot_us();
    execution->is_dirty = false;
  }
}

Outcome<ExecutionRecord> CommandService::State::same_key(const ExecutionRecord& known,
                                                         const CommandRequest& request) const {
  if (known.command == request.command && are_same_arguments(known.arguments_json, request.arguments_json)) {
    return known;
  }
  return Problem{errc::conflict,
                 "the idempotency key \"" + request.idempotency_key +
                     "\" was used for another command or other "
                     "arguments on this device (execution " +
                     known.id.str() + ")",
                 "Idempotency-Key"};
}

CommandService::CommandService(ExecutionStore& store, DeviceRegistry& devices, DeviceLinks& links,
                               base::Worker& control, const base::Clock& clock, base::Random& random,
                               std::function<void(Event)> publish, std::shared_ptr<spdlog::logger> log)
    : state_(new State{store, devices, links, control, clock, random, std::move(publish),
                       log ? std::move(log) : spdlog::default_logger()}) {}

CommandService::~CommandService() = default;

Result<void> CommandService::start() {
  auto& state = *state_;
  assert(state.control.is_current());
  auto open = state.store.load_open();
  if (!open) return open.error();
  for (auto& record : *open) {
    if (record.state == ExecutionState::unconfirmed) {
      state.open.add_unconfirmed(record);
    } else {
      state.open.add(std::move(record));
    }
  }
  return {};
}

Outcome<ExecutionRecord> CommandService::create(CommandRequest request) {
  auto& state = *state_;
  assert(state.control.is_current());
  const auto device = state.devices.find(request.device.str());
  if (!device) return Problem{errc::not_found, "there is no device " + request.device.str(), ""};
  if (request.arguments_json.empty()) request.arguments_json = "{}";
  if (request.idempotency_key.size() > kKeyBytes) {
    return Problem{errc::invalid_argument, "the idempotency key is longer than 128 bytes", "Idempotency-Key"};
  }
  // Before all other checks: the repetition of a request that was taken is answered alike, whatever changed since.
  if (!request.idempotency_key.empty()) {
    const auto known = state.store.find_by_key(device->id, request.idempotency_key);
    if (!known) return not_stored(known.error());
    if (*known) return state.same_key(**known, request);
  }
  const auto command = find_command(*device, request.command);
  if (!command) return command.error();
  if (auto fits = check_arguments(*command, request.arguments_json); !fits) return fits.error();

  const std::int64_t now = state.clock.now_us();
  if (request.not_after_us == 0) request.not_after_us = now + kDefaultDeadline;
  if (request.not_after_us <= now) {
    return Problem{errc::invalid_argument, "not_after is over; it is a time in µs, at most 7 days ahead", "/not_after"};
  }
  if (request.not_after_us > now + kLongestDeadline) {
    return Problem{errc::invalid_argument, "not_after is more than 7 days ahead", "/not_after"};
  }
  if (state.open.queued_count(device->id) >= OpenExecutions::max_queued) {
    return Problem{errc::busy,
                   std::to_string(OpenExecutions::max_queued) + " commands wait for " + device->name +
                       " already; cancel some or try again later",
                   ""};
  }

  ExecutionRecord record;
  record.id = ExecutionId(make_id('x', state.random));
  record.device = device->id;
  record.command = std::move(request.command);
  record.arguments_json = std::move(request.arguments_json);
  record.requested_by = std::move(request.requested_by);
  record.idempotency_key = std::move(request.idempotency_key);
  record.created_us = record.updated_us = now;
  record.not_after_us = request.not_after_us;
  record.timeout_ms = command->timeout_ms == 0 ? kDefaultTimeoutMs : std::min(command->timeout_ms, kLongestTimeoutMs);
  error_code ec;
  if (!state.put(record, ec)) return not_stored(ec);
  state.open.add(record).stored_boot_us = state.clock.boot_us();
  state.dispatch(record.device);
  const auto* now_open = state.open.find(record.id);
  return now_open != nullptr ? now_open->record : record;
}

Outcome<ExecutionRecord> CommandService::get(const ExecutionId& id) {
  const auto found = state_->store.find(id);
  if (!found) return not_stored(found.error());
  if (!*found) return unknown_execution(id);
  return **found;
}

Outcome<std::vector<ExecutionRecord>> CommandService::list(const DeviceId& device, std::size_t limit) {
  auto found = state_->store.list(device, std::min<std::size_t>(limit, 1'000));
  if (!found) return not_stored(found.error());
  return std::move(*found);
}

Outcome<ExecutionRecord> CommandService::cancel(const ExecutionId& id) {
  auto& state = *state_;
  assert(state.control.is_current());
  if (auto* open = state.open.find(id)) {
    if (open->record.state != ExecutionState::queued) {
      open->is_cancel_wished = true;
      if (!state.send_cancel(open->record)) state.ask_later(open->record.device, kCongestionWait);
      return open->record;
    }
    auto cancelled = open->record;
    cancelled.state = ExecutionState::cancelled;
    cancelled.updated_us = state.clock.now_us();
    error_code ec;
    if (!state.put(cancelled, ec)) return not_stored(ec);
    state.open.erase(id);
    return cancelled;
  }
  const auto found = get(id);
  if (!found || found->state == ExecutionState::cancelled) return found;
  if (is_final(found->state)) {
    return Problem{errc::conflict, std::string("the execution has ended: ") + to_string(found->state), ""};
  }
  (void)state.send_cancel(*found);  // UNCONFIRMED: perhaps it still runs
  return found;
}

void CommandService::device_connected(const DeviceId& device) {
  assert(state_->control.is_current());
  state_->congested.erase(device);
  state_->ask(device);
  state_->dispatch(device);
}

// Nothing changes: what was sent stays SENT until the device tells or its time is over, and DeviceLinks knows who is
// connected. (A fenced session's end may be told after the newer one's beginning.)
void CommandService::device_disconnected(const DeviceId&) {
  assert(state_->control.is_current());
}

void CommandService::device_update(const DeviceId& device, const telemetry::v1::ExecutionUpdate& update) {
  auto& state = *state_;
  assert(state.control.is_current());
  const ExecutionId id(update.id());
  auto* execution = state.open.find(id);
  std::optional<ExecutionRecord> stored;
  if (execution == nullptr) {
    auto found = state.store.find(id);
    if (!found) {
      state.log->error("execution {}: {}", id.str(), found.error().message());
      state.ask_later(device, 0);
      return;
    }
    stored = std::move(*found);
  }
  if (execution == nullptr && !stored) {
    state.log->warn("device {} speaks of execution \"{}\", which is not there", device.str(), id.str().substr(0, 64));
    return;
  }
  const ExecutionRecord& before = execution != nullptr ? execution->record : *stored;
  if (before.device != device) {
    state.log->warn("device {} speaks of execution {} of device {}: refused", device.str(), id.str(),
                    before.device.str());
    return;
  }
  auto changed = before;
  const auto verdict = apply_update(update, state.clock.now_us(), changed);
  if (verdict == UpdateVerdict::known) return;
  if (verdict == UpdateVerdict::illegal) {
    state.log->warn("device {}: execution {} is {} and cannot become state {}", device.str(), id.str(),
                    to_string(before.state), static_cast<int>(update.state()));
    return;
  }

  const bool is_progress = execution != nullptr && changed.state == before.state;
  if (is_progress && state.clock.boot_us() - execution->stored_boot_us < kProgressInterval) {
    execution->record = std::move(changed);
    execution->is_dirty = true;
    return;
  }
  if (!state.put(changed)) {
    state.ask_later(device, 0);
    return;
  }
  if (execution == nullptr) {  // it was UNCONFIRMED, and may still be
    if (changed.state == ExecutionState::unconfirmed) return;
    state.open.erase_unconfirmed(device, id);
    if (!is_final(changed.state)) state.open.add(std::move(changed)).stored_boot_us = state.clock.boot_us();
  } else {
    execution->record = std::move(changed);
    state.keep_or_forget(*execution);
  }
  state.dispatch(device);
}

void CommandService::tick() {
  auto& state = *state_;
  assert(state.control.is_current());
  state.store_progress();
  state.settle_overdue();
  const std::int64_t now = state.clock.boot_us();
  std::vector<DeviceId> due;
  for (const auto& [device, when] : state.ask_again) {
    if (when <= now) due.push_back(device);
  }
  for (const auto& device : due) state.ask(device);
  // What could not be sent before (a full queue, a disk that was full), or waits behind one that was just settled.
  for (const auto& device : state.open.devices()) state.dispatch(device);
}

}  // namespace hub
