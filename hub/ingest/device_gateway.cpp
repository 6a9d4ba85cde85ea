#include "hub/ingest/device_gateway.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unordered_map>

#include "hub/ingest/device_session.h"

namespace hub {

struct DeviceGateway::State {
  State(boost::asio::any_io_executor e, IngestServices s, IngestLimits l)
      : executor(e), services(std::move(s)), limits(l), all_gone(e) {
    inbox = std::make_shared<AckInbox>(e, [this](std::vector<AppendReply>& replies) { deliver(replies); });
  }

  void deliver(std::vector<AppendReply>& replies) {
    touched.clear();
    for (const auto& reply : replies) {
      const auto it = sessions.find(reply.session);
      if (it == sessions.end()) continue;
      it->second->replied(reply);
      if (touched.empty() || touched.back() != it->second) touched.push_back(it->second);
    }
    for (DeviceSession* session : touched) session->flush_acks();
  }

  boost::asio::any_io_executor executor;
  IngestServices services;
  IngestLimits limits;
  IngestCounters counters;
  std::shared_ptr<AckInbox> inbox;
  std::unordered_map<std::uint64_t, DeviceSession*> sessions;  // bounded by WebOptions.connections
  std::vector<DeviceSession*> touched;
  std::uint64_t next_session = 1;
  bool stopping = false;
  boost::asio::steady_timer all_gone;  // cancelled when the last session ends during stop()
};

DeviceGateway::DeviceGateway(boost::asio::any_io_executor executor, IngestServices services, IngestLimits limits)
    : state_(std::make_shared<State>(std::move(executor), std::move(services), limits)) {}

DeviceGateway::~DeviceGateway() {
  state_->inbox->close();
}

boost::asio::awaitable<void> DeviceGateway::serve(std::unique_ptr<wire::Connection> connection,
                                                  std::optional<Principal> device) {
  const auto state = state_;
  if (state->stopping) {
    connection->abort();
    co_return;
  }
  const std::uint64_t number = state->next_session++;
  DeviceSession session(number, state->executor, state->services, state->limits, state->counters,
                        *state->services.budget, state->inbox, std::move(connection));
  state->sessions.emplace(number, &session);
  ++state->counters.sessions;
  co_await session.run(std::move(device));
  --state->counters.sessions;
  state->sessions.erase(number);
  if (state->stopping && state->sessions.empty()) state->all_gone.cancel();
}

boost::asio::awaitable<void> DeviceGateway::stop() {
  const auto state = state_;
  state->stopping = true;
  for (auto& [number, session] : state->sessions) session->close_soon(4203, "the hub is shutting down");
  while (!state->sessions.empty()) {
    state->all_gone.expires_after(std::chrono::seconds(5));
    co_await state->all_gone.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

DeviceGateway::Counters DeviceGateway::counters() const {
  const auto& c = state_->counters;
  return {c.sessions,          c.frames, c.readings, c.duplicates,    c.rejected_frames,
          c.rejected_readings, c.bytes,  c.rests,    c.hello_timeouts};
}

}  // namespace hub
