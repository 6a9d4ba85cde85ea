// What the route table is made of, and how a target finds its route.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/identity/principal.h"
#include "hub/web/call.h"

namespace hub::web {

/// Who may call. There is no default: a route that does not say does not compile.
class Access {
 public:
  Access() = delete;
  /// Signed in and allowed `operation` by authorize().
  constexpr explicit(false) Access(Operation operation) : operation_(operation) {}
  /// No credential needed: signing in itself, health, documents.
  static constexpr Access anyone() { return Access(Kind::anyone); }
  /// Any signed-in user, or a program for one, about themselves.
  static constexpr Access self() { return Access(Kind::self); }
  /// A user who has signed in with a password: what a lost token must not lead to.
  static constexpr Access in_person() { return Access(Kind::in_person); }

  constexpr bool is_anyone() const { return kind_ == Kind::anyone; }
  constexpr bool is_in_person() const { return kind_ == Kind::in_person; }
  constexpr std::optional<Operation> operation() const {
    return kind_ == Kind::operation ? std::optional(operation_) : std::nullopt;
  }

 private:
  enum class Kind : std::uint8_t { operation, anyone, self, in_person };
  constexpr explicit Access(Kind kind) : kind_(kind) {}
  Kind kind_ = Kind::operation;
  Operation operation_{};
};

struct Route {
  std::string_view method;  // GET also answers HEAD
  std::string_view path;    // "/api/v1/devices/{device}"; {device} takes an id or a name
  Access access;
  Handler handler;
};

struct RouteMatch {
  const Route* route = nullptr;                          // null: `allowed` says which methods the path has
  std::map<std::string, std::string, std::less<>> path;  // template name → segment
  std::string allowed;                                   // "GET, HEAD, POST"; empty: no such path
};
RouteMatch match(std::span<const Route> table, std::string_view method, const std::vector<std::string>& segments);

/// The API's index.
std::span<const Route> routes();

}  // namespace hub::web
