#include "hub/commands/command_service.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/fakes/device_desk.h"
#include "tests/fakes/failing_stores.h"
#include "tests/fakes/hub_fixture.h"
#include "tests/fakes/on_worker.h"

namespace hub {
namespace {

using enum ExecutionState;
using fakes::DeviceDesk;
using namespace telemetry::v1;
using State = hub::ExecutionState;
constexpr std::int64_t kSecond = 1'000'000;

/// hub.db, registry, links, the service, all on a control thread of their own; `on()` runs there.
class Commands : public testing::Test {
 protected:
  Commands() {
    device = files.enrol("pi").id;
    other = files.enrol("other").id;
    begin();
    on([&] {
      CommandDescription reboot{"reboot", "Reboot", "", "admin", true, 5'000};
      CommandDescription interval{"set-interval",
                                  "Set interval",
                                  R"({"type":"object","properties":{"ms":{"type":"integer","minimum":100}},)"
                                  R"("required":["ms"],"additionalProperties":false})",
                                  "",
                                  false,
                                  0};
      CommandDescription odd{"odd", "", R"({"pattern":"x"})", "", false, 0};
      registry->described(device, {}, {reboot, interval, odd});
    });
    control->flush();
  }
  ~Commands() override { end(); }

  void begin() {
    control = std::make_unique<base::Worker>("control");
    store = std::make_unique<fakes::FailingExecutionStore>(*files.executions);
    on([&] {
      registry = std::make_unique<DeviceRegistry>(*files.devices, *control, clock);
      service = std::make_unique<CommandService>(*store, *registry, links, *control, clock, random,
                                                 [this](Event e) { published.push_back(std::move(e)); });
      ASSERT_TRUE(service->start());
    });
  }
  void end() {
    if (!control) return;
    on([&] { service.reset(); });
    control->flush();
    registry.reset();
    control.reset();
  }
  /// A hub that stops and starts: what is not in hub.db is gone.
  void restart() {
    end();
    files.reopen();
    begin();
  }

  template <class F>
  std::invoke_result_t<F> on(F f) {
    return fakes::on_worker(*control, f);
  }

  Outcome<ExecutionRecord> create(CommandRequest request) {
    if (request.device.empty()) request.device = device;
    return on([&] { return service->create(request); });
  }
  ExecutionRecord created(const std::string& command = "ping") {
    CommandRequest request;
    request.command = command;
    const auto made = create(request);
    EXPECT_TRUE(made) << made.error().detail;
    return *made;
  }
  ExecutionRecord get(const ExecutionId& id) {
    return *on([&] { return service->get(id); });
  }
  State state_of(const ExecutionId& id) { return get(id).state; }
  void tell(const ExecutionId& id, telemetry::v1::ExecutionState state, std::uint32_t revision,
            const DeviceId* from = nullptr) {
    ExecutionUpdate update;
    update.set_id(id.str());
    update.set_state(state);
    update.set_revision(revision);
    tell(update, from);
  }
  void tell(const ExecutionUpdate& update, const DeviceId* from = nullptr) {
    on([&] { service->device_update(from != nullptr ? *from : device, update); });
  }
  void connect(DeviceDesk& desk) {
    desk.connect();
    on([&] { service->device_connected(device); });
  }
  void disconnect(DeviceDesk& desk) {
    desk.disconnect();
    on([&] { service->device_disconnected(device); });
  }
  void pass(std::int64_t us) {
    clock.advance(us);
    on([&] { service->tick(); });
  }
  static std::vector<std::string> requested(const std::vector<HubMessage>& messages) {
    std::vector<std::string> ids;
    for (const auto& m : messages) {
      if (m.has_execution()) ids.push_back(m.execution().id());
    }
    return ids;
  }
  std::vector<std::string> published_states(const ExecutionId& id) {
    return on([&] {
      std::vector<std::string> states;
      for (const auto& event : published) {
        if (event.object_id != id.str()) continue;
        states.emplace_back(boost::json::parse(event.body_json).at("state").as_string());
      }
      return states;
    });
  }
  using Words = std::vector<std::string>;

  fakes::HubFiles files;
  fakes::ManualClock clock;
  base::SeededRandom random{7};
  DeviceLinks links;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<fakes::FailingExecutionStore> store;
  std::unique_ptr<DeviceRegistry> registry;
  std::vector<Event> published;  // on control
  std::unique_ptr<CommandService> service;
  DeviceId device, other;
};

TEST_F(Commands, a_command_for_a_device_that_is_away_waits_then_goes_when_it_comes) {
  const auto made = created();
  EXPECT_EQ(made.state, queued);
  pass(kSecond);
  EXPECT_EQ(state_of(made.id), queued);
  DeviceDesk desk(links, device);
  connect(desk);
  EXPECT_EQ(state_of(made.id), sent);
  const auto messages = desk.take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].execution().id(), made.id.str());
  EXPECT_EQ(messages[0].execution().command(), "ping");
  EXPECT_EQ(messages[0].execution().arguments_json(), "{}");
  EXPECT_EQ(messages[0].execution().not_after_us(), static_cast<double>(made.not_after_us));
  EXPECT_EQ(messages[0].execution().server_time_us(), static_cast<double>(clock.now_us()));
  EXPECT_GT(messages[0].execution().timeout_ms(), 0u);
}

TEST_F(Commands, the_whole_life_is_stored_and_published_in_order) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created("reboot");
  EXPECT_EQ(made.state, sent);
  EXPECT_EQ(made.timeout_ms, 5'000u);
  tell(made.id, EXECUTION_STATE_ACCEPTED, 1);
  clock.advance(kSecond);
  tell(made.id, EXECUTION_STATE_RUNNING, 2);
  clock.advance(kSecond);
  ExecutionUpdate done;
  done.set_id(made.id.str());
  done.set_state(EXECUTION_STATE_SUCCEEDED);
  done.set_revision(3);
  done.set_output("ok\n");
  done.set_result_json(R"({"uptime":1})");
  tell(done);
  const auto now = get(made.id);
  EXPECT_EQ(now.state, succeeded);
  EXPECT_EQ(now.output, "ok\n");
  EXPECT_EQ(now.exit_code, 0);
  EXPECT_EQ(published_states(made.id), (Words{"QUEUED", "SENT", "ACCEPTED", "RUNNING", "SUCCEEDED"}));
  // What is in the event log is what was published, numbered.
  const auto logged = on([&] { return files.events->events_after(0, 100).value(); });
  ASSERT_EQ(logged.size(), 5u);
  on([&] {
    for (std::size_t i = 0; i < logged.size(); ++i) {
      EXPECT_EQ(logged[i].id, published[i].id);
      EXPECT_EQ(logged[i].body_json, published[i].body_json);
      EXPECT_EQ(logged[i].kind, "execution");
      EXPECT_EQ(logged[i].device, device);
    }
    EXPECT_EQ(boost::json::parse(published.back().body_json), boost::json::parse(boost::json::serialize(to_json(now))));
  });
}

TEST_F(Commands, one_is_in_flight_a_device_the_next_goes_when_it_ends) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto first = created(), second = created(), third = created();
  EXPECT_EQ(first.state, sent);
  EXPECT_EQ(second.state, queued);
  EXPECT_EQ(requested(desk.take()), Words{first.id.str()});
  tell(first.id, EXECUTION_STATE_RUNNING, 1);
  EXPECT_EQ(state_of(second.id), queued);
  tell(first.id, EXECUTION_STATE_FAILED, 2);
  EXPECT_EQ(requested(desk.take()), Words{second.id.str()});
  tell(second.id, EXECUTION_STATE_REJECTED, 1);
  EXPECT_EQ(requested(desk.take()), Words{third.id.str()});
  EXPECT_EQ(state_of(second.id), rejected);
}

