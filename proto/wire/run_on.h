// Crossing threads from a coroutine: run a function on a Worker, or await a callback; resume where the coroutine lives.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/worker.h"

namespace wire {

/// Calls `start(done)`; `done(value)` may be called once from any thread; the coroutine resumes on its own executor
/// with the value. Not cancellable: the caller's frame waits for `done` (stores and workers always answer).
template <class T, class Start>
boost::asio::awaitable<T> await_callback(Start start) {
  auto executor = co_await boost::asio::this_coro::executor;
  // Named, not a temporary of the co_await expression: g++ 12 destroys such temporaries twice.
  auto initiation = [executor](auto handler, Start s) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    s([executor, shared](T value) mutable {
      boost::asio::post(executor, [shared, v = std::move(value)]() mutable { (*shared)(std::move(v)); });
    });
  };
  auto operation = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
      std::move(initiation), boost::asio::use_awaitable, std::move(start));
  co_return co_await std::move(operation);
}

/// Runs `function` on `worker` and resumes here with what it returned. Nothing (nullopt) where the worker's queue is
/// full: answer 503 or close "busy". `function` must not throw and must return a value.
template <class Function>
boost::asio::awaitable<std::optional<std::invoke_result_t<Function>>> run_on(base::Worker& worker, Function function) {
  using T = std::invoke_result_t<Function>;
  auto start = [&worker, f = std::move(function)](auto done) mutable {
    auto task = std::make_shared<Function>(std::move(f));
    if (!worker.try_post([task, done]() mutable { done(std::optional<T>((*task)())); })) done(std::nullopt);
  };
  co_return co_await await_callback<std::optional<T>>(std::move(start));
}

}  // namespace wire
