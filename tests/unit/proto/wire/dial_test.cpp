// From a name to a socket: addresses that are dead, look-ups that hang, and an end at any moment.
#include "wire/dial.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/unit/proto/wire/loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

class DialTest : public Loopback {
 protected:
  /// Runs one coroutine to its end; how long it took.
  milliseconds timed(std::function<asio::awaitable<void>()> body) {
    const auto begun = Steady::now();
    asio::co_spawn(io_, std::move(body), [](std::exception_ptr e) {
      if (e) ADD_FAILURE() << "threw";
    });
    io_.restart();
    io_.run_for(std::chrono::seconds(30));
    return std::chrono::duration_cast<milliseconds>(Steady::now() - begun);
  }
  tcp::endpoint here() const { return {asio::ip::make_address("127.0.0.1"), port()}; }
};

/// A loopback address that swallows: a listener whose queue is full neither takes nor refuses.
class BlackHole {
 public:
  explicit BlackHole(asio::io_context& io) : acceptor_(io) {
    acceptor_.open(tcp::v4());
    acceptor_.bind({asio::ip::make_address("127.0.0.1"), 0});
    acceptor_.listen(0);
    for (int i = 0; i < 4; ++i) {
      auto& socket = fill_.emplace_back(io);
      socket.open(tcp::v4());
      socket.native_non_blocking(true);
      const auto to = acceptor_.local_endpoint();
      (void)::connect(socket.native_handle(), to.data(), static_cast<socklen_t>(to.size()));
    }
  }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  tcp::acceptor acceptor_;
  std::vector<tcp::socket> fill_;
};

TEST_F(DialTest, a_dead_first_address_costs_a_quarter_of_a_second_and_not_a_timeout) {
  const BlackHole hole(io_);
  const auto took = timed([&]() -> asio::awaitable<void> {
    std::string detail;
    const std::vector<tcp::endpoint> both{hole.endpoint(), here()};
    const auto socket = co_await wire::dial(both, std::chrono::seconds(10), detail);
    EXPECT_TRUE(socket);
    if (socket) {
      EXPECT_EQ(socket->remote_endpoint(), here());
    }
  });
  EXPECT_GE(took, milliseconds(240));
  EXPECT_LT(took, milliseconds(2'000));
}

TEST_F(DialTest, an_address_that_refuses_is_passed_over_at_once) {
  tcp::acceptor closed(io_, {asio::ip::make_address("127.0.0.1"), 0});
  const auto refusing = closed.local_endpoint();
  closed.close();
  const auto took = timed([&]() -> asio::awaitable<void> {
    std::string detail;
    const std::vector<tcp::endpoint> all{refusing, refusing, here()};
    const auto socket = co_await wire::dial(all, std::chrono::seconds(10), detail);
    EXPECT_TRUE(socket);
  });
  EXPECT_LT(took, milliseconds(200));
}

TEST_F(DialTest, where_none_answers_each_is_told_of) {
  const BlackHole hole(io_);
  tcp::acceptor closed(io_, {asio::ip::make_address("127.0.0.1"), 0});
  const auto refusing = closed.local_endpoint();
  closed.close();
  timed([&]() -> asio::awaitable<void> {
    std::string detail;
    const std::vector<tcp::endpoint> refused{refusing};
    const auto none = co_await wire::dial(refused, std::chrono::seconds(10), detail);
    EXPECT_EQ(none.error(), asio::error::connection_refused);
    EXPECT_EQ(detail, "127.0.0.1: Connection refused");
    const std::vector<tcp::endpoint> both{refusing, hole.endpoint()};
    const auto late = co_await wire::dial(both, milliseconds(300), detail);
    EXPECT_EQ(late.error(), wire::error_code(wire::errc::timed_out));
    EXPECT_EQ(detail, "127.0.0.1: Connection refused; 127.0.0.1: no answer");
    const std::vector<tcp::endpoint> nobody;
    const auto empty = co_await wire::dial(nobody, milliseconds(300), detail);
    EXPECT_TRUE(empty.has_error());
  });
}

/// A resolver that hangs until the test lets it go.
struct Hanging {
  std::mutex mutex;
  std::condition_variable changed;
  bool let_go = false;
  std::atomic<int> ended{0};

  wire::LookUp look_up() {
    return [this](const std::string&) -> base::Result<wire::Addresses> {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return let_go; });
      lock.unlock();
      ++ended;
      return wire::Addresses{asio::ip::make_address("192.0.2.1")};
    };
  }
  /// Threads refer to it: they must have ended.
  void release(int threads) {
    {
      const std::lock_guard lock(mutex);
      let_go = true;
      changed.notify_all();
    }
    while (ended < threads) std::this_thread::yield();
  }
};

