// Identity's tickets: one connection for a client that can send no header.
#include <algorithm>
#include <mutex>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"

namespace hub {
namespace {

constexpr std::int64_t kLife_us = 30'000'000;
constexpr std::size_t kTickets = 10'000;    // of all together
constexpr std::size_t kTicketsOfOne = 100;  // of one credential: nobody crowds out the others

}  // namespace

Outcome<Ticket> Identity::make_ticket(const Principal& who) {
  const auto now_us = state_->clock.now_us();
  Ticket made{make_token(state_->random), now_us + kLife_us};
  const std::unique_lock lock(state_->mutex);
  auto& tickets = state_->tickets;
  std::erase_if(tickets, [now_us](const auto& ticket) { return !ticket.second.is_alive(now_us); });
  const auto held = static_cast<std::size_t>(std::ranges::count_if(
      tickets, [&who](const auto& ticket) { return ticket.second.session_key == who.session_key; }));
  if (tickets.size() >= kTickets || held >= kTicketsOfOne) {
    return Problem{errc::rate_limited, "Too many tickets wait to be used; each lives for 30 seconds.", ""};
  }
  tickets[sha256_hex(made.ticket)] = {who.session_key, now_us, made.expires_us};
  return made;
}

std::optional<Principal> Identity::use_ticket(std::string_view ticket) {
  if (ticket.empty() || ticket.size() > kMaxTokenBytes) return std::nullopt;
  std::string session_key;
  {
    const std::unique_lock lock(state_->mutex);
    const auto found = state_->tickets.find(sha256_hex(ticket));
    if (found == state_->tickets.end()) return std::nullopt;
    const bool is_alive = found->second.is_alive(state_->clock.now_us());
    session_key = std::move(found->second.session_key);
    state_->tickets.erase(found);
    if (!is_alive) return std::nullopt;
  }
  return refreshed(session_key);
}

}  // namespace hub
