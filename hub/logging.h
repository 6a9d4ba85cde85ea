// The hub's log: one logger object, made in main and given to constructors.
#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace hub {

/// Writes to stderr; thread-safe. `level` and `format` as Settings allows them. Text: "2026-11-23T10:00:00.000Z info
/// …"; json: {"time", "level", "message"} a line. Never give it secrets.
std::shared_ptr<spdlog::logger> make_logger(const std::string& level, const std::string& format);

}  // namespace hub
