// The NATS client protocol over TCP or TLS, one subject.
#include <charconv>

#include "session.h"

namespace bench {
namespace {

constexpr std::string_view kEnd = "\r\n";

class NatsSession final : public Session {
 public:
  NatsSession(Role role, std::size_t payload_bytes, bool over_tls)
      : role_(role), payload_bytes_(payload_bytes), over_tls_(over_tls) {}

  /// INFO {…}, before TLS.
  std::optional<std::size_t> greeting(std::string_view in) override {
    const std::size_t end = in.find(kEnd);
    return end == std::string_view::npos ? 0 : end + kEnd.size();
  }

  void start(std::string& out) override {
    out += std::string("CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"tls_required\":") +
           (over_tls_ ? "true" : "false") + "}\r\n";
    if (role_ == Role::subscriber) out += "SUB t 1\r\n";
    out += "PING\r\n";
  }

  std::optional<std::size_t> take(std::string_view in, std::string& out, Receipts& receipts) override {
    std::size_t taken = 0;
    for (;;) {
      const std::string_view rest = in.substr(taken);
      const std::size_t end = rest.find(kEnd);
      if (end == std::string_view::npos) return taken;
      const std::string_view line = rest.substr(0, end);
      std::size_t used = end + kEnd.size();
      if (line.starts_with("MSG ")) {
        const std::size_t blank = line.rfind(' ');
        std::size_t size = 0;
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), size);
        if (rest.size() < used + size + kEnd.size()) return taken;
        const auto stamp = stamp_of(rest.substr(used, size));
        if (!stamp) return fail("a NATS message without a stamp");
        receipts.arrived(*stamp);
        used += size + kEnd.size();
      } else if (line == "PING") {
        out += "PONG\r\n";
      } else if (line == "PONG") {
        ready_ = true;
      } else if (line.starts_with("-ERR")) {
        return fail(std::string(line));
      }
      taken += used;
    }
  }

  bool is_ready() const override { return ready_; }
  bool publish(std::int64_t stamp_ns, std::string& out) override {
    out += "PUB t " + std::to_string(payload_bytes_) + "\r\n" + stamped(stamp_ns, payload_bytes_) + "\r\n";
    return true;
  }

 private:
  const Role role_;
  const std::size_t payload_bytes_;
  const bool over_tls_;
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Session> make_nats_session(Role role, std::size_t payload_bytes, bool over_tls) {
  return std::make_unique<NatsSession>(role, payload_bytes, over_tls);
}

}  // namespace bench
