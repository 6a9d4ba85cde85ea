// Certificate authorities that follow one another, so that no device is ever left with none that is valid.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "wire/tls_context.h"

namespace hub {

/// FILE.pem with FILE.key, then FILE-2.pem with FILE-2.key, and so on: each valid ten years, the next one made when
/// less than eighteen months of the newest are left. None is ever removed or replaced. Which one signs follows from
/// the dates alone: nothing is to be moved, nothing can be torn by a crash, and a clock that was wrong for a day has
/// no lasting effect but one CA more.
class AuthorityLine {
 public:
  static constexpr std::int64_t kOverlap_s = 548 * std::int64_t{86'400};  // the next one is known this long before
  static constexpr std::int64_t kHandOver_s = 183 * std::int64_t{86'400};
  static constexpr std::int64_t kKnown_s = 30 * std::int64_t{86'400};
  static constexpr std::size_t kMost = 8;  // past it none is made: only a clock that jumps about could get there

  /// Makes what is missing. One without its key is an error, never a reason for a new one: devices trust it.
  static Outcome<AuthorityLine> open(const std::string& file, const std::string& common_name, std::int64_t now_s);

  /// The oldest with more than half a year to go: whoever has to know it first has had a year by then. A hub that was
  /// off for that year tells of its successor for a month, or as long as the old one lives, before it signs.
  const wire::KeyAndCertificate& signer_once_known(std::int64_t now_s) const;
  /// The newest that has begun: one that was made while the clock was years ahead waits until then.
  const wire::KeyAndCertificate& newest(std::int64_t now_s) const;
  /// All of them, oldest first. One that has ended does no harm, and a clock may be wrong.
  std::string bundle_pem() const;

 private:
  struct Member {
    wire::KeyAndCertificate pair;
    std::int64_t not_before_s = 0, not_after_s = 0;
  };
  std::vector<Member> members_;
};

}  // namespace hub
