// One session's frames on their way into the store: streams, aliases, validation, submission, acknowledgement.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/ingest/ack_inbox.h"
#include "hub/ingest/device_gateway.h"
#include "hub/ingest/frame_validator.h"
#include "hub/ingest/ingest_counters.h"
#include "hub/ingest/series_aliases.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

/// What the session must tell the device after a message, or why it must end.
struct IntakeAnswer {
  std::optional<telemetry::v1::NeedDefinitions> need_definitions;
  std::uint16_t close_code = 0;  // not 0: end the session
  std::string reason;
};

/// Lives in its DeviceSession, on its core. Submits every stream without holes: what the device skipped becomes a
/// `missing_before` gap first, and a frame that could not be stored ends the session, so that the store never sees a
/// later frame of that stream and the device resends from the cursor. Unacknowledged bytes are bounded by the credits
/// of each lane.
class FrameIntake {
 public:
  FrameIntake(std::uint64_t session, DeviceId device, const IngestServices& services, const IngestLimits& limits,
              IngestCounters& counters, IngestBudget& budget, std::shared_ptr<AckInbox> inbox);
  ~FrameIntake();

  /// Takes over the streams of a checked Hello; fills Welcome.streams. Records what the device no longer holds as gaps.
  boost::asio::awaitable<IntakeAnswer> open(const telemetry::v1::Hello& hello, telemetry::v1::Welcome& welcome);
  boost::asio::awaitable<IntakeAnswer> frame(const telemetry::v1::Frame& frame);
  boost::asio::awaitable<IntakeAnswer> gap(const telemetry::v1::GapFrame& gap);
  boost::asio::awaitable<IntakeAnswer> definitions(const telemetry::v1::Definitions& definitions);

  /// A reply of the store. An error ends the session.
  IntakeAnswer replied(const AppendReply& reply);
  /// What has become acknowledgeable since the last call; nothing where nothing has.
  std::optional<telemetry::v1::FrameAck> take_ack();
  bool is_over_budget() const;
  std::size_t outstanding_bytes() const { return outstanding_[0] + outstanding_[1]; }

 private:
  struct Stream {
    StreamKey key;
    std::uint64_t next = 1;         // the sequence that comes next without a hole
    std::uint64_t waiting_for = 0;  // not 0: definitions were asked for with this frame; later ones come again
    std::uint64_t stored = 0;
    bool dirty = false;
  };

  Stream* find(std::uint32_t index);
  /// Registers what is new in `definitions`. A Problem with code refused_frame blames the definitions, others the hub.
  boost::asio::awaitable<Outcome<bool>> define(
      Stream& stream, const google::protobuf::RepeatedPtrField<telemetry::v1::SeriesDefinition>& definitions);
  IntakeAnswer submit(std::uint32_t index, std::uint64_t first, std::uint64_t last, std::size_t bytes,
                      ValidatedBody body);
  ValidatedBody consume_refused(std::uint32_t index, std::uint64_t sequence, const std::string& why);
  ValidationContext context() const;

  const std::uint64_t session_;
  const DeviceId device_;
  const IngestServices& services_;
  const IngestLimits& limits_;
  IngestCounters& counters_;
  IngestBudget& budget_;
  std::shared_ptr<AckInbox> inbox_;
  std::vector<Stream> streams_;
  std::map<base::Id128, SeriesAliases> aliases_;
  std::size_t outstanding_[2] = {0, 0};  // by lane
  std::vector<telemetry::v1::Rejection> rejected_;
  telemetry::v1::FrameBody body_;  // reused: parsing allocates nothing once warm
  FrameValidator validator_;
};

}  // namespace hub
