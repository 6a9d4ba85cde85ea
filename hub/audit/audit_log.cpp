#include "hub/audit/audit_log.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <mutex>

namespace hub {
namespace {

namespace json = boost::json;

constexpr std::size_t kWaiting = 4'096;  // outcomes and notes that are not stored yet; the oldest go first
constexpr std::size_t kStoredAtOnce = 256;
constexpr double kNotesAtOnce = 60;
constexpr double kNotesPerUs = 1e-6;
constexpr std::size_t kDetailBytes = 2'048;
constexpr std::size_t kFieldBytes = 256;
constexpr std::array<std::string_view, 5> kSecrets{"password", "old_password", "new_password", "token", "code"};

void cut(std::string& field) {
  if (field.size() > kFieldBytes) field.resize(kFieldBytes);
}

}  // namespace

struct AuditLog::State {
  State(AuditStore& audit_store, base::Worker& worker, const base::Clock& used_clock)
      : store(audit_store), control(worker), clock(used_clock), noted_us(used_clock.boot_us()) {}

  AuditStore& store;
  base::Worker& control;
  const base::Clock& clock;

  // Control only.
  AuditLink link;
  std::vector<AuditEntry> waiting;

  std::mutex mutex;  // of what bounds the notes
  double notes_left = kNotesAtOnce;
  std::int64_t noted_us;
  std::uint64_t left_out = 0;

  /// Numbers `entries` behind what is stored and stores them; the chain is as it was where that fails.
  Result<void> store_all(std::vector<AuditEntry>& entries) {
    AuditLink at = link;
    for (auto& entry : entries) {
      entry.sequence = at.sequence + 1;
      entry.hash = audit_hash(at.hash, entry);
      at = {entry.sequence, entry.hash};
    }
    if (auto done = store.append(entries); !done) return done.error();
    link = at;
    return {};
  }

  void store_waiting() {
    if (waiting.empty()) return;
    if (store_all(waiting)) waiting.clear();  // else with the next second's
  }

  void wait(AuditEntry entry) {
    if (waiting.size() >= kWaiting) waiting.erase(waiting.begin());
    waiting.push_back(std::move(entry));
    if (waiting.size() >= kStoredAtOnce) store_waiting();
  }
};

AuditLog::AuditLog(AuditStore& store, base::Worker& control, const base::Clock& clock)
    : state_(std::make_shared<State>(store, control, clock)) {}

AuditLog::~AuditLog() = default;

Result<void> AuditLog::open() {
  std::promise<Result<void>> opened;
  state_->control.post([state = state_, &opened] {
    auto head = state->store.head();
    if (head) state->link = *head;
    opened.set_value(head ? Result<void>() : Result<void>(head.error()));
  });
  return opened.get_future().get();
}

void AuditLog::begin(AuditEntry entry, std::function<void(Outcome<std::uint64_t>)> answer) {
  const bool posted = state_->control.try_post([state = state_, entry = std::move(entry), answer]() mutable {
    entry.time_us = state->clock.now_us();
    cut(entry.object);
    // In the order in which they came; and one transaction does for all.
    std::vector<AuditEntry> entries = state->waiting;
    entries.push_back(std::move(entry));
    if (auto done = state->store_all(entries); !done) {
      return answer(
          Problem{to_errc(done.error()),
                  "The hub could not write its audit trail, so nothing was done: " + done.error().message() + ".", ""});
    }
    state->waiting.clear();
    answer(state->link.sequence);
  });
  if (!posted) answer(Problem{errc::busy, "The hub has too much to do; try again in a moment.", ""});
}

void AuditLog::finish(std::uint64_t begun, int status) {
  (void)state_->control.try_post([state = state_, begun, status] {
    AuditEntry entry;
    entry.time_us = state->clock.now_us();
    entry.action = "outcome";
    entry.status = status;
    entry.of = begun;
    state->wait(std::move(entry));
  });
}

void AuditLog::note(AuditEntry entry) {
  {
    const std::lock_guard lock(state_->mutex);
    const auto now_us = state_->clock.boot_us();
    const auto passed_us =
        static_cast<double>(std::max<std::int64_t>(0, now_us - std::exchange(state_->noted_us, now_us)));
    state_->notes_left = std::min(kNotesAtOnce, state_->notes_left + passed_us * kNotesPerUs);
    if (state_->notes_left < 1) {
      ++state_->left_out;
      return;
    }
    state_->notes_left -= 1;
    if (const auto left_out = std::exchange(state_->left_out, 0); left_out > 0) {
      boost::system::error_code ec;
      auto detail = json::parse(entry.detail.empty() ? "{}" : entry.detail, ec);
      if (ec || !detail.is_object()) detail = json::object();
      detail.as_object()["left_out"] = left_out;
      entry.detail = json::serialize(detail);
    }
  }
  entry.time_us = state_->clock.now_us();
  cut(entry.object);
  cut(entry.actor);
  (void)state_->control.try_post(
      [state = state_, entry = std::move(entry)]() mutable { state->wait(std::move(entry)); });
}

void AuditLog::find(AuditQuery query, std::function<void(Result<std::vector<AuditEntry>>)> answer) {
  const bool posted = state_->control.try_post([state = state_, query = std::move(query), answer] {
    state->store_waiting();
    answer(state->store.find(query));
  });
  if (!posted) answer(errc::busy);
}

void AuditLog::head(std::function<void(Result<AuditLink>)> answer) {
  if (!state_->control.try_post([state = state_, answer] { answer(state->link); })) answer(errc::busy);
}

void AuditLog::tick() {
  state_->store_waiting();
}

std::string audit_detail(std::string_view body) {
  if (body.empty()) return "";
  boost::system::error_code ec;
  auto value = json::parse(json::string_view(body.data(), body.size()), ec);
  const std::string only_size = json::serialize(json::object{{"bytes", body.size()}});
  if (ec || !value.is_object()) return only_size;
  for (auto& member : value.get_object()) {
    if (std::ranges::find(kSecrets, std::string_view(member.key())) != kSecrets.end()) member.value() = "(secret)";
  }
  std::string text = json::serialize(value);
  return text.size() <= kDetailBytes ? text : only_size;
}

}  // namespace hub
