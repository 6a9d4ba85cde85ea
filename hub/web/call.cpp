#include "hub/web/call.h"

#include "hub/web/cookies.h"
#include "hub/web/sign_in.h"

namespace hub::web {

std::string_view Call::session_token() const {
  return cookie_value(request.header("Cookie"), kSessionCookie);
}

Outcome<Principal> Call::sign_in() const {
  return web::sign_in(services.identity, request);
}

Problem no_such(std::string_view what) {
  return {errc::not_found, "there is no " + std::string(what), ""};
}

Problem storage_problem(const error_code& ec) {
  const errc code = to_errc(ec);
  switch (code) {
    case errc::busy:
      return {code, "the store has more queries waiting than it can queue; try again", ""};
    case errc::timed_out:
      return {code, "the query took longer than 30 s; ask for a shorter range or a width", ""};
    case errc::unavailable:
      return {code, "the store is not available: shutting down, or its disk is full", ""};
    case errc::invalid_argument:
      return {code, "the cursor is not one that this query gave", "/cursor"};
    default:
      return {code, "the store could not answer: " + ec.message(), ""};
  }
}

}  // namespace hub::web
