#include "hub/admin_channel.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstring>

#include "hub/data_folder.h"
#include "hub/web/json_text.h"
#include "wire/run_on.h"
#include "wire/task_group.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Protocol = asio::local::stream_protocol;
constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLineBytes = 64 * 1024;
constexpr std::size_t kConnections = 16;

/// A folder held open. Socket addresses take 107 bytes, paths of data folders may be longer: the address goes through
/// the open folder instead.
class OpenFolder {
 public:
  explicit OpenFolder(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~OpenFolder() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  bool is_open() const { return fd_ >= 0; }
  std::string address() const { return "/proc/self/fd/" + std::to_string(fd_) + "/" + DataFolder::kAdminSocket; }

 private:
  int fd_;
};

std::string answer_text(const Outcome<json::object>& outcome) {
  json::object line;
  if (outcome) {
    line["ok"] = *outcome;
  } else {
    json::object problem;
    problem["code"] = static_cast<int>(outcome.error().code);
    problem["detail"] = outcome.error().detail;
    problem["field"] = outcome.error().field;
    line["problem"] = std::move(problem);
  }
  return web::to_text(line) + "\n";
}

}  // namespace

struct AdminChannel::State {
  State(asio::io_context& context, std::string path, const AdminOperations& ops, std::shared_ptr<spdlog::logger> logger)
      : executor(context.get_executor()),
        folder(std::move(path)),
        operations(ops),
        log(std::move(logger)),
        acceptor(context),
        tasks(executor, [this](const std::exception& error) { log->error("admin channel failed: {}", error.what()); }) {
  }

  asio::any_io_executor executor;
  std::string folder;
  const AdminOperations& operations;
  std::shared_ptr<spdlog::logger> log;
  Protocol::acceptor acceptor;
  bool stopping = false;
  std::size_t connections = 0;
  wire::TaskGroup tasks;

  asio::awaitable<void> accept();
  asio::awaitable<void> serve(Protocol::socket socket);
  asio::awaitable<Outcome<json::object>> answer(std::string_view line);
};

asio::awaitable<void> AdminChannel::State::accept() {
  while (!stopping) {
    Protocol::socket socket(executor);
    const auto [ec] = co_await acceptor.async_accept(socket, kWait);
    if (stopping || ec == asio::error::operation_aborted) co_return;
    if (ec) {
      asio::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(kWait);
      continue;
    }
    if (connections >= kConnections) continue;
    ++connections;
    tasks.spawn(serve(std::move(socket)));
  }
}

asio::awaitable<Outcome<json::object>> AdminChannel::State::answer(std::string_view line) {
  boost::system::error_code ec;
  const auto request = json::parse(line, ec);
  if (ec || !request.is_object()) co_return Problem{errc::invalid_argument, "the request is not a JSON object", ""};
  log->info("command line asks: {}", request.get_object().if_contains("op") != nullptr
                                         ? web::to_text(request.get_object().at("op"))
                                         : std::string("nothing"));
  auto start = [this, request = request.get_object()](auto done) { operations.run(request, done); };
  co_return co_await wire::await_callback<Outcome<json::object>>(std::move(start));
}

asio::awaitable<void> AdminChannel::State::serve(Protocol::socket socket) {
  // The deadline closes the socket, which ends whatever waits on it.
  auto open = std::make_shared<Protocol::socket>(std::move(socket));
  asio::steady_timer deadline(executor, std::chrono::seconds(15));
  deadline.async_wait([weak = std::weak_ptr(open)](boost::system::error_code ec) {
    boost::system::error_code ignored;
    if (const auto still = weak.lock(); still && !ec) (void)still->close(ignored);
  });
  std::string line;
  const auto [read_error, length] =
      co_await asio::async_read_until(*open, asio::dynamic_buffer(line, kLineBytes), '\n', kWait);
  if (!read_error) {
    const auto outcome = co_await answer(std::string_view(line).substr(0, length));
    const std::string text = answer_text(outcome);
    const auto [write_error, written] = co_await asio::async_write(*open, asio::buffer(text), kWait);
    (void)write_error;
    (void)written;
  }
  --connections;
}

AdminChannel::AdminChannel(asio::io_context& context, std::string folder, const AdminOperations& operations,
                           std::shared_ptr<spdlog::logger> log)
    : state_(std::make_shared<State>(context, std::move(folder), operations, std::move(log))) {}

AdminChannel::~AdminChannel() = default;

Outcome<bool> AdminChannel::start() {
  State& state = *state_;
  const std::string path = state.folder + "/" + DataFolder::kAdminSocket;
  const auto failed = [&](const std::string& cause) {
    return Problem{errc::storage_failed, path + " cannot be made: " + cause, ""};
  };
  const OpenFolder folder(state.folder);
  if (!folder.is_open()) return failed(std::strerror(errno));
  ::unlink(path.c_str());  // left by a hub that was killed; the lock says that none is alive
  boost::system::error_code ec;
  (void)state.acceptor.open(Protocol(), ec);
  if (!ec) {
    // Made for its owner only from the first moment; the folder is 0700 besides.
    const mode_t before = ::umask(0177);
    (void)state.acceptor.bind(Protocol::endpoint(folder.address()), ec);
    ::umask(before);
  }
  if (!ec) (void)state.acceptor.listen(16, ec);
  if (ec) return failed(ec.message());
  state.tasks.spawn(state.accept());
  return true;
}

asio::awaitable<void> AdminChannel::stop() {
  State& state = *state_;
  state.stopping = true;
  boost::system::error_code ignored;
  (void)state.acceptor.close(ignored);
  ::unlink((state.folder + "/" + DataFolder::kAdminSocket).c_str());
  state.tasks.cancel();
  co_await state.tasks.join();
}

Outcome<json::object> ask_running_hub(const std::string& path, const json::object& request) {
  const Problem nobody{errc::unavailable, "a process holds the data folder " + path + ", but does not answer", ""};
  const OpenFolder folder(path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!folder.is_open() || fd < 0) return nobody;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder.address().c_str(), sizeof address.sun_path - 1);
  const timeval limit{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  std::string line = web::to_text(request) + "\n", reply;
  bool good = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::size_t sent = 0;
  while (good && sent < line.size()) {
    const ssize_t n = ::send(fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    good = n > 0;
    if (good) sent += static_cast<std::size_t>(n);
  }
  while (good && reply.find('\n') == std::string::npos && reply.size() < 16 * 1024 * 1024) {
    char part[4096];
    const ssize_t n = ::recv(fd, part, sizeof part, 0);
    good = n > 0;
    if (good) reply.append(part, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (!good) return nobody;
  boost::system::error_code ec;
  const auto parsed = json::parse(reply.substr(0, reply.find('\n')), ec);
  if (ec || !parsed.is_object()) return nobody;
  if (const auto* ok = parsed.get_object().if_contains("ok"); ok != nullptr && ok->is_object()) return ok->get_object();
  const auto* problem = parsed.get_object().if_contains("problem");
  if (problem == nullptr || !problem->is_object()) return nobody;
  const auto& said = problem->get_object();
  const auto text = [&](const char* name) {
    const auto* value = said.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  const auto* code = said.if_contains("code");
  return Problem{code != nullptr && code->is_int64() ? static_cast<errc>(code->get_int64()) : errc::internal,
                 text("detail"), text("field")};
}

}  // namespace hub
