// One REST call on its way through the dispatcher, as its handler sees it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hub/web/answer.h"
#include "hub/web/live_wish.h"
#include "hub/web/target.h"
#include "hub/web/web_server.h"
#include "wire/run_on.h"

namespace hub::web {

/// What a live route has for its server beside an answer.
struct LiveHandover {
  /// Runs a viewer's session on this core until it ends, whatever becomes of the request.
  const std::function<void(std::unique_ptr<wire::Connection>, Principal)>& hold;
  std::optional<LiveWish> stream;  // the answer is only the head: it goes on as an event stream, for `who`
  Principal who;
};

/// Lives in the dispatcher's coroutine frame. By the time a handler runs, `who` is signed in and allowed as the route
/// table says (empty on routes open to anyone), and `device` is set, and one that `who` may see, where the path names
/// one.
struct Call {
  const WebServices& services;
  const WebOptions& options;
  const wire::HttpRequest& request;
  const Target& target;
  LiveHandover& live;
  std::string request_id;
  std::map<std::string, std::string, std::less<>> path;  // template name → segment
  Principal who;
  Operation operation{};
  std::optional<DeviceRecord> device;

  std::string_view session_token() const;
  /// Whom the request's Authorization header or, without one, its cookie stands for.
  Outcome<Principal> sign_in() const;
  /// The choke point again, for objects whose device is known only once they are loaded.
  bool may_see(const DeviceId& id) const { return authorize(who, operation, id, services.devices).has_value(); }
};

/// A handler answers a response, or a Problem that the dispatcher writes down.
using Answer = Outcome<wire::HttpResponse>;
using Handler = boost::asio::awaitable<Answer> (*)(Call& call);

/// Runs `function`, which answers an Outcome, on the control thread.
template <class Function>
boost::asio::awaitable<std::invoke_result_t<Function>> on_control(const Call& call, Function function) {
  auto result = co_await wire::run_on(call.services.control, std::move(function));
  if (!result) co_return Problem{errc::busy, "the hub has more to do than it can queue; try again", ""};
  co_return std::move(*result);
}

/// Starts something that answers by callback and waits for it.
template <class T, class Start>
boost::asio::awaitable<T> answer_of(Start start) {
  co_return co_await wire::await_callback<T>(std::move(start));
}

/// What is answered for an object of a device that the caller may not see, and for one that there is not: nobody
/// learns the difference. `what`: "device kitchen".
Problem no_such(std::string_view what);

/// The sentence for a store's error.
Problem storage_problem(const error_code& ec);

}  // namespace hub::web
