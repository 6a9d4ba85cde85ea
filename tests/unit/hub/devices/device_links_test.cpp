#include "hub/devices/device_links.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace hub {
namespace {

const DeviceId kPump("d-pump");

struct Peer {
  std::vector<HubMessagePtr> sent;
  std::vector<std::uint16_t> closes;
  bool full = false;
  DeviceLinks::Link link() {
    return {[this](HubMessagePtr message) {
              if (full) return false;
              sent.push_back(std::move(message));
              return true;
            },
            [this](std::uint16_t code, const char*) { closes.push_back(code); }};
  }
};

HubMessagePtr message() {
  return std::make_shared<const telemetry::v1::HubMessage>();
}

TEST(DeviceLinks, message_reaches_the_connected_device) {
  DeviceLinks links;
  Peer peer;
  EXPECT_FALSE(links.send(kPump, message()));
  links.attach(kPump, peer.link());
  EXPECT_TRUE(links.is_connected(kPump));
  const auto sent = message();
  EXPECT_TRUE(links.send(kPump, sent));
  ASSERT_EQ(peer.sent.size(), 1u);
  EXPECT_EQ(peer.sent[0], sent);
  peer.full = true;
  EXPECT_FALSE(links.send(kPump, message()));
}

TEST(DeviceLinks, newer_session_fences_the_older) {
  DeviceLinks links;
  Peer older, newer;
  const auto first = links.attach(kPump, older.link());
  const auto second = links.attach(kPump, newer.link());
  EXPECT_EQ(older.closes, (std::vector<std::uint16_t>{4201}));
  EXPECT_TRUE(newer.closes.empty());
  EXPECT_TRUE(links.send(kPump, message()));
  EXPECT_TRUE(older.sent.empty());
  EXPECT_EQ(newer.sent.size(), 1u);

  EXPECT_FALSE(links.detach(kPump, first));
  EXPECT_TRUE(links.is_connected(kPump));
  EXPECT_TRUE(links.detach(kPump, second));
  EXPECT_FALSE(links.is_connected(kPump));
  EXPECT_FALSE(links.detach(kPump, second));
  EXPECT_EQ(links.size(), 0u);
}

TEST(DeviceLinks, close_asks_the_session_and_leaves_it_attached) {
  DeviceLinks links;
  Peer peer;
  links.attach(kPump, peer.link());
  links.close(kPump, 4003, "revoked");
  links.close(DeviceId("d-other"), 4003, "revoked");
  EXPECT_EQ(peer.closes, (std::vector<std::uint16_t>{4003}));
  EXPECT_EQ(links.size(), 1u);
}

TEST(DeviceLinks, fenced_session_may_call_back) {
  DeviceLinks links;
  std::uint64_t first = 0;
  bool was_current = true;
  first = links.attach(kPump, {[](HubMessagePtr) { return true; },
                               [&](std::uint16_t, const char*) { was_current = links.detach(kPump, first); }});
  Peer newer;
  links.attach(kPump, newer.link());
  EXPECT_FALSE(was_current);
  EXPECT_TRUE(links.is_connected(kPump));
}

TEST(DeviceLinks, sessions_come_and_go_while_messages_are_sent) {
  DeviceLinks links;
  auto received = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> ending{false};
  std::thread sender([&] {
    while (!ending) links.send(kPump, message());
  });
  for (int i = 0; i < 2000; ++i) {
    const auto session = links.attach(kPump, {[received](HubMessagePtr) { return ++*received > 0; }, nullptr});
    if (i % 2 == 0) links.detach(kPump, session);
  }
  ending = true;
  sender.join();
  EXPECT_EQ(links.size(), 1u);
}

}  // namespace
}  // namespace hub
