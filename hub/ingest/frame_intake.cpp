#include "hub/ingest/frame_intake.h"

#include <algorithm>

#include "wire/run_on.h"

namespace hub {
namespace {

IntakeAnswer protocol_error(std::string reason) {
  return {std::nullopt, 1007, std::move(reason)};
}

IntakeAnswer from_error(errc code, const std::string& what) {
  return {std::nullopt, describe(code).close_code, what};
}

}  // namespace

FrameIntake::FrameIntake(std::uint64_t session, DeviceId device, const IngestServices& services,
                         const IngestLimits& limits, IngestCounters& counters, IngestBudget& budget,
                         std::shared_ptr<AckInbox> inbox)
    : session_(session),
      device_(std::move(device)),
      services_(services),
      limits_(limits),
      counters_(counters),
      budget_(budget),
      inbox_(std::move(inbox)) {}

// Replies still under way find no session any more, so their bytes are given back here.
FrameIntake::~FrameIntake() {
  budget_.outstanding_bytes -= outstanding_bytes();
}

FrameIntake::Stream* FrameIntake::find(std::uint32_t index) {
  return index < streams_.size() ? &streams_[index] : nullptr;
}

ValidationContext FrameIntake::context() const {
  wire::FrameLimits limits;
  return {device_, services_.clock.now_us(), limits_.future_tolerance_us, limits};
}

bool FrameIntake::is_over_budget() const {
  return budget_.outstanding_bytes > limits_.budget_bytes;
}

boost::asio::awaitable<IntakeAnswer> FrameIntake::open(const telemetry::v1::Hello& hello,
                                                       telemetry::v1::Welcome& welcome) {
  std::vector<StreamKey> keys;
  for (const auto& stream : hello.streams()) {
    keys.push_back({device_, *base::to_id128(stream.epoch()), static_cast<std::uint8_t>(stream.lane())});
  }
  auto ask = [this, keys](auto done) { services_.readings.cursors(keys, done); };
  const auto cursors = co_await wire::await_callback<Result<std::vector<std::uint64_t>>>(std::move(ask));
  if (!cursors) co_return from_error(to_errc(cursors.error()), "the store did not answer");

  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t stored = (*cursors)[i];
    streams_.push_back({keys[i], stored + 1, 0, stored, false});
    aliases_.try_emplace(keys[i].epoch);
    welcome.add_streams()->set_stored(stored);
    const std::uint64_t first_held = hello.streams(static_cast<int>(i)).first_held();
    if (first_held <= stored + 1) continue;
    ValidatedBody lost;
    lost.gaps.push_back({device_, {}, 0, 0, 0, false, GapReason::missing_before, "hub"});
    IntakeAnswer answer = submit(static_cast<std::uint32_t>(i), stored + 1, first_held - 1, 0, std::move(lost));
    if (answer.close_code != 0) co_return answer;
  }
  co_return IntakeAnswer{};
}

boost::asio::awaitable<Outcome<bool>> FrameIntake::define(
    Stream& stream, const google::protobuf::RepeatedPtrField<telemetry::v1::SeriesDefinition>& definitions) {
  if (definitions.empty()) co_return true;
  SeriesAliases& aliases = aliases_[stream.key.epoch];
  auto fresh = aliases.select_new(definitions);
  if (!fresh) co_return fresh.error();
  if (fresh->empty()) co_return true;
  std::vector<SeriesWish> wishes;
  for (const auto& definition : *fresh) wishes.push_back(to_wish(definition));
  auto ask = [this, wishes](auto done) { services_.devices.define_series(device_, wishes, done); };
  const auto ids = co_await wire::await_callback<Outcome<std::vector<SeriesId>>>(std::move(ask));
  if (!ids) co_return ids.error();
  for (std::size_t i = 0; i < fresh->size(); ++i) aliases.add((*fresh)[i], (*ids)[i]);
  co_return true;
}

