// Opens many live streams at a hub and holds them: the client of tests/bench/run connections. One thread.
// stdout: "opened N SECONDS" once all are open; ends when stdin does.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "wire/connection.h"
#include "wire/task_group.h"

namespace {

namespace asio = boost::asio;

class Opener {
 public:
  Opener(asio::io_context& io, wire::ConnectTarget target, wire::ClientTls tls, int wanted)
      : io_(io),
        target_(std::move(target)),
        tls_(std::move(tls)),
        wanted_(wanted),
        tasks_(io.get_executor(), [](const std::exception& error) { std::fprintf(stderr, "%s\n", error.what()); }) {}

  void start(int at_once) {
    began_ = std::chrono::steady_clock::now();
    for (int i = 0; i < at_once; ++i) tasks_.spawn(open_some());
  }
  bool has_failed() const { return failed_ > 0; }

 private:
  wire::Awaitable<void> open_some() {
    while (asked_ < wanted_ && failed_ == 0) {
      ++asked_;
      wire::ConnectReport report;
      auto connection = co_await wire::connect(target_, tls_, wire::ConnectionLimits(), &report);
      if (!connection) {
        ++failed_;
        std::fprintf(stderr, "connections_bench: after %d: %s (HTTP status %d)\n", opened_,
                     connection.error().message().c_str(), report.status);
        io_.stop();
        co_return;
      }
      tasks_.spawn(hold(std::move(*connection)));
      if (++opened_ == wanted_) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
        std::printf("opened %d %.6f\n", opened_, took.count());
        std::fflush(stdout);
      }
    }
  }

  static wire::Awaitable<void> hold(std::unique_ptr<wire::Connection> connection) {
    std::string message;
    for (;;) {
      if (const auto ec = co_await connection->read(message)) break;
    }
  }

  asio::io_context& io_;
  const wire::ConnectTarget target_;
  const wire::ClientTls tls_;
  const int wanted_;
  int asked_ = 0, opened_ = 0, failed_ = 0;
  std::chrono::steady_clock::time_point began_;
  wire::TaskGroup tasks_;
};

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Opens live streams at a hub and holds them until stdin ends");
  std::string ca_file, token;
  wire::ConnectTarget target;
  target.host = "127.0.0.1";
  target.path = "/api/v1/live";
  target.subprotocol = "telemetry.live.v1";
  int wanted = 1'000, at_once = 32;
  app.add_option("--port", target.port, "of the hub, on this machine")->required();
  app.add_option("--ca", ca_file, "the hub's CA certificate")->required();
  app.add_option("--token", token, "an API token with the scope read")->required();
  app.add_option("--connections", wanted, "how many")->check(CLI::Range(1, 60'000));
  app.add_option("--at-once", at_once, "handshakes at a time")->check(CLI::Range(1, 1'000));
  CLI11_PARSE(app, argc, argv);

  wire::ClientTls::Options options;
  options.ca_pem = text_of(ca_file);
  auto tls = wire::ClientTls::make(options);
  if (!tls) {
    std::fprintf(stderr, "connections_bench: %s: %s\n", ca_file.c_str(), tls.error().message().c_str());
    return 2;
  }
  target.headers["Authorization"] = "Bearer " + token;
  asio::io_context io(1);
  Opener opener(io, target, *tls, wanted);
  opener.start(at_once);
  asio::posix::stream_descriptor input(io, ::dup(STDIN_FILENO));
  char byte = 0;
  input.async_read_some(asio::buffer(&byte, 1), [&io](const boost::system::error_code&, std::size_t) { io.stop(); });
  io.run();
  std::fflush(stdout);
  ::_exit(opener.has_failed() ? 1 : 0);  // ten thousand orderly closes are not what is measured
}
