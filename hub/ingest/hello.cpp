#include "hub/ingest/hello.h"

#include <set>
#include <utility>

#include "wire/frame_codec.h"

namespace hub {

std::optional<Problem> check_hello(const telemetry::v1::Hello& hello) {
  if (hello.required_version() > kProtocolVersion) {
    return Problem{errc::unsupported_version,
                   "the device requires protocol version " + std::to_string(hello.required_version()) +
                       "; this hub speaks " + std::to_string(kProtocolVersion),
                   {}};
  }
  if (hello.protocol_version() == 0) return Problem{errc::invalid_argument, "Hello.protocol_version is missing", {}};
  if (hello.process_id().size() != 16) return Problem{errc::invalid_argument, "Hello.process_id must be 16 bytes", {}};
  if (hello.streams_size() == 0) return Problem{errc::invalid_argument, "Hello.streams is empty", {}};
  if (hello.streams_size() > 4'096) return Problem{errc::invalid_argument, "Hello.streams: more than 4096", {}};
  std::set<std::pair<std::string, int>> seen;
  for (int i = 0; i < hello.streams_size(); ++i) {
    const auto& stream = hello.streams(i);
    const std::string where = "Hello.streams[" + std::to_string(i) + "]: ";
    if (stream.epoch().size() != 16) return Problem{errc::invalid_argument, where + "epoch must be 16 bytes", {}};
    if (stream.lane() != telemetry::v1::LANE_LIVE && stream.lane() != telemetry::v1::LANE_BACKFILL) {
      return Problem{errc::invalid_argument, where + "unknown lane " + std::to_string(stream.lane()), {}};
    }
    if (stream.next() != 0 && stream.first_held() > stream.next()) {
      return Problem{errc::invalid_argument, where + "first_held is past next", {}};
    }
    if (!seen.emplace(stream.epoch(), stream.lane()).second) {
      return Problem{errc::invalid_argument, where + "the same epoch and lane stand twice", {}};
    }
  }
  return std::nullopt;
}

std::map<std::string, std::string> attributes_of(const google::protobuf::Map<std::string, std::string>& said) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : said) {
    if (out.size() == 64) break;
    if (key.empty() || key.size() > 64 || value.size() > 256) continue;
    if (!wire::is_utf8(key) || !wire::is_utf8(value)) continue;
    out.emplace(key, value);
  }
  return out;
}

std::vector<CommandDescription> commands_of(const telemetry::v1::Hello& hello) {
  std::vector<CommandDescription> out;
  for (const auto& c : hello.commands()) {
    if (out.size() == 64) break;
    if (!wire::is_series_name(c.name()) || c.title().size() > 128 || c.arguments_schema_json().size() > 8'192) continue;
    if (!wire::is_utf8(c.title()) || !wire::is_utf8(c.arguments_schema_json())) continue;
    out.push_back({c.name(), c.title(), c.arguments_schema_json(), c.role(), c.confirm(), c.timeout_ms()});
  }
  return out;
}

}  // namespace hub
