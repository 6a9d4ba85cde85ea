#include "hub/web/web_server.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unordered_map>

#include "base/bytes.h"
#include "hub/core/address_key.h"
#include "hub/web/answer.h"
#include "hub/web/assets.h"
#include "hub/web/call.h"
#include "hub/web/dispatcher.h"
#include "hub/web/enrolment_command.h"
#include "hub/web/event_stream.h"
#include "hub/web/upgrade.h"
#include "wire/errc.h"
#include "wire/task_group.h"

namespace hub {
namespace {

using boost::asio::ip::tcp;
using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);

std::string_view path_of(const wire::HttpRequest& request) {
  return std::string_view(request.target).substr(0, request.target.find('?'));
}

bool is_socket_path(std::string_view path) {
  return path == web::kDevicePath || path == web::kLivePath;
}

Problem listen_problem(const std::string& address, std::uint16_t port, const error_code& ec) {
  const std::string where = "port " + std::to_string(port) + " on " + address;
  if (ec == boost::asio::error::address_in_use) {
    return {errc::conflict,
            where + " is taken: another program is listening there (address in use); stop it or choose another --port",
            ""};
  }
  if (ec == boost::asio::error::access_denied) {
    return {errc::forbidden,
            where + " may not be used by this user: " + ec.message() + "; ports below 1024 need a privilege", ""};
  }
  return {errc::unavailable, "cannot listen on " + where + ": " + ec.message(), ""};
}

/// Opens and binds; does not listen. "::" falls back to IPv4 where the machine has no IPv6.
Outcome<tcp::endpoint> bind_acceptor(tcp::acceptor& acceptor, const std::string& address, std::uint16_t port,
                                     bool share) {
  error_code ec;
  auto ip = boost::asio::ip::make_address(address, ec);
  if (ec) return Problem{errc::invalid_argument, "bind address " + address + " is not an IP address", "/bind"};
  (void)acceptor.open(tcp::endpoint(ip, port).protocol(), ec);
  if (ec == boost::asio::error::address_family_not_supported && ip == boost::asio::ip::address_v6::any()) {
    ip = boost::asio::ip::address_v4::any();
    (void)acceptor.open(tcp::v4(), ec);
  }
  if (!ec) (void)acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && share) (void)acceptor.set_option(ReusePort(true), ec);
  if (!ec && ip.is_v6()) (void)acceptor.set_option(boost::asio::ip::v6_only(false), ec);
  if (!ec) (void)acceptor.bind(tcp::endpoint(ip, port), ec);
  tcp::endpoint bound;
  if (!ec) bound = acceptor.local_endpoint(ec);
  if (ec) return listen_problem(address, port, ec);
  return bound;
}

}  // namespace

Outcome<bool> check_port(const std::string& bind_address, std::uint16_t port) {
  if (port == 0) return true;
  boost::asio::io_context context;
  tcp::acceptor acceptor(context);
  const auto bound = bind_acceptor(acceptor, bind_address, port, false);
  if (!bound) return bound.error();
  return true;
}

struct WebServer::State : std::enable_shared_from_this<WebServer::State> {
  State(boost::asio::any_io_executor e, WebServices s, LiveCore& l, DeviceGateway& d, wire::ServerTls t, WebOptions o)
      : executor(e),
        services(std::move(s)),
        options(std::move(o)),
        live(l),
        devices(d),
        tls(std::move(t)),
        assets(web::embedded_dashboard(), options.web_root),
        dispatcher(services, options, assets),
        acceptor(e),
        retry(e),
        admission(options.admission),
        tasks(e, [this](const std::exception& error) {
          services.log->error("connection task failed: {}", error.what());
        }) {}

  /// What a connection became.
  struct Session {
    std::unique_ptr<wire::Connection> connection;
    bool is_device = false;
    std::optional<Principal> who;  // nothing: a device that says so in its first message
    LiveLink link = LiveLink::websocket;
  };

  struct Open {
    wire::HttpConnection* http = nullptr;
    bool answering = false;
  };

