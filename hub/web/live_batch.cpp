#include "hub/web/live_batch.h"

#include <utility>

#include "hub/web/json_text.h"
#include "hub/web/live_text.h"

namespace hub::web {
namespace {

constexpr std::size_t kKeptBytes = 16 * 1024;  // larger buffers are given back

}  // namespace

bool LiveEnd::is_to_come_again() const {
  return code != 1000 && code != 1007 && (code < 4000 || code >= 4100);
}

std::string LiveEnd::to_json() const {
  std::string out = "{\"code\":";
  append_integer(out, code);
  out += ",\"reason\":";
  append_string(out, reason);
  out += ",\"again\":";
  out += is_to_come_again() ? "true}" : "false}";
  return out;
}

void LiveBatch::append(LiveBatch later) {
  if (!messages.empty() && !later.messages.empty()) messages += ',';
  messages += later.messages;
  position.event_id = later.position.event_id;
  if (!later.position.bytes.empty()) position.bytes = std::move(later.position.bytes);
  sent_us = later.sent_us;
  if (later.commit_us != 0) commit_us = later.commit_us;
  if (!later.phase.empty()) phase = std::move(later.phase);
  is_worth_waking = is_worth_waking || later.is_worth_waking;
}

std::string LiveBatch::to_json_begin() const {
  std::string out;
  out.reserve(messages.size() + 256);
  out += "{\"messages\":[";
  out += messages;
  out += "],\"position\":";
  append_string(out, position.to_text());
  out += ",\"event_id\":";
  append_integer(out, position.event_id);
  out += ",\"phase\":";
  if (phase.empty()) {
    out += "null";
  } else {
    append_string(out, phase);
  }
  const auto time = [&](std::string_view key, double us) {
    out += key;
    if (us == 0) {
      out += "null";
    } else {
      append_integer(out, static_cast<std::int64_t>(us));
    }
  };
  time(",\"sent\":", sent_us);
  time(",\"commit\":", commit_us);
  return out;
}

bool LiveBatcher::add(std::span<const boost::asio::const_buffer> fragments) {
  joined_.clear();
  for (const auto& fragment : fragments) joined_.append(static_cast<const char*>(fragment.data()), fragment.size());
  const bool is_one = message_.ParseFromString(joined_);
  if (is_one) look_at(message_);
  if (joined_.capacity() > kKeptBytes) {
    std::string().swap(joined_);
    message_ = {};
  }
  return is_one;
}

void LiveBatcher::look_at(const telemetry::v1::LiveMessage& message) {
  const std::size_t before = batch_.messages.size();
  append_messages(batch_.messages, message, happenings_);
  batch_.is_worth_waking = batch_.is_worth_waking || (batch_.messages.size() > before && !message.has_hub());
  is_subscribed_ = is_subscribed_ || !message.subscribed().empty();
  for (const auto& said : message.phases()) {
    batch_.phase = to_string(said.phase());
    const bool is_paused = said.phase() == telemetry::v1::LivePhase::PHASE_PAUSED;
    if (is_paused && ends_with_history_) end_ = LiveEnd{1000, "complete"};
  }
  // Refused as a whole, or its readings cannot be had now; a single series that found no room leaves the rest alive.
  if (message.has_error() && message.error().subscription() != 0) {
    if (!is_subscribed_) {
      end_ = LiveEnd{4000, "refused"};
    } else if (message.error().code() != "too_large") {
      end_ = LiveEnd{4100, "no readings now"};
    }
  }
  // The session's trailer stands on the last message of those it writes in one go.
  if (message.sent_us() == 0) return;
  batch_.position.bytes = message.position();
  batch_.position.event_id = message.event_id();
  batch_.sent_us = message.sent_us();
  batch_.commit_us = message.commit_us();
  is_complete_ = true;
}

std::optional<LiveBatch> LiveBatcher::take() {
  if (!is_complete_) return std::nullopt;
  is_complete_ = false;
  const std::string phase = batch_.phase;
  auto batch = std::exchange(batch_, {});
  batch_.phase = phase;
  return batch;
}

}  // namespace hub::web
