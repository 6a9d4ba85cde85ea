// Crossing threads, and owning coroutines.
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "loopback.h"
#include "wire/run_on.h"

namespace wire_test {
namespace {

template <class Coroutine>
void run_to_end(asio::io_context& io, Coroutine coroutine) {
  bool done = false;
  auto body = [](Coroutine& inner, bool& over) -> asio::awaitable<void> {
    co_await inner();
    over = true;
  };
  asio::co_spawn(io, body(coroutine, done), [](const std::exception_ptr& e) { EXPECT_FALSE(e); });
  io.run_for(std::chrono::seconds(60));
  EXPECT_TRUE(done);
}

template <class Coroutine>
void run_to_end(Coroutine coroutine) {
  asio::io_context io;
  run_to_end(io, coroutine);
}

TEST(RunOn, the_answer_comes_back_to_the_thread_that_asked) {
  asio::io_context io;  // outlives the worker, which may still be on its way out of a post() when its answer is here
  base::Worker worker("test");
  auto body = [&]() -> asio::awaitable<void> {
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 100; ++i) {
      auto text = std::make_unique<std::string>(100, 'x');
      auto task = [&worker, text = std::move(text)] { return worker.is_current() ? *text : std::string(); };
      const auto answer = co_await wire::run_on(worker, std::move(task));
      EXPECT_EQ(answer, std::string(100, 'x'));
      EXPECT_EQ(std::this_thread::get_id(), here);
    }
  };
  run_to_end(io, body);
}

TEST(RunOn, a_full_worker_says_so) {
  base::Worker worker("test", 1);
  std::promise<void> begun, release;
  worker.post([&] {
    begun.set_value();
    release.get_future().wait();
  });
  begun.get_future().wait();
  worker.post([] {});
  auto body = [&]() -> asio::awaitable<void> {
    auto task = [] { return 1; };
    EXPECT_FALSE(co_await wire::run_on(worker, std::move(task)));
    release.set_value();
  };
  run_to_end(body);
  worker.flush();  // it may only now take the future of `release`
}

TEST(TaskGroup, join_waits_for_every_task_and_cancel_ends_them) {
  int ended = 0;
  auto body = [&]() -> asio::awaitable<void> {
    wire::TaskGroup group(co_await asio::this_coro::executor,
                          [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    auto task = [](int& count) -> asio::awaitable<void> {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
      const auto [ec] = co_await timer.async_wait(kWait);
      EXPECT_EQ(ec, asio::error::operation_aborted);
      ++count;
    };
    for (int i = 0; i < 10; ++i) group.spawn(task(ended));
    EXPECT_EQ(group.size(), 10u);
    asio::steady_timer turn(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
    co_await turn.async_wait(kWait);
    group.cancel();
    co_await group.join();
    EXPECT_EQ(group.size(), 0u);
  };
  run_to_end(body);
  EXPECT_EQ(ended, 10);
}

TEST(TaskGroup, what_a_task_throws_is_reported_once) {
  std::vector<std::string> reported;
  auto body = [&]() -> asio::awaitable<void> {
    wire::TaskGroup group(co_await asio::this_coro::executor,
                          [&](const std::exception& e) { reported.emplace_back(e.what()); });
    auto task = []() -> asio::awaitable<void> {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      throw std::runtime_error("broken");
    };
    group.spawn(task());
    co_await group.join();
  };
  run_to_end(body);
  EXPECT_EQ(reported, std::vector<std::string>{"broken"});
}

class Teardown : public Loopback {};

TEST_F(Teardown, an_io_context_may_end_with_connections_open) {
  int reading = 0;
  auto io = std::make_unique<asio::io_context>(1);
  auto acceptor = std::make_unique<tcp::acceptor>(*io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  auto where = target();
  where.port = acceptor->local_endpoint().port();
  auto read = [](std::unique_ptr<wire::Connection> c, int& count) -> asio::awaitable<void> {
    ++count;
    std::string message;
    (void)co_await c->read(message);
  };
  auto serve = [&]() -> asio::awaitable<void> {
    auto [ec, socket] = co_await acceptor->async_accept(kWait);
    auto c = co_await upgraded(std::move(socket));
    co_await read(std::move(c), reading);
  };
  auto use = [&]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    auto c = co_await wire::connect(where, tls, {});
    if (c) co_await read(std::move(*c), reading);
  };
  const auto ignore = [](const std::exception_ptr&) {};
  asio::co_spawn(*io, serve(), ignore);
  asio::co_spawn(*io, use(), ignore);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (reading < 2 && std::chrono::steady_clock::now() < limit) io->run_one_for(std::chrono::seconds(1));
  EXPECT_EQ(reading, 2);
  acceptor.reset();
  io.reset();
}

}  // namespace
}  // namespace wire_test
