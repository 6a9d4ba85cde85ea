// What devices are to trust, as it is now.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace hub {

/// The hub's CAs: the one that signs now, and its successor once there is one. Any thread.
class CaBundle {
 public:
  struct Text {
    std::string pem;                // all of them; what a device keeps
    std::string sha256;             // of `pem`, 32 bytes: devices say which bundle they have
    std::string signer_sha256_hex;  // of the CA that has signed the server certificate: what enrolment pins
  };

  std::shared_ptr<const Text> get() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void set(Text text) {
    auto changed = std::make_shared<const Text>(std::move(text));
    const std::lock_guard lock(mutex_);
    text_.swap(changed);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Text> text_ = std::make_shared<const Text>();
};

}  // namespace hub