TEST_F(Commands, a_queued_one_past_its_deadline_is_expired_and_never_sent) {
  CommandRequest request;
  request.command = "ping";
  request.not_after_us = clock.now_us() + 2 * kSecond;
  const auto made = *create(request);
  clock.advance(2 * kSecond);
  DeviceDesk desk(links, device);
  connect(desk);  // before any tick
  EXPECT_EQ(requested(desk.take()), Words{});
  EXPECT_EQ(state_of(made.id), expired);
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 9);  // a final state never changes
  EXPECT_EQ(state_of(made.id), expired);
}

TEST_F(Commands, a_sent_one_unheard_past_deadline_timeout_and_grace_is_unconfirmed_until_the_device_tells) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created("reboot");  // not_after 60 s, timeout 5 s, grace 30 s
  desk.take();
  disconnect(desk);
  pass(60 * kSecond + 1);
  EXPECT_EQ(state_of(made.id), sent);  // it may have begun just before its deadline
  pass(35 * kSecond);
  EXPECT_EQ(state_of(made.id), unconfirmed);
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});  // asked for the truth
  tell(made.id, EXECUTION_STATE_EXPIRED, 1);
  EXPECT_EQ(state_of(made.id), expired);
  disconnect(desk);
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{});
}

TEST_F(Commands, a_running_one_that_is_heard_is_not_unconfirmed) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created("reboot");
  for (std::uint32_t revision = 1; revision <= 8; ++revision) {
    pass(30 * kSecond);
    EXPECT_EQ(state_of(made.id), revision == 1 ? sent : running);
    tell(made.id, EXECUTION_STATE_RUNNING, revision);
  }
  EXPECT_EQ(state_of(made.id), running);
  pass(36 * kSecond);
  EXPECT_EQ(state_of(made.id), unconfirmed);
  tell(made.id, EXECUTION_STATE_RUNNING, 9);  // slow, not gone
  EXPECT_EQ(state_of(made.id), running);
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 10);
  EXPECT_EQ(state_of(made.id), succeeded);
}

