#include "hub/identity/approval_desk.h"

#include "identity_fixture.h"
#include "tests/fakes/on_worker.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

const std::string kCa(64, 'a');

class ApprovalDeskTest : public IdentityTest {
 protected:
  ApprovalDeskTest() {
    identity->issue_certificates_with(wire::make_certificate_authority("device CA").value(), 86'400'000'000);
    desk = std::make_unique<ApprovalDesk>(*identity, *control, clock, random);
  }
  static std::string request() {
    return wire::make_signing_request(wire::make_private_key().value(), "device").value();
  }
  Outcome<ApprovalTicket> ask(const std::string& name = "", const std::string& remote = "192.0.2.1",
                              const std::string& csr = request()) {
    return fakes::on_worker(*control, [&] { return desk->ask({name, {{"model", "Pi 4"}}, csr, kCa, remote}); });
  }
  Outcome<std::optional<DeviceGrant>> collect(const std::string& secret) {
    return fakes::on_worker(*control, [&] { return desk->collect(secret); });
  }
  std::vector<ApprovalRequest> requests() {
    return fakes::on_worker(*control, [&] { return desk->requests(); });
  }
  Outcome<ApprovalRequest> approve(const std::string& id, const std::string& name = "") {
    return answer_of<ApprovalRequest>([&](auto done) {
      control->post([this, id, name, done] { desk->approve(id, name, {{"room", "attic"}}, done); });
    });
  }
  Outcome<bool> deny(const std::string& id) {
    return fakes::on_worker(*control, [&] { return desk->deny(id); });
  }

  std::unique_ptr<ApprovalDesk> desk;
};

TEST_F(ApprovalDeskTest, a_device_asks_an_admin_approves_the_device_collects) {
  const std::string csr = request();
  const auto ticket = ask("pump", "192.0.2.1", csr).value();
  EXPECT_EQ(ticket.code, wire::approval_code(csr, kCa).value());
  const auto waiting = requests();
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].code, ticket.code);
  EXPECT_EQ(waiting[0].name, "pump");
  EXPECT_EQ(waiting[0].attributes.at("model"), "Pi 4");
  EXPECT_EQ(waiting[0].address, "192.0.2.1");
  EXPECT_FALSE(collect(ticket.secret).value()) << "nobody has decided";

  const auto approved = approve(waiting[0].id);
  ASSERT_TRUE(approved) << approved.error().detail;
  EXPECT_EQ(approved->name, "pump");
  EXPECT_EQ(approved->state, ApprovalRequest::State::approved);
  const auto grant = collect(ticket.secret).value();
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->name, "pump");
  EXPECT_EQ(wire::read_certificate_info(grant->certificate_pem).value().common_name, grant->device.str());
  EXPECT_EQ(collect(ticket.secret).value()->device, grant->device) << "an answer may be lost";
  EXPECT_EQ(approve(waiting[0].id).error().code, errc::conflict);
  EXPECT_EQ(deny(waiting[0].id).error().code, errc::conflict);
  EXPECT_EQ(desk->counters().approved, 1u);
}

TEST_F(ApprovalDeskTest, an_admin_may_give_another_name_and_a_taken_one_decides_nothing) {
  const auto ticket = ask("pump").value();
  answer_of<DeviceGrant>([&](auto done) { identity->create_device("pump", {}, done); }).value();
  const auto id = requests().at(0).id;
  EXPECT_EQ(approve(id).error().code, errc::conflict);
  EXPECT_EQ(requests().at(0).state, ApprovalRequest::State::pending);
  EXPECT_EQ(approve(id, "pump two").value().name, "pump two");
  EXPECT_EQ(collect(ticket.secret).value()->name, "pump two");
}

TEST_F(ApprovalDeskTest, who_is_denied_is_told_and_seen_no_more) {
  const auto ticket = ask().value();
  EXPECT_TRUE(deny(requests().at(0).id));
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(collect(ticket.secret).error().code, errc::forbidden);
}

TEST_F(ApprovalDeskTest, a_request_lives_ten_minutes) {
  const auto ticket = ask().value();
  const auto id = requests().at(0).id;
  clock.advance(ApprovalDesk::kLife_us - 1);
  EXPECT_EQ(requests().size(), 1u);
  clock.advance(1);
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(collect(ticket.secret).error().code, errc::not_found);
  EXPECT_EQ(approve(id).error().code, errc::not_found);
  EXPECT_EQ(desk->counters().expired, 1u);
}

TEST_F(ApprovalDeskTest, nobody_fills_the_desk_alone_and_nobody_is_pushed_out) {
  for (std::size_t i = 0; i < ApprovalDesk::kMostOfAddress; ++i) EXPECT_TRUE(ask());
  EXPECT_EQ(ask().error().code, errc::busy);
  const auto other = ask("other", "192.0.2.2");
  ASSERT_TRUE(other);
  for (int n = 3; requests().size() < ApprovalDesk::kMost; ++n) {
    ASSERT_TRUE(ask("", "192.0.2." + std::to_string(n)));
  }
  EXPECT_EQ(ask("", "198.51.100.1").error().code, errc::busy);
  EXPECT_TRUE(collect(other->secret)) << "it still waits";
  clock.advance(ApprovalDesk::kLife_us);
  EXPECT_TRUE(ask("", "198.51.100.1"));
}

TEST_F(ApprovalDeskTest, an_address_asks_ten_times_and_then_every_half_minute) {
  for (int i = 0; i < 10; ++i) (void)ask();
  EXPECT_EQ(ask().error().code, errc::rate_limited);
  clock.advance(ApprovalDesk::kLife_us);
  EXPECT_TRUE(ask());
}

TEST_F(ApprovalDeskTest, what_is_no_request_for_a_key_is_refused) {
  for (const std::string& bad : {std::string("nonsense"), std::string(), std::string(5'000, 'x')}) {
    const auto asked = ask("", "192.0.2.1", bad);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, errc::invalid_argument);
    EXPECT_EQ(asked.error().field, "/csr");
  }
  EXPECT_EQ(collect("no such secret").error().code, errc::not_found);
  EXPECT_EQ(collect(std::string(10'000, 'x')).error().code, errc::not_found);
}

}  // namespace
}  // namespace hub