  boost::asio::any_io_executor executor;
  const WebServices services;
  WebOptions options;
  LiveCore& live;
  DeviceGateway& devices;
  wire::ServerTls tls;
  web::Assets assets;
  web::Dispatcher dispatcher;
  tcp::acceptor acceptor;
  boost::asio::steady_timer retry;  // of accepting: too many at once, or descriptors or memory ran out
  web::Admission admission;
  std::atomic<std::uint16_t> bound_port{0};
  bool stopping = false;
  std::uint64_t next_connection = 1;
  std::uint8_t request_number = 0;
  const std::function<void(std::unique_ptr<wire::Connection>, Principal)> hold_viewer =
      [this](std::unique_ptr<wire::Connection> connection, Principal who) {
        tasks.spawn(live.serve(std::move(connection), std::move(who), LiveLink::poll));
      };
  std::unordered_map<std::uint64_t, int> shaking;  // sockets in their TLS handshake; those that admission has, or shed
  std::unordered_map<std::uint64_t, Open> open;    // HTTP; bounded by admission, as WebSockets are
  struct {
    std::atomic<std::uint64_t> connections{0}, accepted{0}, handshakes_failed{0}, refused_full{0},
        refused_address_full{0}, refused_address_too_often{0}, handshakes_shed{0}, timed_out{0}, requests{0},
        client_errors{0}, server_errors{0};
  } counters;
  wire::TaskGroup tasks;  // last: ends first

  boost::asio::awaitable<void> accept();
  bool admit(const std::string& address);
  boost::asio::awaitable<void> serve(tcp::socket socket, std::string address);
  boost::asio::awaitable<void> hold(std::unique_ptr<Session> session, std::string address);
  void leave(const std::string& address);
  /// Until the peer leaves or the connection becomes a WebSocket: `session` has it then.
  boost::asio::awaitable<void> serve_http(std::uint64_t number, std::unique_ptr<wire::HttpConnection> http,
                                          Session& session);
  /// True where nothing more is to be read: the connection became a WebSocket, or is broken.
  boost::asio::awaitable<bool> upgrade(wire::HttpConnection& http, const wire::HttpRequest& request, Session& session);
  boost::asio::awaitable<wire::HttpResponse> answer(const wire::HttpRequest& request, web::LiveHandover& handover);
  /// The connection goes on as an event stream: `session` has it then.
  void start_event_stream(wire::HttpConnection& http, const wire::HttpRequest& request, wire::HttpResponse head,
                          web::LiveHandover& handover, Session& session);
  wire::HttpResponse refusal(const wire::HttpRequest& request, const Problem& problem);
  void count(const wire::HttpResponse& response);
  std::string make_request_id();
};

boost::asio::awaitable<void> WebServer::State::accept() {
  bool told_of_shortage = false;
  while (!stopping) {
    if (const std::int64_t wait_us = admission.accept_wait_us(services.clock.boot_us()); wait_us != 0) {
      retry.expires_after(std::chrono::microseconds(wait_us));
      co_await retry.async_wait(kWait);
      continue;
    }
    tcp::socket socket(executor);
    const auto [ec] = co_await acceptor.async_accept(socket, kWait);
    if (stopping || ec == boost::asio::error::operation_aborted) co_return;
    if (ec) {
      if (ec == boost::asio::error::connection_aborted) continue;
      // Out of file descriptors or memory: those who are connected go on; the rest waits in the listen queue.
      if (!std::exchange(told_of_shortage, true)) services.log->error("cannot accept connections: {}", ec.message());
      retry.expires_after(std::chrono::milliseconds(100));
      co_await retry.async_wait(kWait);
      continue;
    }
    told_of_shortage = false;
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) continue;
    std::string address = address_key(peer.address().to_string());
    if (!admit(address)) continue;  // the socket closes here
    ++counters.accepted;
    ++counters.connections;
    tasks.spawn(serve(std::move(socket), std::move(address)));
  }
}

bool WebServer::State::admit(const std::string& address) {
  switch (admission.arrive(address, services.clock.boot_us())) {
    case web::Admission::Verdict::go:
      return true;
    case web::Admission::Verdict::full:
      ++counters.refused_full;
      return false;
    case web::Admission::Verdict::address_full:
      ++counters.refused_address_full;
      return false;
    case web::Admission::Verdict::address_too_often:
      ++counters.refused_address_too_often;
      return false;
  }
  return false;
}

