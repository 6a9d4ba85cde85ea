#include "hub/devices/device_links.h"

#include <utility>

namespace hub {
namespace {
constexpr std::uint16_t kReplaced = 4201;
}

std::uint64_t DeviceLinks::attach(const DeviceId& device, Link link) {
  auto added = std::make_shared<const Link>(std::move(link));
  std::shared_ptr<const Link> older;
  std::uint64_t session = 0;
  {
    const std::lock_guard lock(mutex_);
    session = next_session_++;
    auto& entry = links_[device];
    older = std::exchange(entry.link, std::move(added));
    entry.session = session;
  }
  if (older && older->close) older->close(kReplaced, "replaced by a newer connection of this device");
  return session;
}

bool DeviceLinks::detach(const DeviceId& device, std::uint64_t session) {
  std::shared_ptr<const Link> ended;  // destroyed after the lock: it may own what takes locks
  const std::lock_guard lock(mutex_);
  const auto found = links_.find(device);
  if (found == links_.end() || found->second.session != session) return false;
  ended = std::move(found->second.link);
  links_.erase(found);
  return true;
}

bool DeviceLinks::send(const DeviceId& device, HubMessagePtr message) {
  std::shared_ptr<const Link> link;
  {
    const std::lock_guard lock(mutex_);
    const auto found = links_.find(device);
    if (found == links_.end()) return false;
    link = found->second.link;
  }
  return link->send && link->send(std::move(message));
}

void DeviceLinks::close(const DeviceId& device, std::uint16_t close_code, const char* reason) {
  std::shared_ptr<const Link> link;
  {
    const std::lock_guard lock(mutex_);
    const auto found = links_.find(device);
    if (found == links_.end()) return;
    link = found->second.link;
  }
  if (link->close) link->close(close_code, reason);
}

bool DeviceLinks::is_connected(const DeviceId& device) const {
  const std::lock_guard lock(mutex_);
  return links_.contains(device);
}

std::size_t DeviceLinks::size() const {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

std::vector<std::pair<DeviceId, std::string>> DeviceLinks::sent_for() const {
  std::vector<std::pair<DeviceId, std::string>> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [device, entry] : links_) {
    if (!entry.link->api_token_key.empty()) found.emplace_back(device, entry.link->api_token_key);
  }
  return found;
}

std::vector<DeviceId> DeviceLinks::expired(std::int64_t now_us) const {
  std::vector<DeviceId> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [device, entry] : links_) {
    if (entry.link->ends_us != 0 && now_us >= entry.link->ends_us) found.push_back(device);
  }
  return found;
}

}  // namespace hub
