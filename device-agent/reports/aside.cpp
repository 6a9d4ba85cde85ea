#include "device-agent/reports/aside.h"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>

#include "wire/task_group.h"

namespace agent {

namespace asio = boost::asio;

struct Aside::Loop {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  // Expected failures are values: this is memory that has run out, or a mistake of ours.
  wire::TaskGroup tasks{io.get_executor(), [](const std::exception& e) {
                          std::fprintf(stderr, "device-agent: a source: %s\n", e.what());
                        }};
};

Aside::Aside() : loop_(std::make_unique<Loop>()) {}

Aside::~Aside() {
  if (!thread_.joinable()) return;
  asio::post(loop_->io, [loop = loop_.get()] {
    loop->tasks.cancel();
    loop->work.reset();
  });
  thread_.join();
}

void Aside::start(std::function<asio::awaitable<void>()> task) {
  asio::post(loop_->io, [loop = loop_.get(), task = std::move(task)] { loop->tasks.spawn(task()); });
  if (thread_.joinable()) return;
  // Signals are the agent's: its thread waits for them.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([loop = loop_.get()] { loop->io.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace agent