boost::asio::awaitable<void> WebServer::State::serve(tcp::socket socket, std::string address) {
  const std::uint64_t number = next_connection++;
  error_code ignored;
  (void)socket.set_option(tcp::no_delay(true), ignored);
  if (const auto shed = admission.begin_handshake(number, address)) {
    ++counters.handshakes_shed;
    // The socket belongs to accept_http; shutting its descriptor down ends the handshake's read there.
    ::shutdown(shaking.at(*shed), SHUT_RDWR);
  }
  shaking.emplace(number, socket.native_handle());
  const wire::HttpLimits limits;
  auto accepted = co_await wire::accept_http(std::move(socket), tls, limits);
  shaking.erase(number);
  admission.end_handshake(number);
  if (!accepted) {
    ++counters.handshakes_failed;
    services.log->debug("TLS handshake failed: {}", accepted.error().message());
  } else if (!stopping) {
    Session session;
    co_await serve_http(number, std::move(*accepted), session);
    // What the way there needed ends here: a WebSocket may be idle for years.
    if (session.connection) {
      tasks.spawn(hold(std::make_unique<Session>(std::move(session)), std::move(address)));
      co_return;
    }
  }
  leave(address);
}

boost::asio::awaitable<void> WebServer::State::hold(std::unique_ptr<Session> session, std::string address) {
  auto serving = session->is_device
                     ? devices.serve(std::move(session->connection), std::move(session->who))
                     : live.serve(std::move(session->connection), std::move(*session->who), session->link);
  session.reset();
  co_await std::move(serving);
  leave(address);
}

void WebServer::State::leave(const std::string& address) {
  admission.leave(address);
  --counters.connections;
}

boost::asio::awaitable<void> WebServer::State::serve_http(std::uint64_t number,
                                                          std::unique_ptr<wire::HttpConnection> http,
                                                          Session& session) {
  Open& entry = open[number];
  entry.http = http.get();
  while (!stopping) {
    auto request = co_await http->read();
    if (!request) {
      if (request.error() == wire::errc::timed_out) ++counters.timed_out;
      break;
    }
    entry.answering = true;
    if (is_socket_path(path_of(*request))) {
      if (const bool ended = co_await upgrade(*http, *request, session); ended) break;
    } else {
      web::LiveHandover handover{hold_viewer, std::nullopt, {}};
      auto response = co_await answer(*request, handover);
      count(response);
      if (handover.stream) {
        start_event_stream(*http, *request, std::move(response), handover, session);
        break;
      }
      if (const auto ec = co_await http->write(*request, std::move(response))) break;
    }
    entry.answering = false;
    if (!http->keep_alive()) break;
  }
  open.erase(number);
}

boost::asio::awaitable<wire::HttpResponse> WebServer::State::answer(const wire::HttpRequest& request,
                                                                    web::LiveHandover& handover) {
  const std::string request_id = make_request_id();
  const std::int64_t began_us = services.clock.boot_us();
  std::string user;
  auto response = co_await dispatcher.answer(request, request_id, user, handover);
  const std::int64_t took_us = services.clock.boot_us() - began_us;
  const bool changed = request.method != "GET" && request.method != "HEAD";
  services.log->log(changed ? spdlog::level::info : spdlog::level::debug, "{} {} {} by {} from {} in {} µs, request {}",
                    request.method, path_of(request), response.status, user.empty() ? "-" : user,
                    request.remote_address, took_us, request_id);
  co_return response;
}

wire::HttpResponse WebServer::State::refusal(const wire::HttpRequest& request, const Problem& problem) {
  const std::string request_id = make_request_id();
  wire::HttpResponse response;
  if (!request.is_upgrade) {
    response =
        web::problem_answer(426, "upgrade_required", "Upgrade required", "this endpoint is a WebSocket", request_id);
    web::set_header(response, "Upgrade", "websocket");
  } else {
    response = web::problem_answer(problem, request_id);
    if (problem.code == errc::unauthenticated) web::set_header(response, "WWW-Authenticate", "Bearer");
  }
  web::add_security_headers(response);
  services.log->debug("{} {} from {} refused: {}", request.method, response.status, request.remote_address,
                      problem.detail);
  return response;
}

