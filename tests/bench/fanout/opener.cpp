#include "opener.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t kAnAddress = 1'000;  // connections
constexpr unsigned kAddresses = 200;

}  // namespace

unsigned source_of(std::size_t number) {
  return 1 + static_cast<unsigned>(number / kAnAddress) % kAddresses;
}

Opener::Opener(EventLoop& loop, Receipts& receipts, Target target, std::size_t wanted, std::size_t at_once,
               MakeSession make)
    : loop_(loop), receipts_(receipts), target_(target), wanted_(wanted), at_once_(at_once), make_(std::move(make)) {}

void Opener::start(std::function<void()> opened) {
  opened_ = std::move(opened);
  began_ns_ = ready_ns_ = now_ns();
  connections_.reserve(wanted_);
  for (std::size_t i = 0; i < std::min(at_once_, wanted_); ++i) open_next();
  if (wanted_ == 0) std::exchange(opened_, nullptr)();
}

void Opener::open_next() {
  const std::size_t number = connections_.size();
  auto& connection = *connections_.emplace_back(std::make_unique<Connection>(loop_, receipts_, *this, make_(number)));
  connection.number = number;
  connection.open(target_, source_of(number));
}

void Opener::ready(Connection&) {
  if (++ready_ == wanted_) {
    ready_ns_ = now_ns();
    std::exchange(opened_, nullptr)();
  } else if (connections_.size() < wanted_) {
    open_next();
  }
}

void Opener::ended(Connection& connection, const std::string& why) {
  ++lost_;
  if (opened_) throw std::runtime_error("connection " + std::to_string(connection.number) + ": " + why);
  if (lost_ == 1) std::fprintf(stderr, "fanout_load: connection %zu: %s\n", connection.number, why.c_str());
}

std::uint64_t Opener::received_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& connection : connections_) sum += connection->received_bytes();
  return sum;
}

std::uint64_t Opener::sent_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& connection : connections_) sum += connection->sent_bytes();
  return sum;
}

}  // namespace bench
