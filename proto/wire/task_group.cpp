#include "wire/task_group.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <list>

namespace wire {

namespace asio = boost::asio;

// Shared with the completion handlers of its tasks, which may run (on an ending io_context) after the group has gone.
struct TaskGroup::State {
  State(asio::any_io_executor e, std::function<void(const std::exception&)> handler)
      : executor(std::move(e)), on_exception(std::move(handler)), none_left(executor) {}

  asio::any_io_executor executor;
  std::function<void(const std::exception&)> on_exception;
  std::list<asio::cancellation_signal> tasks;
  asio::steady_timer none_left;  // cancelled whenever a task ends
};

TaskGroup::TaskGroup(asio::any_io_executor executor, std::function<void(const std::exception&)> on_exception)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_exception))) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(asio::awaitable<void> task) {
  const auto entry = state_->tasks.emplace(state_->tasks.end());
  auto done = [state = state_, entry](std::exception_ptr failure) {
    if (failure && state->on_exception) {
      try {
        std::rethrow_exception(failure);
      } catch (const boost::system::system_error& e) {
        // A cancelled coroutine that awaits once more is ended this way by Asio: that is cancel() at work.
        if (e.code() != asio::error::operation_aborted) state->on_exception(e);
      } catch (const std::exception& e) {
        state->on_exception(e);
      }
    }
    // The signal is in use while its handlers run: it goes in a turn of its own.
    asio::post(state->executor, [state, entry] {
      state->tasks.erase(entry);
      state->none_left.cancel();
    });
  };
  asio::co_spawn(state_->executor, std::move(task), asio::bind_cancellation_slot(entry->slot(), std::move(done)));
}

void TaskGroup::cancel() {
  const auto state = state_;
  for (auto it = state->tasks.begin(); it != state->tasks.end();) {
    auto current = it++;
    current->emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<void> TaskGroup::join() {
  const auto state = state_;
  // Being cancelled oneself does not make the tasks end sooner; they must be waited for.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!state->tasks.empty()) {
    state->none_left.expires_at(asio::steady_timer::time_point::max());
    co_await state->none_left.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

std::size_t TaskGroup::size() const {
  return state_->tasks.size();
}

}  // namespace wire
