#include "hub/core/errc.h"

#include <array>
#include <stdexcept>

namespace hub {
namespace {

// In the order of the enum.
constexpr std::array<ErrorDescription, 19> kTable{{
    {"ok", "OK", 200, 1000},
    {"invalid_argument", "Invalid argument", 400, 1008},
    {"unauthenticated", "Sign in first", 401, 4001},
    {"forbidden", "Not allowed", 403, 4003},
    {"not_found", "Not found", 404, 4004},
    {"conflict", "Conflict", 409, 4009},
    {"gone", "No longer valid", 410, 4010},
    {"too_large", "Too large", 413, 1009},
    {"rate_limited", "Too many requests", 429, 4101},
    {"busy", "The hub is busy", 503, 4102},
    {"unavailable", "Not available now", 503, 4103},
    {"timed_out", "Timed out", 504, 4104},
    {"cancelled", "Cancelled", 499, 1001},
    {"storage_failed", "Storage failed", 500, 1011},
    {"storage_damaged", "Stored data is damaged", 500, 1011},
    {"unsupported_version", "Version not supported", 501, 4011},
    {"refused_frame", "Frame refused", 422, 1007},
    {"need_definitions", "Series not defined", 422, 1007},
    {"internal", "Internal error", 500, 1011},
}};

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "hub"; }
  std::string message(int value) const override { return std::string(describe(static_cast<errc>(value)).title); }
};

}  // namespace

const ErrorDescription& describe(errc e) {
  const auto i = static_cast<std::size_t>(e);
  return i < kTable.size() ? kTable[i] : kTable.back();
}

const boost::system::error_category& hub_category() {
  static const Category category;
  return category;
}

errc to_errc(const error_code& ec) {
  if (!ec) return errc::ok;
  return ec.category() == hub_category() ? static_cast<errc>(ec.value()) : errc::internal;
}

void throw_exception_from_error(const Problem& problem, const boost::source_location&) {
  throw std::logic_error("Outcome without a value: " + problem.detail);
}

}  // namespace hub
