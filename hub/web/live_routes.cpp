#include "hub/web/live_routes.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "hub/web/origin.h"

namespace hub::web {
namespace {

/// Both open a stream: a page of another origin may not, and a HEAD would open it for nothing.
std::optional<Answer> refusal(const Call& call) {
  if (call.request.method != "GET") {
    auto response = problem_answer(405, "method_not_allowed", "Method not allowed", "a live stream takes GET only",
                                   call.request_id);
    set_header(response, "Allow", "GET");
    return response;
  }
  if (!is_own_origin(call.request)) {
    return Problem{errc::forbidden, "a page of another origin may not open a live stream here", "Origin"};
  }
  return std::nullopt;
}

/// Until there is an answer, or the time is up.
boost::asio::awaitable<void> wait_for(std::shared_ptr<PollMailbox> mailbox, std::uint64_t ticket, std::uint64_t number,
                                      std::int64_t wait_ms) {
  const auto core = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer limit(core, std::chrono::milliseconds(wait_ms));
  auto start = [&limit, mailbox, ticket, number](auto done) {
    mailbox->wait(ticket, number, [done]() mutable { done(true); });
    limit.async_wait([mailbox, ticket](const error_code& ec) {
      if (!ec) mailbox->give_up(ticket);
    });
  };
  co_await wire::await_callback<bool>(std::move(start));
}

}  // namespace

boost::asio::awaitable<Answer> get_live_events(Call& call) {
  if (auto refused = refusal(call)) co_return std::move(*refused);
  auto wish = read_event_stream_wish(call.target, call.request.header("Last-Event-ID"), call.services.clock.now_us());
  if (!wish) co_return wish.error();
  if (wish->is_over) co_return empty_answer();  // by which a browser stops coming again
  call.live.stream = std::move(*wish);
  auto response = text_answer("", "text/event-stream");
  set_header(response, "X-Accel-Buffering", "no");
  co_return response;
}

boost::asio::awaitable<Answer> get_live_poll(Call& call) {
  if (auto refused = refusal(call)) co_return std::move(*refused);
  auto wish = read_poll_wish(call.target, call.services.clock.now_us());
  if (!wish) co_return wish.error();
  const auto desk = call.services.polls;
  std::uint64_t number = wish->position.number;
  auto mailbox = desk->find(*wish, call.who.session_key);
  if (!mailbox) {
    number = 0;
    mailbox = desk->open(call.who.name, call.who.session_key, *wish);
    // Named first: see "Coroutines and g++ 12" in CONTRIBUTING.md.
    const auto core = co_await boost::asio::this_coro::executor;
    call.live.hold(
        make_poll_viewer(core, mailbox, *wish, desk, call.request.remote_address, call.options.live_backlog_bytes),
        call.who);
  }
  co_await wait_for(mailbox, desk->next_ticket(), number, wish->wait_ms);
  auto answer = mailbox->take(number);
  if (answer) co_return text_answer(std::move(*answer), "application/json");
  co_return Problem{errc::conflict, "another poll with this position was answered meanwhile; poll one at a time",
                    "/position"};
}

}  // namespace hub::web
