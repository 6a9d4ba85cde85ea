// Runs something on a worker and waits for what it returns.
#pragma once

#include <future>
#include <memory>
#include <type_traits>

#include "base/worker.h"

namespace fakes {

template <class F>
std::invoke_result_t<F> on_worker(base::Worker& worker, F function) {
  using T = std::invoke_result_t<F>;
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  worker.post([promise, &function] {
    if constexpr (std::is_void_v<T>) {
      function();
      promise->set_value();
    } else {
      promise->set_value(function());
    }
  });
  return future.get();
}

}  // namespace fakes