TEST_F(Commands, a_device_that_was_interrupted_and_does_not_know_frees_the_next) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created("reboot"), next = created();
  tell(made.id, EXECUTION_STATE_RUNNING, 2);
  desk.take();
  ExecutionUpdate unknown;
  unknown.set_id(made.id.str());
  unknown.set_state(EXECUTION_STATE_UNCONFIRMED);
  unknown.set_revision(3);
  unknown.set_error("the agent restarted while it ran");
  tell(unknown);
  EXPECT_EQ(state_of(made.id), unconfirmed);
  EXPECT_EQ(get(made.id).error, "the agent restarted while it ran");
  EXPECT_EQ(requested(desk.take()), Words{next.id.str()});
  tell(next.id, EXECUTION_STATE_SUCCEEDED, 1);
  unknown.set_revision(4);  // it keeps not knowing, so it keeps being asked, and is in nobody's way
  tell(unknown);
  EXPECT_EQ(state_of(made.id), unconfirmed);
  disconnect(desk);
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  EXPECT_EQ(created().state, sent);
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 5);
  EXPECT_EQ(state_of(made.id), succeeded);
  EXPECT_EQ(get(made.id).error, "");
}

TEST_F(Commands, reconnecting_asks_again_with_the_same_id) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  tell(made.id, EXECUTION_STATE_ACCEPTED, 1);
  disconnect(desk);
  desk.take();
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  EXPECT_EQ(state_of(made.id), accepted);
  tell(made.id, EXECUTION_STATE_ACCEPTED, 1);  // the device repeats itself
  EXPECT_EQ(published_states(made.id), (Words{"QUEUED", "SENT", "ACCEPTED"}));
}

TEST_F(Commands, a_full_connection_leaves_it_queued) {
  DeviceDesk desk(links, device);
  connect(desk);
  desk.is_full = true;
  const auto made = created();
  EXPECT_EQ(made.state, queued);
  EXPECT_EQ(published_states(made.id), (Words{"QUEUED", "QUEUED"}));
  pass(kSecond);  // not tried each second: that would write each second
  desk.is_full = false;
  pass(kSecond);
  EXPECT_EQ(state_of(made.id), queued);
  pass(10 * kSecond);
  EXPECT_EQ(state_of(made.id), sent);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
}

