#include "hub/identity/approval_desk.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "hub/core/address_key.h"
#include "hub/identity/secret.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

constexpr std::size_t kAskingKeys = 10'000;

}  // namespace

struct ApprovalDesk::State {
  struct Held {
    ApprovalRequest request;
    std::string secret_sha256, address_key, signing_request;
    bool is_being_decided = false;
    std::optional<DeviceGrant> grant;
  };
  State(Identity& i, base::Worker& w, const base::Clock& c, base::Random& r)
      : identity(i), control(w), clock(c), random(r) {}

  Identity& identity;
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  std::list<Held> held;  // the oldest first
  TokenBuckets arrivals{10, 30e6, kAskingKeys};
  struct {
    std::atomic<std::uint64_t> asked{0}, approved{0}, denied{0}, expired{0}, refused{0};
  } counters;

  void drop_expired() {
    const std::int64_t now_us = clock.now_us();
    std::erase_if(held, [this, now_us](const Held& one) {
      // A clock that was set back by years must not keep one for ever either.
      const bool is_over = now_us >= one.request.expires_us || now_us < one.request.created_us - kLife_us;
      if (is_over && one.request.state == ApprovalRequest::State::pending) ++counters.expired;
      return is_over;
    });
  }
  Held* find(const std::string& id) {
    drop_expired();
    const auto found = std::find_if(held.begin(), held.end(), [&id](const Held& one) { return one.request.id == id; });
    return found == held.end() ? nullptr : &*found;
  }
  /// One that can still be decided, or why not.
  Outcome<Held*> undecided(const std::string& id) {
    Held* one = find(id);
    if (one == nullptr) return Problem{errc::not_found, "There is no such request; it may have expired.", ""};
    if (one->request.state != ApprovalRequest::State::pending || one->is_being_decided) {
      return Problem{errc::conflict, "This request was decided already.", ""};
    }
    return one;
  }
};

ApprovalDesk::ApprovalDesk(Identity& identity, base::Worker& control, const base::Clock& clock, base::Random& random)
    : state_(std::make_shared<State>(identity, control, clock, random)) {}

ApprovalDesk::~ApprovalDesk() = default;

Outcome<ApprovalTicket> ApprovalDesk::ask(Asked asked) {
  State& state = *state_;
  assert(state.control.is_current());
  state.drop_expired();
  const std::string from = address_key(asked.remote);
  const auto refused = [&state](errc code, std::string why) {
    ++state.counters.refused;
    return Problem{code, std::move(why), ""};
  };
  if (!state.arrivals.take(from, state.clock.boot_us())) {
    return refused(errc::rate_limited, "This address asks too often; wait a minute.");
  }
  const auto code = wire::approval_code(asked.signing_request, asked.ca_sha256_hex);
  if (!code) {
    return Problem{errc::invalid_argument,
                   "The signing request must be PKCS #10 for a P-256 key, signed with that key.", "/csr"};
  }
  const auto of_address = std::count_if(state.held.begin(), state.held.end(),
                                        [&from](const State::Held& one) { return one.address_key == from; });
  if (state.held.size() >= kMost || static_cast<std::size_t>(of_address) >= kMostOfAddress) {
    return refused(errc::busy, "Too many devices wait for approval; ask again in ten minutes.");
  }
  ApprovalTicket ticket;
  ticket.secret = make_token(state.random);
  ticket.code = *code;
  State::Held one;
  one.request.id = make_id('q', state.random);
  one.request.code = ticket.code;
  one.request.name = std::move(asked.name);
  one.request.attributes = std::move(asked.attributes);
  one.request.address = std::move(asked.remote);
  one.request.created_us = state.clock.now_us();
  one.request.expires_us = ticket.expires_us = one.request.created_us + kLife_us;
  one.secret_sha256 = sha256_hex(ticket.secret);
  one.address_key = from;
  one.signing_request = std::move(asked.signing_request);
  state.held.push_back(std::move(one));
  ++state.counters.asked;
  return ticket;
}

Outcome<std::optional<DeviceGrant>> ApprovalDesk::collect(const std::string& secret) {
  State& state = *state_;
  assert(state.control.is_current());
  state.drop_expired();
  const std::string hash = secret.size() <= kMaxTokenBytes ? sha256_hex(secret) : std::string();
  const auto found = std::find_if(state.held.begin(), state.held.end(),
                                  [&hash](const State::Held& one) { return one.secret_sha256 == hash; });
  if (found == state.held.end()) {
    return Problem{errc::not_found, "There is no such request; it may have expired. Ask again.", "/secret"};
  }
  if (found->request.state == ApprovalRequest::State::denied) {
    return Problem{errc::forbidden, "An admin of this hub said no.", ""};
  }
  return found->grant;
}

std::vector<ApprovalRequest> ApprovalDesk::requests() {
  assert(state_->control.is_current());
  state_->drop_expired();
  std::vector<ApprovalRequest> out;
  for (auto one = state_->held.rbegin(); one != state_->held.rend(); ++one) {
    if (one->request.state != ApprovalRequest::State::denied) out.push_back(one->request);
  }
  return out;
}

void ApprovalDesk::approve(const std::string& id, std::string name, std::map<std::string, std::string> tags,
                           std::function<void(Outcome<ApprovalRequest>)> answer) {
  State& state = *state_;
  assert(state.control.is_current());
  const auto one = state.undecided(id);
  if (!one) return answer(one.error());
  (*one)->is_being_decided = true;
  if (name.empty()) name = (*one)->request.name;
  const auto decided = [weak = std::weak_ptr<State>(state_), id,
                        answer = std::move(answer)](Outcome<DeviceGrant> grant) {
    const auto self = weak.lock();
    State::Held* held = nullptr;
    if (self) {
      const auto at =
          std::find_if(self->held.begin(), self->held.end(), [&id](const auto& h) { return h.request.id == id; });
      if (at != self->held.end()) held = &*at;
    }
    if (held != nullptr) held->is_being_decided = false;
    if (!grant) return answer(grant.error());
    // It expired in these milliseconds: there is a device that nobody can be, which an admin sees and removes.
    if (held == nullptr) return answer(Problem{errc::not_found, "The request expired meanwhile.", ""});
    held->request.state = ApprovalRequest::State::approved;
    held->request.name = grant->name;
    held->grant = std::move(*grant);
    ++self->counters.approved;
    answer(held->request);
  };
  state.identity.enrol_approved(std::move(name), std::move(tags), (*one)->request.attributes, (*one)->signing_request,
                                decided);
}

Outcome<bool> ApprovalDesk::deny(const std::string& id) {
  State& state = *state_;
  assert(state.control.is_current());
  const auto one = state.undecided(id);
  if (!one) return one.error();
  (*one)->request.state = ApprovalRequest::State::denied;
  ++state.counters.denied;
  return true;
}

ApprovalDesk::Counters ApprovalDesk::counters() const {
  const auto& c = state_->counters;
  return {c.asked, c.approved, c.denied, c.expired, c.refused};
}

}  // namespace hub