ValidatedBody FrameIntake::consume_refused(std::uint32_t index, std::uint64_t sequence, const std::string& why) {
  telemetry::v1::Rejection rejection;
  rejection.set_stream(index);
  rejection.set_sequence(sequence);
  rejection.set_reason(telemetry::v1::GAP_REASON_REFUSED);
  rejection.set_detail(why);
  rejected_.push_back(std::move(rejection));
  ++counters_.rejected_frames;
  ValidatedBody body;
  const std::int64_t now = services_.clock.now_us();
  body.gaps.push_back({device_, {}, now, now, 0, false, GapReason::refused, "hub"});
  return body;
}

boost::asio::awaitable<IntakeAnswer> FrameIntake::frame(const telemetry::v1::Frame& frame) {
  Stream* stream = find(frame.stream());
  if (stream == nullptr) {
    co_return protocol_error("stream " + std::to_string(frame.stream()) + " is not in Hello.streams");
  }
  const std::uint64_t sequence = frame.sequence();
  if (sequence == 0) co_return protocol_error("frames are numbered from 1");
  if (stream->waiting_for != 0 && sequence != stream->waiting_for) co_return IntakeAnswer{};

  ValidatedBody body;
  if (!body_.ParseFromString(frame.body())) {
    body = consume_refused(frame.stream(), sequence, "the body is not a FrameBody");
  } else {
    const Outcome<bool> defined = co_await define(*stream, body_.definitions());
    if (!defined && defined.error().code != errc::refused_frame) {
      co_return from_error(defined.error().code, defined.error().detail);
    }
    auto validated = defined ? validator_.validate(body_, aliases_[stream->key.epoch], context())
                             : Outcome<ValidatedBody>(defined.error());
    if (!validated) {
      body = consume_refused(frame.stream(), sequence, validated.error().detail);
    } else if (!validated->unknown_aliases.empty()) {
      IntakeAnswer answer;
      auto& need = answer.need_definitions.emplace();
      need.set_stream(frame.stream());
      need.set_sequence(sequence);
      need.mutable_aliases()->Add(validated->unknown_aliases.begin(), validated->unknown_aliases.end());
      stream->waiting_for = sequence;
      co_return answer;
    } else {
      body = std::move(*validated);
    }
  }
  stream->waiting_for = 0;
  co_return submit(frame.stream(), sequence, sequence, frame.body().size(), std::move(body));
}

boost::asio::awaitable<IntakeAnswer> FrameIntake::gap(const telemetry::v1::GapFrame& gap) {
  Stream* stream = find(gap.stream());
  if (stream == nullptr) {
    co_return protocol_error("stream " + std::to_string(gap.stream()) + " is not in Hello.streams");
  }
  if (gap.first() == 0 || gap.last() < gap.first()) co_return protocol_error("a gap frame needs 1 <= first <= last");
  if (stream->waiting_for != 0 && gap.first() > stream->waiting_for) co_return IntakeAnswer{};
  const Outcome<bool> defined = co_await define(*stream, gap.definitions());
  if (!defined && defined.error().code != errc::refused_frame) {
    co_return from_error(defined.error().code, defined.error().detail);
  }
  auto validated = defined ? validator_.validate_gaps(gap.gaps(), aliases_[stream->key.epoch], context())
                           : Outcome<ValidatedBody>(defined.error());
  ValidatedBody body;
  if (!validated) {
    body = consume_refused(gap.stream(), gap.last(), validated.error().detail);
  } else {
    body = std::move(*validated);
    // A gap of a series nobody defined is still a loss of this device: kept, without the series.
    if (!body.unknown_aliases.empty()) {
      const std::int64_t now = services_.clock.now_us();
      body.gaps.push_back({device_, {}, 0, now, 0, false, GapReason::missing_before, "hub"});
    }
  }
  stream->waiting_for = 0;
  co_return submit(gap.stream(), gap.first(), gap.last(), gap.ByteSizeLong(), std::move(body));
}