TEST_F(Commands, nothing_is_forgotten_over_a_restart) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto first = created(), second = created();
  tell(first.id, EXECUTION_STATE_RUNNING, 3);
  desk.take();
  desk.disconnect();
  restart();
  EXPECT_EQ(state_of(first.id), running);
  EXPECT_EQ(state_of(second.id), queued);
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{first.id.str()});  // second still waits
  tell(first.id, EXECUTION_STATE_RUNNING, 3);
  tell(first.id, EXECUTION_STATE_SUCCEEDED, 4);
  EXPECT_EQ(requested(desk.take()), Words{second.id.str()});
  EXPECT_EQ(state_of(first.id), succeeded);
}

TEST_F(Commands, an_unconfirmed_one_is_settled_after_a_restart) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  desk.disconnect();
  pass(1'000 * kSecond);
  ASSERT_EQ(state_of(made.id), unconfirmed);
  restart();
  desk.take();
  connect(desk);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 2);
  EXPECT_EQ(state_of(made.id), succeeded);
}

TEST_F(Commands, stopping_at_any_write_never_leaves_a_queued_one_that_the_device_has) {
  for (int writes = 0; writes < 6; ++writes) {
    DeviceDesk desk(links, device);
    connect(desk);
    desk.take();
    store->puts_until_failure = writes;
    CommandRequest request;
    request.command = "ping";
    const auto made = create(request);
    const auto got = requested(desk.take());
    if (!got.empty()) {
      tell(ExecutionId(got[0]), EXECUTION_STATE_RUNNING, 1);
      tell(ExecutionId(got[0]), EXECUTION_STATE_SUCCEEDED, 2);
    }
    desk.disconnect();
    restart();
    if (!made) {
      EXPECT_TRUE(got.empty());
      continue;
    }
    // What the device has is never QUEUED, so it can never be called EXPIRED.
    if (!got.empty()) {
      EXPECT_NE(state_of(made->id), queued) << writes;
    }
    connect(desk);
    const auto again = requested(desk.take());
    if (state_of(made->id) != succeeded) {
      EXPECT_EQ(again, Words{made->id.str()}) << writes;
      tell(made->id, EXECUTION_STATE_SUCCEEDED, 2);  // its durable outcome
    }
    EXPECT_EQ(state_of(made->id), succeeded) << writes;
  }
}

TEST_F(Commands, a_truth_that_could_not_be_stored_is_asked_for_again) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  desk.take();
  store->puts_until_failure = 0;
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 1);
  EXPECT_EQ(state_of(made.id), sent);
  store->puts_until_failure = -1;
  pass(kSecond);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 1);
  EXPECT_EQ(state_of(made.id), succeeded);
}

TEST_F(Commands, a_question_that_a_full_connection_did_not_take_is_put_again) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  desk.take();
  store->puts_until_failure = 0;
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 1);
  store->puts_until_failure = -1;
  desk.is_full = true;
  pass(kSecond);
  desk.is_full = false;
  pass(kSecond);  // not each second: a slow connection would never be free
  EXPECT_EQ(requested(desk.take()), Words{});
  pass(9 * kSecond);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  pass(10 * kSecond);  // it was put: from here on the device answers
  EXPECT_EQ(requested(desk.take()), Words{});
}

TEST_F(Commands, a_cancellation_that_a_full_connection_did_not_take_is_put_again) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  desk.take();
  desk.is_full = true;
  EXPECT_EQ(on([&] { return service->cancel(made.id); })->state, sent);
  desk.is_full = false;
  pass(10 * kSecond);
  const auto messages = desk.take();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].cancel().id(), made.id.str());
}

TEST_F(Commands, one_that_was_not_taken_and_could_not_be_put_back_still_goes) {
  DeviceDesk desk(links, device);
  connect(desk);
  desk.is_full = true;
  store->puts_until_failure = 2;  // QUEUED and SENT; not QUEUED again
  const auto made = created();
  EXPECT_EQ(made.state, sent);
  desk.is_full = false;
  store->puts_until_failure = -1;
  pass(10 * kSecond);
  EXPECT_EQ(requested(desk.take()), Words{made.id.str()});
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 1);
  EXPECT_EQ(state_of(made.id), succeeded);
}

