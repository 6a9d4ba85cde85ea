// An agent that was started more often, while the hub was away, than one Hello can tell.
#include <set>

#include "tests/unit/device-agent/link/link_fixture.h"

namespace agent::link_test {
namespace {

TEST_F(LinkTest, more_starts_than_a_hello_can_name_are_sent_in_several_sessions) {
  constexpr int kStarts = 20;
  for (int start = 1; start <= kStarts; ++start) {
    open_spool(static_cast<std::uint8_t>(start + 100));
    append(1);
    ASSERT_TRUE(spool->flush());
  }
  open_spool(2);
  append(0);
  limits.hello_streams = 10;
  start();
  std::vector<std::string> sent_epochs;
  int sessions = 0;
  bool is_all = false;
  while (!is_all && sessions < 10) {
    hub.until_connected(++sessions);
    const auto hello = hub.welcome();
    ASSERT_LE(hello.streams_size(), 10);
    EXPECT_EQ(hello.streams(hello.streams_size() - 1).epoch(), std::string(16, '\2')) << "this start is always there";
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    is_all = hello.streams_size() < 10;
    link->tick();
    hub.settle();
    EXPECT_TRUE(link->is_welcomed()) << "not before what was named is at the hub";
    for (int i = 0; i + 2 < hello.streams_size(); ++i) {
      sent_epochs.push_back(hello.streams(i).epoch());
      hub.acknowledge(static_cast<std::uint32_t>(i), 1);
    }
    hub.settle();
    link->tick();
  }
  EXPECT_EQ(sessions, 3);
  EXPECT_EQ(sent_epochs.size(), kStarts);
  const std::set<std::string> different(sent_epochs.begin(), sent_epochs.end());
  EXPECT_EQ(different.size(), kStarts) << "each once";
  EXPECT_TRUE(link->is_welcomed()) << "and then the session stays";
}

}  // namespace
}  // namespace agent::link_test
