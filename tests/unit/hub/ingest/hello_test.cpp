#include "hub/ingest/hello.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

telemetry::v1::Hello good() {
  telemetry::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_process_id(std::string(16, 'p'));
  auto& stream = *hello.add_streams();
  stream.set_epoch(std::string(16, 'e'));
  stream.set_first_held(1);
  stream.set_next(1);
  return hello;
}

TEST(Hello, a_good_one_passes) {
  EXPECT_FALSE(check_hello(good()));
}

TEST(Hello, each_fault_is_named) {
  auto expect = [](const char* words, auto change) {
    auto hello = good();
    change(hello);
    const auto problem = check_hello(hello);
    ASSERT_TRUE(problem) << words;
    EXPECT_NE(problem->detail.find(words), std::string::npos) << problem->detail;
  };
  expect("version 2", [](auto& h) { h.set_required_version(2); });
  expect("protocol_version", [](auto& h) { h.set_protocol_version(0); });
  expect("process_id", [](auto& h) { h.set_process_id("short"); });
  expect("streams is empty", [](auto& h) { h.clear_streams(); });
  expect("epoch must be 16 bytes", [](auto& h) { h.mutable_streams(0)->set_epoch("x"); });
  expect("unknown lane 7", [](auto& h) { h.mutable_streams(0)->set_lane(static_cast<telemetry::v1::Lane>(7)); });
  expect("first_held is past next", [](auto& h) { h.mutable_streams(0)->set_first_held(9); });
  expect("stand twice", [](auto& h) { *h.add_streams() = h.streams(0); });
  expect("more than 4096", [](auto& h) {
    for (int i = 0; i < 4'100; ++i) h.add_streams();
  });
}

TEST(Hello, attributes_and_commands_are_bounded) {
  auto hello = good();
  for (int i = 0; i < 100; ++i) {
    (*hello.mutable_attributes())["key" + std::to_string(i)] = "value";
    hello.add_commands()->set_name("command" + std::to_string(i));
  }
  EXPECT_EQ(attributes_of(hello.attributes()).size(), 64u);
  EXPECT_EQ(commands_of(hello).size(), 64u);

  auto odd = good();
  (*odd.mutable_attributes())["long"] = std::string(257, 'x');
  (*odd.mutable_attributes())["not.utf8"] = "\xff";
  (*odd.mutable_attributes())["model"] = "Raspberry Pi 5";
  odd.add_commands()->set_name("bad name");
  EXPECT_EQ(attributes_of(odd.attributes()), (std::map<std::string, std::string>{{"model", "Raspberry Pi 5"}}));
  EXPECT_TRUE(commands_of(odd).empty());
}

}  // namespace
}  // namespace hub
