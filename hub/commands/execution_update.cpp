#include "hub/commands/execution_update.h"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "hub/commands/execution_state.h"

namespace hub {
namespace {

bool is_json(const std::string& text) {
  boost::system::error_code ec;
  (void)boost::json::parse(text, ec);
  return !ec;
}

}  // namespace

void append_bounded(std::string& text, std::string_view more, std::size_t limit_bytes) {
  const std::size_t room = limit_bytes - std::min(limit_bytes, text.size());
  std::size_t length = std::min(room, more.size());
  if (length < more.size()) {
    while (length > 0 && (static_cast<unsigned char>(more[length]) & 0xc0) == 0x80) --length;
  }
  text.append(more.substr(0, length));
}

UpdateVerdict apply_update(const telemetry::v1::ExecutionUpdate& update, std::int64_t now_us,
                           ExecutionRecord& execution) {
  if (update.revision() <= execution.device_revision) return UpdateVerdict::known;
  const auto state = reported_state(update.state());
  if (!state || !is_legal(execution.state, *state)) {
    // A second ACCEPTED with news in it would only be unusual; it is no other state.
    if (!state || *state != execution.state || is_final(execution.state)) return UpdateVerdict::illegal;
  }
  // Why nobody knew is no news once somebody does.
  if (execution.state == ExecutionState::unconfirmed && *state != execution.state) execution.error.clear();
  execution.state = *state;
  execution.device_revision = update.revision();
  execution.updated_us = now_us;
  execution.progress_percent = std::max(execution.progress_percent, std::min(update.progress_percent(), 100u));
  append_bounded(execution.output, update.output(), kOutputBytes);
  if (!update.error().empty()) {
    execution.error.clear();
    append_bounded(execution.error, update.error(), kErrorBytes);
  }
  if (!update.result_json().empty() && update.result_json().size() <= kResultBytes && is_json(update.result_json())) {
    execution.result_json = update.result_json();
  }
  // The schema cannot say "no exit code": 0 beside FAILED means that it was not the program that said so.
  if (*state == ExecutionState::succeeded || (*state == ExecutionState::failed && update.exit_code() != 0)) {
    execution.exit_code = update.exit_code();
  }
  return UpdateVerdict::applied;
}

}  // namespace hub
