#include "wire/dial.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>

#include "wire/errc.h"

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace wire {
namespace {

using base::error_code;
using base::Result;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kNextAfter{250};  // RFC 8305: Connection Attempt Delay

/// Shared with the completion handlers of its attempts, which may still come when it is decided.
struct Race {
  struct Attempt {
    explicit Attempt(const asio::any_io_executor& executor) : socket(executor) {}
    tcp::socket socket;
    bool is_pending = true;
    error_code ec;
  };
  explicit Race(const asio::any_io_executor& e) : executor(e), changed(e) {}

  void start(const tcp::endpoint& endpoint, const std::shared_ptr<Race>& self) {
    auto& attempt = attempts.emplace_back(executor);
    next_start = SteadyClock::now() + kNextAfter;
    attempt.socket.async_connect(endpoint, [self, &attempt](const error_code& ec) {
      attempt.is_pending = false;
      attempt.ec = ec;
      if (ec) self->next_start = SteadyClock::now();
      self->changed.cancel();
    });
  }
  std::size_t pending() const {
    return static_cast<std::size_t>(
        std::count_if(attempts.begin(), attempts.end(), [](const Attempt& a) { return a.is_pending; }));
  }

  asio::any_io_executor executor;
  std::deque<Attempt> attempts;  // never moved: their handlers refer to them
  asio::steady_timer changed;
  SteadyClock::time_point next_start{};
};

/// Closes what has not won, however the coroutine ends.
struct Finish {
  std::shared_ptr<Race> race;
  ~Finish() {
    error_code ignored;
    for (auto& attempt : race->attempts) attempt.socket.close(ignored);
  }
};

std::string told(const std::vector<tcp::endpoint>& endpoints, const Race& race) {
  std::string text;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const bool was_tried = i < race.attempts.size();
    const std::string end = !was_tried                    ? "not tried"
                            : race.attempts[i].is_pending ? "no answer"
                                                          : race.attempts[i].ec.message();
    text += (i == 0 ? "" : "; ") + endpoints[i].address().to_string() + ": " + end;
  }
  return text;
}

}  // namespace

asio::awaitable<Result<tcp::socket>> dial(std::vector<tcp::endpoint> endpoints, std::chrono::milliseconds limit,
                                          std::string& detail) {
  const auto executor = co_await asio::this_coro::executor;
  const auto race = std::make_shared<Race>(executor);
  const Finish finish{race};
  const auto end = SteadyClock::now() + limit;
  for (;;) {
    for (auto& attempt : race->attempts) {
      if (!attempt.is_pending && !attempt.ec) co_return std::move(attempt.socket);
    }
    const auto now = SteadyClock::now();
    const std::size_t started = race->attempts.size();
    if (now >= end) {
      detail = told(endpoints, *race);
      co_return error_code(errc::timed_out);
    }
    if (started < endpoints.size() && now >= race->next_start) {
      race->start(endpoints[started], race);
      continue;
    }
    if (race->pending() == 0 && started == endpoints.size()) {
      detail = told(endpoints, *race);
      co_return endpoints.empty() ? error_code(asio::error::host_not_found) : race->attempts.back().ec;
    }
    race->changed.expires_at(started < endpoints.size() ? std::min(end, race->next_start) : end);
    co_await race->changed.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace wire
