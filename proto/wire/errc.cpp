#include "wire/errc.h"

namespace wire {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "wire"; }
  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::ok:
        return "ok";
      case errc::malformed:
        return "malformed bytes";
      case errc::too_large:
        return "too large";
      case errc::unknown_alias:
        return "unknown alias";
      case errc::conflicting_alias:
        return "conflicting alias";
      case errc::backlog_full:
        return "the peer does not read what it is sent";
      case errc::closed:
        return "the connection is closed";
      case errc::timed_out:
        return "timed out";
      case errc::tls_failed:
        return "TLS failed";
      case errc::certificate_refused:
        return "the peer does not accept this side's certificate";
      case errc::certificate_untrusted:
        return "the certificate is not trusted";
      case errc::host_mismatch:
        return "the certificate is for another host";
      case errc::upgrade_refused:
        return "the server refused the upgrade";
      case errc::bad_certificate:
        return "not a certificate or key of the expected form";
      case errc::text_message:
        return "a text message where binary ones are spoken";
      case errc::not_tls:
        return "what answers does not speak TLS";
      case errc::proxy_refused:
        return "the proxy refused";
      case errc::not_a_proxy:
        return "what answers is no HTTP proxy";
    }
    return "unknown";
  }
};

}  // namespace

const boost::system::error_category& wire_category() {
  static const Category category;
  return category;
}

}  // namespace wire