TEST_F(Commands, another_device_cannot_settle_it) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 5, &other);
  EXPECT_EQ(state_of(made.id), sent);
  tell(ExecutionId("xunknown"), EXECUTION_STATE_SUCCEEDED, 5);
  tell(made.id, EXECUTION_STATE_SENT, 5);
  tell(made.id, EXECUTION_STATE_QUEUED, 6);
  EXPECT_EQ(state_of(made.id), sent);
}

TEST_F(Commands, progress_is_stored_at_most_twice_a_second_and_nothing_of_it_is_lost) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  tell(made.id, EXECUTION_STATE_RUNNING, 1);
  for (std::uint32_t i = 2; i <= 1'000; ++i) {
    ExecutionUpdate update;
    update.set_id(made.id.str());
    update.set_state(EXECUTION_STATE_RUNNING);
    update.set_revision(i);
    update.set_output(".");
    tell(update);
  }
  EXPECT_EQ(published_states(made.id).size(), 3u);  // QUEUED, SENT, RUNNING
  pass(kSecond);
  EXPECT_EQ(published_states(made.id).size(), 4u);
  EXPECT_EQ(get(made.id).output, std::string(999, '.'));
  tell(made.id, EXECUTION_STATE_SUCCEEDED, 1'001);
  EXPECT_EQ(get(made.id).output, std::string(999, '.'));
}

TEST_F(Commands, cancelling_a_queued_one_is_at_once) {
  const auto made = created();
  EXPECT_EQ(on([&] { return service->cancel(made.id); })->state, cancelled);
  EXPECT_EQ(state_of(made.id), cancelled);
  DeviceDesk desk(links, device);
  connect(desk);
  EXPECT_TRUE(desk.take().empty());
  EXPECT_EQ(on([&] { return service->cancel(made.id); })->state, cancelled);  // again: the same
}

TEST_F(Commands, cancelling_a_sent_one_asks_the_device_and_follows_it) {
  DeviceDesk desk(links, device);
  connect(desk);
  const auto made = created();
  desk.take();
  EXPECT_EQ(on([&] { return service->cancel(made.id); })->state, sent);
  auto messages = desk.take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].cancel().id(), made.id.str());
  disconnect(desk);
  connect(desk);
  messages = desk.take();
  ASSERT_EQ(messages.size(), 2u);  // the request, so that it answers, and the wish
  EXPECT_TRUE(messages[0].has_execution());
  EXPECT_TRUE(messages[1].has_cancel());
  tell(made.id, EXECUTION_STATE_CANCELLED, 1);
  EXPECT_EQ(state_of(made.id), cancelled);
  const auto second = created();
  tell(second.id, EXECUTION_STATE_SUCCEEDED, 1);
  const auto refused = on([&] { return service->cancel(second.id); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_EQ(on([&] { return service->cancel(ExecutionId("xno")); }).error().code, errc::not_found);
}

TEST_F(Commands, an_unknown_command_is_named_and_what_there_is_listed) {
  CommandRequest request;
  request.command = "self-destruct";
  const auto made = create(request);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_EQ(made.error().field, "/command");
  for (const char* word : {"self-destruct", "ping", "sample-now", "reboot", "set-interval"}) {
    EXPECT_NE(made.error().detail.find(word), std::string::npos) << made.error().detail;
  }
  request.command = "";
  EXPECT_FALSE(create(request));
  request.command = "sample-now";
  EXPECT_TRUE(create(request));
}

TEST_F(Commands, arguments_follow_the_declared_schema) {
  CommandRequest request;
  request.command = "set-interval";
  const auto problem = [&](std::string arguments) {
    request.arguments_json = std::move(arguments);
    const auto made = create(request);
    return made ? Problem{errc::ok, "", ""} : made.error();
  };
  EXPECT_EQ(problem(R"({"ms":100})").code, errc::ok);
  EXPECT_EQ(problem(R"({"ms":99})").field, "/arguments/ms");
  EXPECT_EQ(problem(R"({})").field, "/arguments/ms");
  EXPECT_EQ(problem(R"({"ms":100,"x":1})").field, "/arguments/x");
  EXPECT_EQ(problem("[1]").field, "/arguments");
  EXPECT_EQ(problem("nonsense").code, errc::invalid_argument);
  EXPECT_EQ(problem("{\"ms\":" + std::string(8 * 1024, ' ') + "100}").code, errc::too_large);
  request.command = "reboot";
  EXPECT_EQ(problem(R"({"now":true})").field, "/arguments/now");
  request.command = "odd";
  EXPECT_EQ(problem("{}").code, errc::conflict);  // a schema that cannot be checked runs nothing
}

TEST_F(Commands, deadlines_are_in_the_future_and_at_most_seven_days) {
  CommandRequest request;
  request.command = "ping";
  request.not_after_us = clock.now_us();
  EXPECT_EQ(create(request).error().field, "/not_after");
  request.not_after_us = clock.now_us() + 7 * 86'400 * kSecond + 1;
  EXPECT_EQ(create(request).error().field, "/not_after");
  request.not_after_us -= 1;
  EXPECT_TRUE(create(request));
  EXPECT_EQ(created().not_after_us, clock.now_us() + 60 * kSecond);
}

TEST_F(Commands, the_same_key_is_the_same_execution) {
  CommandRequest request;
  request.command = "set-interval";
  request.arguments_json = R"({"ms":100})";
  request.idempotency_key = "once";
  request.not_after_us = clock.now_us() + kSecond;
  const auto first = *create(request);
  clock.advance(10 * kSecond);  // the deadline is over; the repetition is still answered
  request.arguments_json = "{ \"ms\" : 100 }";
  restart();
  const auto second = create(request);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, first.id);
  request.arguments_json = R"({"ms":200})";
  EXPECT_EQ(create(request).error().code, errc::conflict);
  request.command = "ping";
  request.arguments_json = "{}";
  EXPECT_EQ(create(request).error().code, errc::conflict);
  request.device = other;
  request.not_after_us = 0;
  EXPECT_TRUE(create(request));  // another device, another key space
}

