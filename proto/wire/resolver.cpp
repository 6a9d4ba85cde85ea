#include <netdb.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "wire/dial.h"
#include "wire/errc.h"

namespace asio = boost::asio;

namespace wire {
namespace {

using base::error_code;
using base::Result;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxAddresses = 8;
constexpr int kMaxLookUps = 16;
constexpr std::chrono::milliseconds kFullPause{20};

std::atomic<int> look_ups_under_way{0};

/// Shared by the thread that asks and the coroutine that waits. The thread may outlive the io_context: it touches that
/// only under the mutex, and only while somebody waits.
struct Pending {
  std::mutex mutex;
  bool is_wanted = true;                 // under the mutex
  asio::steady_timer* waiter = nullptr;  // on the coroutine's thread only
  std::atomic<bool> is_done{false};
  Result<Addresses> found{Addresses()};
};

/// Ends the waiting, however the coroutine ends.
class Waiting {
 public:
  Waiting(std::shared_ptr<Pending> pending, asio::steady_timer& timer) : pending_(std::move(pending)) {
    pending_->waiter = &timer;
  }
  ~Waiting() {
    const std::lock_guard lock(pending_->mutex);
    pending_->is_wanted = false;
    pending_->waiter = nullptr;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::shared_ptr<Pending> pending_;
};

void ask(const std::shared_ptr<Pending>& pending, const std::string& host, const LookUp& look_up,
         const asio::any_io_executor& executor) {
  auto found = look_up(host);
  --look_ups_under_way;
  const std::lock_guard lock(pending->mutex);
  if (!pending->is_wanted) return;
  pending->found = std::move(found);
  pending->is_done = true;
  asio::post(executor, [pending] {
    if (pending->waiter != nullptr) pending->waiter->cancel();
  });
}

/// The first one's family first, as the system ordered them, then in turn.
Addresses interleaved(const Addresses& found) {
  Addresses first, second, out;
  for (const auto& address : found) (address.is_v6() == found.front().is_v6() ? first : second).push_back(address);
  for (std::size_t i = 0; i < first.size() || i < second.size(); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  if (out.size() > kMaxAddresses) out.resize(kMaxAddresses);
  return out;
}

}  // namespace

Result<Addresses> look_up_by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int result = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (result == EAI_SYSTEM) return error_code(errno, boost::system::system_category());
  if (result == EAI_AGAIN) return error_code(asio::error::host_not_found_try_again);
  if (result != 0) return error_code(asio::error::host_not_found);
  Addresses found;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    asio::ip::tcp::endpoint endpoint;
    if (a->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), a->ai_addr, a->ai_addrlen);
    endpoint.resize(a->ai_addrlen);
    found.push_back(endpoint.address());
  }
  ::freeaddrinfo(list);
  if (found.empty()) return error_code(asio::error::host_not_found);
  return found;
}

asio::awaitable<Result<Addresses>> resolve(std::string host, std::chrono::milliseconds limit, LookUp look_up) {
  Addresses addresses;
  error_code not_address;
  const auto address = asio::ip::make_address(host, not_address);
  if (!not_address) {
    addresses.push_back(address);
    co_return addresses;
  }
  // RFC 6761: localhost is this machine, also where no /etc/hosts says so.
  if (host == "localhost") {
    addresses.push_back(asio::ip::address_v4::loopback());
    addresses.push_back(asio::ip::address_v6::loopback());
    co_return addresses;
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto end = SteadyClock::now() + limit;
  asio::steady_timer timer(executor);
  while (look_ups_under_way >= kMaxLookUps) {
    if (SteadyClock::now() >= end) co_return error_code(errc::timed_out);
    timer.expires_after(kFullPause);
    co_await timer.async_wait(kWait);
  }
  const auto pending = std::make_shared<Pending>();
  const Waiting waiting(pending, timer);
  ++look_ups_under_way;
  try {
    std::thread([pending, host, look_up = std::move(look_up), executor] {
      ask(pending, host, look_up, executor);
    }).detach();
  } catch (const std::system_error&) {  // no thread can be had
    --look_ups_under_way;
    co_return error_code(asio::error::no_memory);
  }
  timer.expires_at(end);
  while (!pending->is_done) {
    const auto [ec] = co_await timer.async_wait(kWait);
    if (!ec && !pending->is_done) co_return error_code(errc::timed_out);
  }
  if (pending->found.has_error()) co_return pending->found.error();
  co_return interleaved(*pending->found);
}

}  // namespace wire