TEST_F(DialTest, a_resolver_that_hangs_holds_up_nobody) {
  Hanging dns;
  const auto took = timed([&]() -> asio::awaitable<void> {
    const auto look_up = dns.look_up();
    const auto found = co_await wire::resolve("hub.test", milliseconds(300), look_up);
    EXPECT_EQ(found.error(), wire::error_code(wire::errc::timed_out));
  });
  EXPECT_LT(took, milliseconds(2'000)) << "the io_context ends with the look-up still under way";
  EXPECT_EQ(dns.ended, 0);
  dns.release(1);
  timed([&]() -> asio::awaitable<void> {
    const auto look_up = dns.look_up();
    const auto found = co_await wire::resolve("hub.test", std::chrono::seconds(10), look_up);
    EXPECT_TRUE(found);
    if (found) {
      EXPECT_EQ(found->front().to_string(), "192.0.2.1");
    }
  });
}

TEST_F(DialTest, a_look_up_may_come_back_when_its_io_context_is_gone) {
  Hanging dns;
  {
    asio::io_context gone{1};
    wire::TaskGroup tasks(gone.get_executor(), [](const std::exception&) {});
    tasks.spawn([](wire::LookUp look_up) -> asio::awaitable<void> {
      (void)co_await wire::resolve("hub.test", std::chrono::seconds(10), look_up);
    }(dns.look_up()));
    gone.run_for(milliseconds(30));
  }
  dns.release(1);
  EXPECT_EQ(dns.ended, 1);
}

TEST_F(DialTest, at_most_sixteen_look_ups_hang_at_a_time) {
  Hanging dns;
  std::atomic<int> asked{0};
  const auto counted = [&asked, look_up = dns.look_up()](const std::string& host) {
    ++asked;
    return look_up(host);
  };
  int failed = 0;
  {
    wire::TaskGroup tasks(io_.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    for (int i = 0; i < 40; ++i) {
      tasks.spawn([](wire::LookUp look_up, int& n) -> asio::awaitable<void> {
        const auto found = co_await wire::resolve("hub.test", milliseconds(200), look_up);
        if (found.has_error()) ++n;
      }(counted, failed));
    }
    io_.restart();
    io_.run_for(std::chrono::seconds(10));
  }
  EXPECT_EQ(failed, 40);
  EXPECT_EQ(asked, 16);
  dns.release(16);
}

TEST_F(DialTest, the_families_take_turns) {
  timed([&]() -> asio::awaitable<void> {
    const wire::LookUp look_up = [](const std::string&) -> base::Result<wire::Addresses> {
      wire::Addresses found;
      for (const char* text : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"}) {
        found.push_back(asio::ip::make_address(text));
      }
      return found;
    };
    const auto found = co_await wire::resolve("hub.test", std::chrono::seconds(10), look_up);
    std::string order;
    for (const auto& address : found.value()) order += address.to_string() + " ";
    EXPECT_EQ(order, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3 ");
    const wire::LookUp unused = [](const std::string& host) -> base::Result<wire::Addresses> {
      ADD_FAILURE() << host << " needs no look-up";
      return wire::Addresses();
    };
    for (const std::string literal : {"192.0.2.7", "2001:db8::7", "fe80::1%1", "localhost"}) {
      EXPECT_TRUE(co_await wire::resolve(literal, std::chrono::seconds(10), unused));
    }
  });
}

TEST_F(DialTest, a_name_that_does_not_exist_is_said_to) {
  const auto found = wire::look_up_by_system("no-such-host.invalid");
  ASSERT_TRUE(found.has_error());
  EXPECT_TRUE(found.error() == asio::error::host_not_found || found.error() == asio::error::host_not_found_try_again)
      << found.error().message();
}

}  // namespace
}  // namespace wire_test
