#include "hub/commands/command_service.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <unordered_map>

#include "hub/commands/execution_state.h"
#include "rules/json_schema.h"
#include "wire/frame_codec.h"

namespace hub {
namespace {

constexpr std::int64_t kDefaultLife = 60 * 1'000'000LL;
constexpr std::int64_t kLongestLife = 7 * 86'400'000'000LL;
constexpr std::int64_t kGrace = 30 * 1'000'000LL;  // for an answer that is on its way when the deadline passes
constexpr std::uint32_t kDefaultTimeoutMs = 60'000;
constexpr std::size_t kMostOpen = 100;  // a device
constexpr std::size_t kMostOutput = 16 * 1024;
constexpr std::size_t kMostResult = 64 * 1024;

bool is_built_in(const std::string& command) {
  return command == "ping" || command == "sample-now";
}

/// Cut so that no UTF-8 character is halved.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  text.resize(most);
  while (!text.empty() && !wire::is_utf8(text)) text.pop_back();
  return text;
}

bool is_in_flight(const ExecutionRecord& e) {
  return e.state == ExecutionState::sent || e.state == ExecutionState::accepted || e.state == ExecutionState::running;
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
  // What is not final, by device, in order of creation: at most kMostOpen a device, past that create() answers busy.
  std::unordered_map<DeviceId, std::vector<ExecutionRecord>> open;

  const ExecutionRecord* find_open(const DeviceId& device, const ExecutionId& id) const {
    const auto list = open.find(device);
    if (list == open.end()) return nullptr;
    for (const auto& e : list->second) {
      if (e.id == id) return &e;
    }
    return nullptr;
  }

  /// Stores the execution with its event in one transaction, then lets others know. False: nothing has changed for
  /// anyone.
  bool change(ExecutionRecord e) {
    e.updated_us = clock.now_us();
    Event event{0, e.updated_us, e.device, "execution", e.id.str(), boost::json::serialize(to_json(e))};
    if (!store.put(e, event)) return false;
    auto& list = open[e.device];
    const auto it = std::find_if(list.begin(), list.end(), [&](const auto& other) { return other.id == e.id; });
    if (is_final(e.state)) {
      if (it != list.end()) list.erase(it);
      if (list.empty()) open.erase(e.device);
    } else if (it != list.end()) {
      *it = std::move(e);
    } else {
      list.push_back(std::move(e));
    }
    publish(std::move(event));
    return true;
  }

  HubMessagePtr request_of(const ExecutionRecord& e) const {
    auto message = std::make_shared<telemetry::v1::HubMessage>();
    auto& request = *message->mutable_execution();
    request.set_id(e.id.str());
    request.set_command(e.command);
    request.set_arguments_json(e.arguments_json);
    request.set_not_after_us(static_cast<double>(e.not_after_us));
    request.set_server_time_us(static_cast<double>(clock.now_us()));
    request.set_timeout_ms(e.timeout_ms);
    return message;
  }

  /// Sends the oldest queued execution if nothing is in flight. SENT is stored before the link is given the request: a
  /// crash between the two must not leave a QUEUED that may have run.
  void send_next(const DeviceId& device) {
    const auto list = open.find(device);
    if (list == open.end() || !links.is_connected(device)) return;
    if (std::any_of(list->second.begin(), list->second.end(), is_in_flight)) return;
    const auto queued = std::find_if(list->second.begin(), list->second.end(), [this](const auto& e) {
      return e.state == ExecutionState::queued && e.not_after_us > clock.now_us();
    });
    if (queued == list->second.end()) return;
    ExecutionRecord e = *queued;
    e.state = ExecutionState::sent;
    if (!change(e) || links.send(device, request_of(e))) return;
    e.state = ExecutionState::queued;  // it was handed to nobody
    (void)change(e);
  }
};

CommandService::CommandService(ExecutionStore& store, DeviceRegistry& devices, DeviceLinks& links,
                               base::Worker& control, const base::Clock& clock, base::Random& random,
                               std::function<void(Event)> publish)
    : state_(new State{store, devices, links, control, clock, random, std::move(publish), {}}) {}

CommandService::~CommandService() = default;

Result<void> CommandService::start() {
  auto loaded = state_->store.load_open();
  if (!loaded) return loaded.error();
  for (auto& e : *loaded) state_->open[e.device].push_back(std::move(e));
  return {};
}

Outcome<ExecutionRecord> CommandService::create(CommandRequest request) {
  auto& s = *state_;
  const auto device = s.devices.find(request.device.str());
  if (!device) return Problem{errc::not_found, "there is no device " + request.device.str(), "/device"};
  const CommandDescription* declared = nullptr;
  std::string offered = "ping, sample-now";
  for (const auto& c : device->commands) {
    if (c.name == request.command) declared = &c;
    if (!is_built_in(c.name)) offered += ", " + c.name;
  }
  if (declared == nullptr && !is_built_in(request.command)) {
    const std::string what = cut(request.command, 128);
    return Problem{errc::invalid_argument, "the device does not offer a command \"" + what + "\"; it offers " + offered,
                   "/command"};
  }
  if (auto wrong =
          rules::check_arguments(declared != nullptr ? declared->arguments_schema_json : "", request.arguments_json)) {
    return Problem{errc::invalid_argument, "arguments" + *wrong, "/arguments" + wrong->substr(0, wrong->find(':'))};
  }
  const std::int64_t now = s.clock.now_us();
  if (request.not_after_us == 0) request.not_after_us = now + kDefaultLife;
  if (request.not_after_us <= now || request.not_after_us > now + kLongestLife) {
    return Problem{errc::invalid_argument, "not_after must lie in the next 7 days", "/not_after"};
  }
  if (request.idempotency_key.size() > 128) {
    return Problem{errc::invalid_argument, "Idempotency-Key is longer than 128 bytes", "Idempotency-Key"};
  }
  if (!request.idempotency_key.empty()) {
    auto same = s.store.find_by_key(device->id, request.idempotency_key);
    if (!same) return Problem{to_errc(same.error()), "the execution could not be looked up", {}};
    if (*same) {
      if ((*same)->command == request.command && (*same)->arguments_json == request.arguments_json)
        return std::move(**same);
      return Problem{errc::conflict, "this Idempotency-Key was used for another command or other arguments",
                     "Idempotency-Key"};
    }
  }
  if (const auto list = s.open.find(device->id); list != s.open.end() && list->second.size() >= kMostOpen) {
    return Problem{errc::busy, "100 executions wait for this device already", {}};
  }
  ExecutionRecord e;
  e.id = ExecutionId(make_id('x', s.random));
  e.device = device->id;
  e.command = std::move(request.command);
  e.arguments_json = std::move(request.arguments_json);
  e.requested_by = std::move(request.requested_by);
  e.idempotency_key = std::move(request.idempotency_key);
  e.created_us = e.updated_us = now;
  e.not_after_us = request.not_after_us;
  e.timeout_ms = declared != nullptr && declared->timeout_ms != 0 ? declared->timeout_ms : kDefaultTimeoutMs;
  if (!s.change(e)) return Problem{errc::storage_failed, "the execution could not be stored", {}};
  s.send_next(e.device);
  const ExecutionRecord* current = s.find_open(e.device, e.id);
  return current != nullptr ? *current : e;
}

Outcome<ExecutionRecord> CommandService::get(const ExecutionId& id) {
  auto found = state_->store.find(id);
  if (!found) return Problem{to_errc(found.error()), "the execution could not be read", {}};
  if (!*found) return Problem{errc::not_found, "there is no execution " + id.str(), {}};
  return std::move(**found);
}

Outcome<std::vector<ExecutionRecord>> CommandService::list(const DeviceId& device, std::size_t limit) {
  auto found = state_->store.list(device, limit);
  if (!found) return Problem{to_errc(found.error()), "the executions could not be read", {}};
  return std::move(*found);
}

Outcome<ExecutionRecord> CommandService::cancel(const ExecutionId& id) {
  auto& s = *state_;
  auto found = get(id);
  if (!found) return found.error();
  if (is_final(found->state)) {
    return Problem{errc::conflict, std::string("the execution has ended: ") + to_string(found->state), {}};
  }
  if (found->state == ExecutionState::queued) {
    found->state = ExecutionState::cancelled;
    if (!s.change(*found)) return Problem{errc::storage_failed, "the execution could not be stored", {}};
    return found;
  }
  auto message = std::make_shared<telemetry::v1::HubMessage>();
  message->mutable_cancel()->set_id(id.str());
  if (!s.links.send(found->device, message)) {
    return Problem{errc::unavailable, "the device is not connected, and it may have begun already", {}};
  }
  return found;
}

void CommandService::device_connected(const DeviceId& device) {
  auto& s = *state_;
  // Sent before and unheard: the device answers with what it knows; the id keeps it from running twice.
  if (const auto list = s.open.find(device); list != s.open.end()) {
    for (const auto& e : list->second) {
      if (e.state != ExecutionState::queued) (void)s.links.send(device, s.request_of(e));
    }
  }
  s.send_next(device);
}

void CommandService::device_disconnected(const DeviceId&) {
  // What was sent stays SENT: only the device, or the deadline, knows better.
}

void CommandService::device_update(const DeviceId& device, const telemetry::v1::ExecutionUpdate& update) {
  auto& s = *state_;
  const ExecutionRecord* known = s.find_open(device, ExecutionId(update.id()));
  if (known == nullptr) return;  // ended, or another device's: nothing that this device may change
  const int said = static_cast<int>(update.state());
  if (said < static_cast<int>(ExecutionState::queued) || said > static_cast<int>(ExecutionState::unconfirmed)) return;
  const auto next = static_cast<ExecutionState>(said);
  if (update.revision() != 0 && update.revision() <= known->device_revision) return;
  if (!may_follow(known->state, next)) return;
  ExecutionRecord e = *known;
  e.state = next;
  e.device_revision = update.revision();
  e.progress_percent = std::min(update.progress_percent(), 100u);
  e.output = cut(e.output + update.output(), kMostOutput);
  e.error = cut(update.error(), kMostOutput);
  if (update.result_json().size() <= kMostResult) e.result_json = update.result_json();
  if (next == ExecutionState::succeeded || next == ExecutionState::failed) e.exit_code = update.exit_code();
  if (s.change(e)) s.send_next(device);
}

void CommandService::tick() {
  auto& s = *state_;
  const std::int64_t now = s.clock.now_us();
  std::vector<ExecutionRecord> due;
  for (const auto& [device, list] : s.open) {
    for (const auto& e : list) {
      if (e.state == ExecutionState::queued && e.not_after_us <= now) {
        due.push_back(e);
        due.back().state = ExecutionState::expired;
      } else if (is_in_flight(e) && e.not_after_us + std::int64_t{e.timeout_ms} * 1'000 + kGrace <= now) {
        due.push_back(e);
        due.back().state = ExecutionState::unconfirmed;
      }
    }
  }
  for (const auto& e : due) {
    if (s.change(e)) s.send_next(e.device);
  }
}

}  // namespace hub