boost::asio::awaitable<IntakeAnswer> FrameIntake::definitions(const telemetry::v1::Definitions& definitions) {
  Stream* stream = find(definitions.stream());
  if (stream == nullptr) {
    co_return protocol_error("stream " + std::to_string(definitions.stream()) + " is not in Hello.streams");
  }
  const Outcome<bool> defined = co_await define(*stream, definitions.definitions());
  if (!defined) co_return from_error(defined.error().code, defined.error().detail);
  co_return IntakeAnswer{};
}

IntakeAnswer FrameIntake::submit(std::uint32_t index, std::uint64_t first, std::uint64_t last, std::size_t bytes,
                                 ValidatedBody body) {
  Stream& stream = streams_[index];
  const std::size_t lane = std::min<std::size_t>(stream.key.lane, 1);
  const std::size_t credit = lane == 0 ? limits_.credit_live_bytes : limits_.credit_backfill_bytes;
  if (outstanding_[lane] > credit + limits_.message_bytes) {
    return {std::nullopt, 4100, "more unacknowledged bytes than Welcome allowed"};
  }
  if (first > stream.next) {
    ValidatedBody hole;
    hole.gaps.push_back({device_, {}, 0, services_.clock.now_us(), 0, false, GapReason::missing_before, "hub"});
    IntakeAnswer answer = submit(index, stream.next, first - 1, 0, std::move(hole));
    if (answer.close_code != 0) return answer;
  }
  StoredFrame stored;
  stored.stream = stream.key;
  stored.first_sequence = first;
  stored.last_sequence = last;
  stored.received_at_us = services_.clock.now_us();
  stored.flags = body.flags | (lane == 1 ? kBackfilled : 0u);
  stored.columns = std::move(body.columns);
  stored.gaps = std::move(body.gaps);
  stream.next = std::max(stream.next, last + 1);

  ++counters_.frames;
  counters_.bytes += bytes;
  counters_.readings += stored.reading_count();
  counters_.rejected_readings += body.rejected_readings;
  outstanding_[lane] += bytes;
  budget_.outstanding_bytes += bytes;
  services_.readings.append(std::move(stored),
                            [inbox = inbox_, session = session_, index, bytes](Result<AppendResult> result) {
                              AppendReply reply{session, index, bytes, {}, {}};
                              if (result) {
                                reply.result = *result;
                              } else {
                                reply.error = result.error();
                              }
                              AckInbox::put(inbox, std::move(reply));
                            });
  return {};
}

IntakeAnswer FrameIntake::replied(const AppendReply& reply) {
  Stream& stream = streams_[reply.stream];
  outstanding_[std::min<std::size_t>(stream.key.lane, 1)] -= reply.bytes;
  budget_.outstanding_bytes -= reply.bytes;
  if (reply.error) {
    return from_error(to_errc(reply.error), "the hub could not store a frame: " + reply.error.message());
  }
  if (reply.result.duplicate) ++counters_.duplicates;
  stream.stored = std::max(stream.stored, reply.result.stored);
  stream.dirty = true;
  return {};
}

std::optional<telemetry::v1::FrameAck> FrameIntake::take_ack() {
  telemetry::v1::FrameAck ack;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (!std::exchange(streams_[i].dirty, false)) continue;
    auto* out = ack.add_streams();
    out->set_stream(static_cast<std::uint32_t>(i));
    out->set_stored(streams_[i].stored);
  }
  if (ack.streams_size() == 0) return std::nullopt;
  // A rejection is told once its frame is consumed for good.
  const auto told = std::stable_partition(
      rejected_.begin(), rejected_.end(),
      [this](const telemetry::v1::Rejection& r) { return r.sequence() > streams_[r.stream()].stored; });
  for (auto it = told; it != rejected_.end(); ++it) *ack.add_rejected() = std::move(*it);
  rejected_.erase(told, rejected_.end());
  return ack;
}

}  // namespace hub
