// What can go wrong on a wire.
#pragma once

#include <boost/system/error_code.hpp>

#include "base/result.h"

namespace wire {

enum class errc {
  ok = 0,
  malformed,  // bytes that do not parse, or columns that do not fit together
  too_large,
  unknown_alias,      // a column names an alias that was never defined
  conflicting_alias,  // an alias was defined again as something else
  backlog_full,
  closed,
  timed_out,
  tls_failed,           // handshake refused or broken
  certificate_refused,  // the peer does not take ours
  certificate_untrusted,
  host_mismatch,
  upgrade_refused,  // the server answered the upgrade with a status
  bad_certificate,  // PEM that does not parse, or a key that does not fit
  text_message,
  not_tls,        // what answers speaks something else
  proxy_refused,  // the proxy answered CONNECT with a status
  not_a_proxy,    // what answers CONNECT does not speak HTTP
};

const boost::system::error_category& wire_category();
inline base::error_code make_error_code(errc e) {
  return {static_cast<int>(e), wire_category()};
}

}  // namespace wire

template <>
struct boost::system::is_error_code_enum<wire::errc> : std::true_type {};
