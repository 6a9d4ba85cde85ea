// An Identity on a hub.db of its own, with a clock that stands still.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hub/identity/identity.h"
#include "tests/fakes/hub_fixture.h"

namespace hub {

using fakes::answer_of;

inline constexpr std::int64_t kMinute_us = 60 * 1'000'000LL;
inline constexpr const char* kHere = "192.0.2.1";
inline constexpr const char* kPassword = "correct horse";

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() { start(); }
  ~IdentityTest() override { stop(); }
  void stop() {
    identity.reset();
    if (control) control->flush();  // what was posted still calls this fixture
    control.reset();
  }

  void start() {
    control = std::make_unique<base::Worker>("control");
    identity = std::make_unique<Identity>(*files.credentials, *control, clock, random);
    identity->on_device_created([this](const DeviceRecord& device) {
      EXPECT_TRUE(control->is_current());
      created.push_back(device);
    });
    identity->on_device_revoked([this](const DeviceId& device) {
      EXPECT_TRUE(control->is_current());
      revoked.push_back(device);
    });
  }
  void restart() {
    stop();
    files.reopen();
    start();
  }
  Outcome<SessionGrant> set_up(const std::string& code, const std::string& name = "ann",
                               const std::string& password = kPassword) {
    return answer_of<SessionGrant>([&](auto done) { identity->set_up(code, name, password, kHere, done); });
  }
  Outcome<SessionGrant> sign_in(const std::string& name, const std::string& password,
                                const std::string& remote = kHere) {
    return answer_of<SessionGrant>([&](auto done) { identity->sign_in(name, password, remote, done); });
  }
  Outcome<UserId> put_user(const std::string& name, Role role, const std::string& password = kPassword) {
    return answer_of<UserId>([&](auto done) { identity->put_user(name, password, role, {kEveryDevice}, done); });
  }
  Outcome<bool> remove_user(const std::string& name) {
    return answer_of<bool>([&](auto done) { identity->remove_user(name, done); });
  }
  Outcome<Enrolment> create_enrolment(EnrolmentRequest request = {}) {
    return answer_of<Enrolment>([&](auto done) { identity->create_enrolment(request, done); });
  }
  Outcome<DeviceGrant> redeem(const std::string& token, const std::string& name = "",
                              std::map<std::string, std::string> attributes = {}) {
    return answer_of<DeviceGrant>([&](auto done) { identity->redeem_enrolment(token, name, attributes, done); });
  }
  Outcome<DeviceGrant> create_device(const std::string& name) {
    return answer_of<DeviceGrant>([&](auto done) { identity->create_device(name, {}, done); });
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  base::SystemRandom random;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<Identity> identity;
  std::vector<DeviceRecord> created;
  std::vector<DeviceId> revoked;
};

}  // namespace hub
