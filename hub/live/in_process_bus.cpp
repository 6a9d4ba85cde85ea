// The bus of a single hub: publishers call the sinks themselves.
#include <algorithm>
#include <mutex>
#include <vector>

#include "hub/live/bus.h"

namespace hub {
namespace {

/// Publishers take a snapshot of the sinks under a short lock and deliver without it, one at a time per sink: a sink
/// never sees two deliver() at once, and unsubscribe() waits for the one that runs. Holds no items: what is bounded is
/// each sink's own queue.
class InProcessBus final : public Bus {
 public:
  void publish(BusItem item) override {
    const auto sinks = snapshot();
    for (const auto& entry : *sinks) {
      const std::lock_guard delivering(entry->delivering);
      if (!entry->gone) entry->sink->deliver(item);
    }
  }

  void subscribe(std::shared_ptr<BusSink> sink) override {
    auto entry = std::make_shared<Entry>();
    entry->sink = std::move(sink);
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<Entries>(*entries_);
    changed->push_back(std::move(entry));
    entries_ = std::move(changed);
  }

  void unsubscribe(const std::shared_ptr<BusSink>& sink) override {
    Entries removed;
    {
      const std::lock_guard lock(mutex_);
      auto changed = std::make_shared<Entries>();
      for (const auto& entry : *entries_) (entry->sink == sink ? removed : *changed).push_back(entry);
      entries_ = std::move(changed);
    }
    for (const auto& entry : removed) {
      const std::lock_guard delivering(entry->delivering);
      entry->gone = true;
    }
  }

 private:
  struct Entry {
    std::shared_ptr<BusSink> sink;
    std::mutex delivering;
    bool gone = false;
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;

  std::shared_ptr<const Entries> snapshot() {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

  std::mutex mutex_;
  std::shared_ptr<const Entries> entries_ = std::make_shared<Entries>();  // replaced, never changed
};

}  // namespace

std::unique_ptr<Bus> make_in_process_bus() {
  return std::make_unique<InProcessBus>();
}

}  // namespace hub
