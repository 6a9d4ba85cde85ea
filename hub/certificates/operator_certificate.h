// The operator's own certificate (from a public CA, or the company's), shown to browsers and programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/core/errc.h"
#include "wire/tls_context.h"

namespace hub {

/// Two files that somebody else writes (certbot, an administrator, a configuration system), looked at again and again.
/// What they hold is used only while it is a whole, fitting pair: a renewal that is half written, or went wrong, leaves
/// the pair before it in use. Of one thread.
class OperatorCertificate {
 public:
  static constexpr std::size_t kMaxFileBytes = 256 * 1024;

  OperatorCertificate(std::string certificate_file, std::string key_file);

  enum class Look { same, changed, bad };
  /// Reads the files where they are not as they were at the last look. `changed`: pair() is another one. `bad`: they
  /// changed into something that cannot be used, said by problem() (once for each change).
  Look look();
  const std::optional<wire::KeyAndCertificate>& pair() const { return pair_; }
  /// Names the file and what is wrong with it.
  const std::string& problem() const { return problem_; }

 private:
  std::string certificate_file_, key_file_;
  std::string seen_;  // what stat() said of both
  std::optional<wire::KeyAndCertificate> pair_;
  std::string problem_;
};

}  // namespace hub
