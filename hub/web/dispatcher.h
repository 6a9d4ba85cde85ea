// From a request to its answer: route, origin, sign-in, permission, handler. The choke point of REST.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "hub/web/assets.h"
#include "hub/web/web_server.h"

namespace hub::web {

struct Call;
struct LiveHandover;
struct Route;

/// One per core, as WebServer; keeps nothing between calls. Every route with an Operation passes authorize() here,
/// before its handler runs, and again with the device where the path names one. What changes something is in the audit
/// trail before its handler runs.
class Dispatcher {
 public:
  Dispatcher(const WebServices& services, const WebOptions& options, const Assets& assets)
      : services_(services), options_(options), assets_(assets) {}

  /// Always an answer; security headers included. `user_out` receives who was signed in, for the log; `live` what a
  /// live route asks of the server.
  boost::asio::awaitable<wire::HttpResponse> answer(const wire::HttpRequest& request, const std::string& request_id,
                                                    std::string& user_out, LiveHandover& live);

 private:
  boost::asio::awaitable<wire::HttpResponse> route(const wire::HttpRequest& request, const std::string& request_id,
                                                   std::string& user_out, LiveHandover& live);
  boost::asio::awaitable<wire::HttpResponse> run(Call& call, const Route& found);
  wire::HttpResponse dashboard(const wire::HttpRequest& request, const std::vector<std::string>& segments,
                               const std::string& request_id) const;

  const WebServices& services_;
  const WebOptions& options_;
  const Assets& assets_;
};

}  // namespace hub::web