TEST_F(Commands, at_most_a_hundred_wait_for_a_device) {
  for (int i = 0; i < 100; ++i) created();
  CommandRequest request;
  request.command = "ping";
  EXPECT_EQ(create(request).error().code, errc::busy);
  request.device = other;
  EXPECT_TRUE(create(request));
  request.device = DeviceId("dnobody");
  EXPECT_EQ(create(request).error().code, errc::not_found);
}

TEST_F(Commands, a_refused_write_is_no_execution) {
  store->puts_until_failure = 0;
  CommandRequest request;
  request.command = "ping";
  EXPECT_EQ(create(request).error().code, errc::unavailable);
  EXPECT_TRUE(on([&] { return service->list(device, 10); })->empty());
  store->puts_until_failure = -1;
  created();
  EXPECT_EQ(on([&] { return service->list(device, 10); })->size(), 1u);
}

TEST_F(Commands, rest_shows_every_field) {
  CommandRequest request;
  request.command = "set-interval";
  request.arguments_json = R"({"ms":100})";
  request.requested_by = "ada";
  const auto made = *create(request);
  const auto json = to_json(made);
  EXPECT_EQ(json.at("id"), boost::json::value(made.id.str()));
  EXPECT_EQ(json.at("arguments").at("ms"), boost::json::value(100));
  EXPECT_EQ(json.at("state"), boost::json::value("QUEUED"));
  EXPECT_TRUE(json.at("exit_code").is_null());
  EXPECT_TRUE(json.at("error").is_null());
  EXPECT_TRUE(json.at("result").is_null());
  EXPECT_EQ(json.at("requested_by"), boost::json::value("ada"));
  EXPECT_EQ(json.at("created_at"), boost::json::value(clock.now_us()));
  EXPECT_EQ(json.at("not_after"), boost::json::value(clock.now_us() + 60 * kSecond));
  EXPECT_EQ(json.as_object().size(), 14u);
}

}  // namespace
}  // namespace hub
