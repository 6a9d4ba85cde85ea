"""The certificate of a device over its life: made at enrolment, renewed in session, renewed after its end, then over."""
import shutil
import ssl
import sys
import tempfile
import tomllib
import unittest

from processes import BIN, Agent, Hub, MovableClock, Process, run, shifted, wait_until


class WithAgent(unittest.TestCase):
    SETTINGS = {"TELEMETRY_HUB_TLS_DEVICE_CERTIFICATE_DAYS": "1"}

    def setUp(self):
        self.hub = Hub(env=self.SETTINGS).start()
        self.addCleanup(self.hub.close)
        self.agent = Agent(self.hub, "kitchen")
        self.addCleanup(self.agent.close)

    def credential(self):
        return tomllib.loads((self.agent.state / "credential.toml").read_text())

    def hub_at(self, by):
        self.hub.stop()
        self.hub.env = {**self.SETTINGS, **shifted(by)}
        self.hub.start()

    def wait_connected(self, times):
        wait_until(lambda: self.agent.log.read_text().count("connected to ") >= times, f"connection {times}")


class CertificateOfADevice(WithAgent):
    def test_it_is_made_on_the_device_and_stands_alone(self):
        credential = self.credential()
        self.assertNotIn("token", credential)
        self.assertIn("BEGIN PRIVATE KEY", credential["key_pem"])
        self.assertTrue(credential["server_name"].startswith("hub-"))
        self.assertEqual((self.agent.state / "credential.toml").stat().st_mode & 0o777, 0o600)
        self.agent.start()
        self.wait_connected(1)
        self.agent.stop()

    def test_it_is_renewed_in_session_and_the_new_one_is_used(self):
        first = self.credential()
        self.agent.start()
        self.wait_connected(1)
        self.hub_at("+20h")
        wait_until(lambda: self.credential()["certificate_pem"] != first["certificate_pem"], "the renewal")
        second = self.credential()
        self.assertNotEqual(second["key_pem"], first["key_pem"])
        self.assertIn("was renewed", self.agent.log.read_text())
        self.hub_at("+30h")  # the first one has ended by now
        self.wait_connected(3)
        self.assertEqual(self.credential()["certificate_pem"], second["certificate_pem"])
        self.agent.stop()

    def test_a_session_outlives_its_certificate_only_until_the_next_message(self):
        clock = MovableClock(self.hub.folder)
        self.hub.stop()
        self.hub.env = {**self.SETTINGS, **clock.env}
        self.hub.start()
        first = self.credential()
        self.agent.start()
        self.wait_connected(1)
        clock.put("+2d")
        wait_until(lambda: "the link ended: 4012" in self.agent.log.read_text(), "the end")
        self.wait_connected(2)
        self.assertNotEqual(self.credential()["certificate_pem"], first["certificate_pem"])
        self.agent.stop()

    def test_it_is_renewed_after_its_end_and_a_year_later_no_more(self):
        first = self.credential()
        self.hub_at("+300d")
        self.agent.start()
        self.wait_connected(1)
        second = self.credential()
        self.assertNotEqual(second["certificate_pem"], first["certificate_pem"])
        self.agent.stop()
        self.hub_at("+900d")
        self.agent.start()
        wait_until(lambda: "does not accept this device's certificate" in self.agent.log.read_text(), "the refusal")
        self.assertEqual(self.credential()["certificate_pem"], second["certificate_pem"])
        self.agent.stop()

    def test_what_the_admin_revoked_is_not_taken(self):
        self.agent.start()
        self.wait_connected(1)
        device = self.hub.rest.get("/devices")["devices"][0]["id"]
        answer = self.hub.rest.call("DELETE", f"/api/v1/devices/{device}")
        self.assertLess(answer.status, 300)
        wait_until(lambda: "refused this device" in self.agent.log.read_text(), "the refusal")
        self.agent.stop()

    def test_a_copied_credential_raises_an_alert(self):
        with tempfile.TemporaryDirectory(prefix="copy-") as copy:
            shutil.copy(self.agent.state / "credential.toml", copy)
            self.agent.start()
            self.wait_connected(1)
            self.assertEqual(self.hub.rest.get("/alerts")["alerts"], [])
            second = Process([BIN / "device-agent", "run", "--state-dir", copy], copy + "/log")
            self.addCleanup(second.kill)
            alert, = wait_until(lambda: self.hub.rest.get("/alerts?state=firing")["alerts"], "the alert")
            self.assertEqual((alert["rule_name"], alert["severity"]), ("credential used twice", "critical"))
            second.stop()
            self.agent.stop()
        self.assertIn("credential used twice", self.hub.log.read_text())


class AuthorityOfTheHub(WithAgent):
    SETTINGS = {"TELEMETRY_HUB_TLS_DEVICE_CERTIFICATE_DAYS": "3650"}

    def test_the_hub_s_next_ca_is_known_before_it_signs(self):
        issuer = self.server_issuer()
        for by, cas in (("+3300d", 2), ("+3500d", 2)):  # of 3,650: a successor is there; then it signs
            self.hub_at(by)
            self.agent.env = shifted(by)
            before = self.agent.log.read_text().count("connected to ") if self.agent.log.exists() else 0
            self.agent.start()
            self.wait_connected(before + 1)
            wait_until(lambda: self.credential()["ca_pem"].count("BEGIN CERTIFICATE") == cas, "the bundle")
            self.agent.stop()
        self.assertNotEqual(self.server_issuer(), issuer)

    def server_issuer(self):
        """Who has signed what the hub shows."""
        shown = ssl.get_server_certificate(("localhost", self.hub.port))
        done = run("openssl", "x509", "-noout", "-issuer", stdin=shown)
        return done.stdout.strip()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
