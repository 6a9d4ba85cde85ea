// Calling off what was asked of a store.
#pragma once

#include <atomic>
#include <memory>

namespace hub {

/// Whether an answer is still wanted. Copies share one state; any thread. One that was not made with `make` can be
/// cancelled by nobody.
class Cancellation {
 public:
  static Cancellation make() {
    Cancellation made;
    made.flag_ = std::make_shared<std::atomic<bool>>(false);
    return made;
  }
  void cancel() const {
    if (flag_) *flag_ = true;
  }
  bool is_cancelled() const { return flag_ && *flag_; }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace hub