boost::asio::awaitable<bool> WebServer::State::upgrade(wire::HttpConnection& http, const wire::HttpRequest& request,
                                                       Session& session) {
  const bool is_device = path_of(request) == web::kDevicePath;
  std::optional<Principal> who;
  std::optional<Problem> problem;
  if (!request.is_upgrade) {
    problem = Problem{errc::invalid_argument, "not an upgrade", ""};
  } else if (is_device) {
    auto device = web::admit_device(services, request);
    if (device) {
      who = std::move(*device);
    } else {
      problem = device.error();
    }
  } else {
    auto viewer = web::admit_viewer(services, request);
    if (viewer) {
      who = std::move(*viewer);
    } else {
      problem = viewer.error();
    }
  }
  if (problem) {
    auto response = refusal(request, *problem);
    count(response);
    co_return static_cast<bool>(co_await http.write(request, std::move(response)));
  }
  wire::ConnectionLimits limits;
  limits.message_bytes = is_device ? options.device_message_bytes : 64 * 1024;
  limits.first_read_bytes = is_device ? limits.first_read_bytes : 128;  // viewers say little
  limits.backlog_bytes = is_device ? limits.backlog_bytes : options.live_backlog_bytes;
  std::string protocol = is_device ? web::kDeviceProtocol : web::kLiveProtocol;
  auto upgraded = co_await http.upgrade(request, std::move(protocol), limits);
  if (upgraded && !stopping) {
    session.connection = std::move(*upgraded);
    session.is_device = is_device;
    session.who = std::move(who);
  }
  co_return true;
}

void WebServer::State::start_event_stream(wire::HttpConnection& http, const wire::HttpRequest& request,
                                          wire::HttpResponse head, web::LiveHandover& handover, Session& session) {
  auto stream = http.stream(request, std::move(head), options.live_backlog_bytes);
  if (!stream) return;  // the peer has gone
  session.connection = web::make_event_stream(std::move(*stream), std::move(*handover.stream));
  session.who = std::move(handover.who);
  session.link = LiveLink::event_stream;
}

void WebServer::State::count(const wire::HttpResponse& response) {
  ++counters.requests;
  if (response.status >= 500) {
    ++counters.server_errors;
  } else if (response.status >= 400) {
    ++counters.client_errors;
  }
}

std::string WebServer::State::make_request_id() {
  const std::uint64_t id = (static_cast<std::uint64_t>(services.clock.now_us()) << 8) | ++request_number;
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift);
  return base::to_hex(std::string_view(bytes));
}

WebServer::WebServer(boost::asio::any_io_executor executor, WebServices services, LiveCore& live,
                     DeviceGateway& devices, wire::ServerTls tls, WebOptions options)
    : state_(std::make_shared<State>(std::move(executor), std::move(services), live, devices, std::move(tls),
                                     std::move(options))) {}

WebServer::~WebServer() = default;

Outcome<bool> WebServer::start() {
  State& state = *state_;
  const auto bound = bind_acceptor(state.acceptor, state.options.bind_address, state.options.port, true);
  if (!bound) return bound.error();
  error_code ec;
  (void)state.acceptor.listen(1'024, ec);
  if (ec) return listen_problem(state.options.bind_address, state.options.port, ec);
  state.bound_port = bound->port();
  state.options.port = bound->port();
  boost::asio::post(state.executor, [self = state_] {
    if (!self->stopping) self->tasks.spawn(self->accept());
  });
  return true;
}

std::uint16_t WebServer::port() const {
  return state_->bound_port;
}

void WebServer::use_tls(wire::ServerTls tls) {
  boost::asio::post(state_->executor, [self = state_, tls = std::move(tls)] { self->tls = tls; });
}

boost::asio::awaitable<void> WebServer::stop() {
  State& state = *state_;
  state.stopping = true;
  error_code ignored;
  (void)state.acceptor.close(ignored);
  state.retry.cancel();
  // The socket belongs to accept_http now; shutting its descriptor down ends the handshake's read there.
  for (const auto& [number, descriptor] : state.shaking) ::shutdown(descriptor, SHUT_RDWR);
  for (const auto& [number, entry] : state.open) {
    if (!entry.answering) entry.http->abort();
  }
  co_await state.tasks.join();
}

WebServer::Counters WebServer::counters() const {
  const auto& c = state_->counters;
  return {c.connections,
          c.accepted,
          c.handshakes_failed,
          c.refused_full,
          c.refused_address_full,
          c.refused_address_too_often,
          c.handshakes_shed,
          c.timed_out,
          c.requests,
          c.client_errors,
          c.server_errors};
}

}  // namespace hub
