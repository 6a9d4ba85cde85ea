// The hub's expected failures. One table (describe) maps each to an HTTP status, a problem type and a device close
// code.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hub {

using base::error_code;
using base::Result;

enum class errc {
  ok = 0,
  invalid_argument,  // a field is wrong; details name it
  unauthenticated,   // no or wrong credential
  forbidden,         // signed in, not allowed
  not_found,
  conflict,  // exists already, wrong state, stale If-Match
  gone,      // expired token, too-old position
  too_large,
  rate_limited,
  busy,         // a bounded queue is full
  unavailable,  // disk full, shutting down
  timed_out,
  cancelled,
  storage_failed,       // SQLite or the disk said no
  storage_damaged,      // checksum, torn file
  unsupported_version,  // a file or peer newer than this program
  refused_frame,
  need_definitions,
  internal,
};

struct ErrorDescription {
  std::string_view name;   // "invalid_argument"; problem+json type is /problems/<name>
  std::string_view title;  // "Invalid argument"
  int http_status;
  std::uint16_t close_code;  // WebSocket: 4000–4099 do not retry, 4100–4199 back off, 4200–4299 reconnect now
};
const ErrorDescription& describe(errc e);

const boost::system::error_category& hub_category();
inline error_code make_error_code(errc e) {
  return {static_cast<int>(e), hub_category()};
}
/// errc::internal where `ec` is of another category.
errc to_errc(const error_code& ec);

/// An errc with the sentence a person needs: which field, which limit, what is allowed. Used where REST and sessions
/// answer.
struct Problem {
  errc code = errc::internal;
  std::string detail;
  std::string field;  // JSON pointer or parameter name; may be empty
};
/// Value or Problem: for operations whose failure a user reads.
template <class T>
using Outcome = boost::system::result<T, Problem>;
[[noreturn]] void throw_exception_from_error(const Problem& problem, const boost::source_location& where);

}  // namespace hub

template <>
struct boost::system::is_error_code_enum<hub::errc> : std::true_type {};
