#include "hub/io_core.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

namespace hub {

IoCore::IoCore(unsigned number, IoCoreParts parts)
    : number_(number),
      log_(parts.web.log),
      context_(1),
      work_(context_.get_executor()),
      live_(context_.get_executor(), parts.web.readings, parts.web.devices, parts.web.identity, parts.events,
            parts.web.control, parts.bus, parts.web.clock, parts.live_limits),
      gateway_(context_.get_executor(), parts.ingest, parts.ingest_limits),
      web_(context_.get_executor(), parts.web, live_, gateway_, parts.tls, parts.web_options),
      closing_(context_.get_executor(),
               [this](const std::exception& e) { log_->error("while stopping: {}", e.what()); }),
      finishing_(context_.get_executor(),
                 [this](const std::exception& e) { log_->error("while stopping: {}", e.what()); }) {}

IoCore::~IoCore() {
  if (thread_.joinable()) thread_.join();
}

Outcome<bool> IoCore::listen() {
  return web_.start();
}

void IoCore::run() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("io-" + std::to_string(number_)).c_str());
    live_.start();
    // Sessions and handlers answer values; what arrives here is memory running out or a mistake of ours. The handler
    // that threw is lost, the core goes on.
    for (;;) {
      try {
        context_.run();
        break;
      } catch (const std::exception& error) {
        log_->error("I/O thread {}: {}", number_, error.what());
      }
    }
    stopped_.set_value();
  });
}

boost::asio::awaitable<void> IoCore::finish() {
  co_await closing_.join();
  work_.reset();
}

void IoCore::begin_stop() {
  boost::asio::post(context_, [this] {
    // At the same time: the web server's connections end when the sessions that they became do.
    closing_.spawn(web_.stop());
    closing_.spawn(gateway_.stop());
    closing_.spawn(live_.stop());
    finishing_.spawn(finish());
  });
}

bool IoCore::wait_stopped(std::chrono::steady_clock::time_point deadline) {
  if (!thread_.joinable()) return true;
  return stopped_.get_future().wait_until(deadline) == std::future_status::ready;
}

}  // namespace hub
