"""The real agent at the real hub: readings, commands, alerts, and what it does when the hub is away."""
import time
import unittest

from processes import BIN, Agent, Hub, run, wait_until

ALERT_CONFIG = """
[[alert]]
rule = "*"
action = "log"
"""


class AgentAtHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        cls.agent = Agent(cls.hub, "pi", config=ALERT_CONFIG).start()
        wait_until(lambda: cls.hub.rest.get("/devices/pi")["presence"] == "online", "the agent")
        wait_until(lambda: cls.series("uptime"), "first readings")

    @classmethod
    def tearDownClass(cls):
        cls.agent.stop()
        cls.agent.close()
        cls.hub.stop()
        cls.hub.close()

    @classmethod
    def series(cls, name):
        found = [s for s in cls.hub.rest.get("/devices/pi/series")["series"] if s["name"] == name]
        return found[0] if found else None

    def execute(self, command, arguments=None, **extra):
        made = self.hub.rest.post("/devices/pi/executions", {"command": command, **({"arguments": arguments} if arguments else {}), **extra})
        def ended():
            now = self.hub.rest.get(f"/executions/{made['id']}")
            return now if now["state"] not in ("QUEUED", "SENT", "ACCEPTED", "RUNNING") else None
        return wait_until(ended, f"the end of {command}")

    def test_real_sensors_grow(self):
        names = {s["name"] for s in self.hub.rest.get("/devices/pi/series")["series"]}
        for part in ("cpu", "mem", "load", "disk", "uptime"):
            self.assertTrue(any(part in n for n in names), f"{part} is not among {sorted(names)}")
        before = self.series("uptime")["latest"]["time"]
        wait_until(lambda: self.series("uptime")["latest"]["time"] > before, "newer readings")

    def test_ping_and_sample_now_succeed(self):
        for command in ("ping", "sample-now"):
            done = self.execute(command)
            self.assertEqual(done["state"], "SUCCEEDED", done)
            self.assertIsNotNone(done["result"])

    def test_a_second_agent_on_the_same_folder_is_refused(self):
        done = run(BIN / "device-agent", "run", "--state-dir", self.agent.state, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another agent runs", done.stderr + done.stdout)
        self.assertEqual(self.hub.rest.get("/devices/pi")["presence"], "online")

    def test_status_and_doctor_find_the_running_agent(self):
        ask = lambda what: run(BIN / "device-agent", what, "--state-dir", self.agent.state, check=False)
        wait_until(lambda: "connected" in ask("status").stdout, "the status")
        self.assertEqual(ask("status").returncode, 0)
        self.assertIn("the running agent's link: connected", ask("doctor").stdout)

    def test_an_unknown_command_and_wrong_arguments_are_refused(self):
        for body in ({"command": "reboot"}, {"command": ""}, {}, {"command": "ping", "arguments": [1]},
                     {"command": "ping", "not_after": 1}):
            answer = self.hub.rest.call("POST", "/api/v1/devices/pi/executions", body)
            self.assertIn(answer.status, (400, 404, 422), body)
            self.assertTrue(answer.json["detail"])

    def test_the_same_idempotency_key_is_the_same_execution(self):
        answers = [self.hub.rest.call("POST", "/api/v1/devices/pi/executions", {"command": "ping"},
                                      headers={"Idempotency-Key": "once"}).json["id"] for _ in range(2)]
        self.assertEqual(answers[0], answers[1])

    def test_an_alert_fires_reaches_the_device_and_resolves(self):
        rule = self.hub.rest.post("/alert-rules", {
            "name": "up", "severity": "critical", "condition": {"series": "uptime", "above": 0}, "for": "0s", "clear": 0})
        def firing():
            found = [a for a in self.hub.rest.get("/alerts?state=firing")["alerts"] if a["rule"] == rule["id"]]
            return found[0] if found else None
        alert = wait_until(firing, "the alert")
        self.assertEqual((alert["device_name"], alert["series"], alert["severity"]), ("pi", "uptime", "critical"))
        wait_until(lambda: self.hub.rest.get(f"/alerts/{alert['id']}")["device_action"], "the device's action")
        self.assertIn("up", self.agent.log.read_text())
        acknowledged = self.hub.rest.post(f"/alerts/{alert['id']}/acknowledge", {"note": "seen"})
        self.assertEqual(acknowledged["acknowledged"]["note"], "seen")
        changed = dict(rule, condition={"series": "uptime", "above": 1e12}, clear=1e12)
        answer = self.hub.rest.call("PUT", f"/api/v1/alert-rules/{rule['id']}", {
            k: changed[k] for k in ("name", "severity", "condition", "for", "clear", "scope")})
        self.assertEqual(answer.status, 200, answer.body)
        wait_until(lambda: self.hub.rest.get(f"/alerts/{alert['id']}")["state"] == "resolved", "resolution")

    def test_a_firing_alert_survives_a_restart_and_is_not_raised_again(self):
        rule = self.hub.rest.post("/alert-rules", {
            "name": "kept", "severity": "info", "condition": {"series": "uptime", "above": 0}, "for": "0s", "clear": 0})
        mine = lambda: [a for a in self.hub.rest.get("/alerts")["alerts"] if a["rule"] == rule["id"]]
        wait_until(mine, "the alert")
        before = mine()
        self.hub.restart()
        newest = self.series("uptime")["latest"]["time"]
        wait_until(lambda: self.series("uptime")["latest"]["time"] > newest, "readings after the restart")
        self.assertEqual([a["id"] for a in mine()], [a["id"] for a in before])
        self.assertEqual(mine()[0]["state"], "firing")
        self.hub.rest.call("DELETE", f"/api/v1/alert-rules/{rule['id']}")

    def test_readings_made_while_the_hub_is_away_arrive(self):
        start = self.series("uptime")["latest"]["time"]
        self.hub.kill()
        away = time.time()
        wait_until(lambda: time.time() > away + 4, "four seconds without a hub")
        self.hub.start()
        wait_until(lambda: self.series("uptime")["latest"]["time"] > (away + 5) * 1e6, "readings after the outage")
        def covered():
            times = [t for t, _ in self.hub.readings("pi", "uptime", start)]
            inside = [t for t in times if away * 1e6 < t < (away + 4) * 1e6]
            return len(inside) >= 3 and len(times) == len(set(times))
        wait_until(covered, "the readings of the outage")

    def test_a_command_for_a_device_that_is_away_waits_and_expires_truthfully(self):
        device, _ = self.hub.new_device("never-there")
        made = self.hub.rest.post(f"/devices/{device}/executions",
                                  {"command": "ping", "not_after": int((time.time() + 2) * 1e6)})
        self.assertEqual(made["state"], "QUEUED")
        wait_until(lambda: self.hub.rest.get(f"/executions/{made['id']}")["state"] == "EXPIRED", "EXPIRED")


class AgentAlone(unittest.TestCase):
    def test_config_mistakes_name_file_line_and_key(self):
        import pathlib
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "agent.toml"
            for text, words in (('[agent]\nintervall = "1s"\n', ["agent.toml", "2", "intervall"]),
                                ('[agent]\ninterval = "soon"\n', ["agent.toml", "2", "interval"])):
                config.write_text(text)
                done = run(BIN / "device-agent", "config", "check", "--config", config, check=False)
                self.assertEqual(done.returncode, 3, done.stderr)
                for word in words:
                    self.assertIn(word, done.stderr + done.stdout)

    def test_the_command_line_explains_itself(self):
        for program in ("telemetry-hub", "device-agent"):
            self.assertIn("0.1.0", run(BIN / program, "--version").stdout)
            self.assertIn("Example", run(BIN / program, "--help").stdout)
            self.assertEqual(run(BIN / program, "--nonsense", check=False).returncode, 2)

    def test_sensors_are_read_without_a_hub(self):
        self.assertIn("uptime", run(BIN / "device-agent", "sensors", "list").stdout)
        self.assertIn("uptime", run(BIN / "device-agent", "test").stdout)

    def test_enrolling_checks_the_fingerprint_and_the_token(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        import tempfile
        with tempfile.TemporaryDirectory() as state:
            token = hub.rest.post("/enrolments", {})["token"]
            enrol = lambda ca, t: run(BIN / "device-agent", "enroll", hub.url(), "-", "--ca-sha256", ca, "--state-dir",
                                      state, stdin=t + "\n", check=False)
            wrong = enrol("0" * 64, token)
            self.assertNotEqual(wrong.returncode, 0)
            self.assertIn("fingerprint", wrong.stderr.lower())
            refused = enrol(hub.ca_sha256, "nonsense")
            self.assertEqual(refused.returncode, 5)
            self.assertEqual(enrol(hub.ca_sha256, token).returncode, 0)
            self.assertEqual(enrol(hub.ca_sha256, token).returncode, 5)  # used up


class Simulated(unittest.TestCase):
    def test_many_devices_in_one_process_each_with_its_own_credential(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        import shutil
        import tempfile
        from processes import Process
        state = tempfile.mkdtemp(prefix="simulated-")
        self.addCleanup(shutil.rmtree, state, True)
        token = hub.rest.post("/enrolments", {"uses": 20})["token"]
        agent = Process([BIN / "device-agent", "run", "--simulate", 20, "--simulate-token", token, "--hub", hub.url(),
                         "--ca-sha256", hub.ca_sha256, "--state-dir", state], state + "/log")
        self.addCleanup(agent.kill)
        online = lambda: [d for d in hub.rest.get("/devices?limit=100")["devices"] if d["presence"] == "online"]
        wait_until(lambda: len(online()) == 20, "20 simulated devices")
        device = online()[0]["id"]
        wait_until(lambda: len(hub.rest.get(f"/devices/{device}/series")["series"]) >= 5, "their series")
        self.assertEqual(agent.stop(), 0)
        hub.stop()


if __name__ == "__main__":
    unittest.main()
