"""/install: a machine that reaches nothing but the hub gets the agent from it, checked, enrolled and running."""
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
import unittest

from processes import Hub, Process, Rest, run, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Install(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="device-"))
        self.addCleanup(shutil.rmtree, self.home, True)

    def install(self, script, token, *more, stdin=None):
        path = self.home / "install.sh"
        path.write_bytes(script)
        words = [token] if token else []
        return subprocess.run(["sh", path, *words, "--prefix", self.home / "usr", "--state-dir", self.home / "state", "--no-service", *more],
                              input=stdin, text=True, capture_output=True, timeout=120)

    def script(self):
        answer = Rest(self.hub.port, self.hub.ca_file).call("GET", "/install", headers={"Host": f"localhost:{self.hub.port}"})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.body.replace(f"//{platform.node()}:".encode(), b"//localhost:")  # whose name may not resolve here

    def test_the_command_installs_enrols_and_the_agent_runs(self):
        made = self.hub.rest.post("/enrolments", {"name": "greenhouse"})
        served = Rest(self.hub.port, self.hub.ca_file).call("GET", "/install").body
        self.assertIn(hashlib.sha256(served).hexdigest(), made["install_command"])
        self.assertIn(" " + made["token"], made["install_command"])
        done = self.install(self.script(), "-", "--name", "greenhouse", stdin=made["token"] + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(made["token"], done.stdout + done.stderr)
        agent = self.home / "usr/bin/device-agent"
        self.assertIn("device-agent", run(agent, "--version").stdout)
        loaded = subprocess.run(["ldd", agent.resolve()], text=True, capture_output=True, check=True).stdout
        self.assertIn(str((self.home / "usr/lib/device-agent/lib").resolve()), loaded.replace("bin/../", ""), "its own libraries")
        process = Process([agent, "run", "--state-dir", self.home / "state"], self.home / "agent.log")
        self.addCleanup(process.kill)
        wait_until(lambda: self.hub.rest.get("/devices/greenhouse")["presence"] == "online", "the device online")
        process.stop()
        before = (self.home / "state/credential.toml").read_bytes()
        again = self.install(self.script(), None)
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertIn("the device stays", again.stdout)
        self.assertEqual((self.home / "state/credential.toml").read_bytes(), before)

    def test_what_is_not_as_the_script_says_is_not_installed(self):
        token = self.hub.rest.post("/enrolments", {})["token"]
        package = f"device-agent-{platform.machine()}.tar.gz".encode()
        script = self.script()
        at = script.index(b"sha256=", script.index(package)) + 7
        tampered = script[:at] + b"0" * 64 + script[at + 64:]
        done = self.install(tampered, token)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was installed", done.stderr)
        self.assertFalse((self.home / "usr").exists())
        other = self.install(script.replace(b"machine=$(uname -m)", b"machine=pdp11"), token)
        self.assertIn("no agent for pdp11", other.stderr)
        self.assertEqual(self.install(script, token, "--colour").returncode, 2)
        nobody = self.install(script, None)
        self.assertEqual(nobody.returncode, 2)
        self.assertIn("a token is needed", nobody.stderr)

    def test_packages_are_what_the_folder_has(self):
        rest = Rest(self.hub.port, self.hub.ca_file)
        for wrong in ("nothing.tar.gz", "..%2Fhub.db", "device-agent-vax.tar.gz"):
            self.assertEqual(rest.call("GET", "/install/" + wrong).status, 404)
        empty = Hub(["--agent-packages", self.home / "none"]).start()
        self.addCleanup(empty.close)
        self.assertEqual(Rest(empty.port, empty.ca_file).call("GET", "/install").status, 404)
        self.assertIsNone(empty.rest.post("/enrolments", {})["install_command"])


class Units(unittest.TestCase):
    def test_systemd_accepts_the_units(self):
        with tempfile.TemporaryDirectory() as folder:
            for unit in (ROOT / "deploy/systemd").glob("*.service"):
                text = unit.read_text().replace("@AGENT@", "/bin/true").replace("@STATE@", "/var/lib/device-agent")
                text = text.replace("/usr/local/bin/telemetry-hub", "/bin/true")
                path = pathlib.Path(folder) / unit.name
                path.write_text(text)
                done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], text=True, capture_output=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), unit.name)

    def test_the_agents_unit_is_shut_as_far_as_sensors_allow(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "device-agent.service"
            path.write_text((ROOT / "deploy/systemd/device-agent.service").read_text().replace("@AGENT@", "/bin/true").replace("@STATE@", "/var/lib/device-agent"))
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", path], text=True, capture_output=True,
                                  env={**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_EMOJI": "0"})
            self.assertEqual(done.returncode, 0, done.stdout[-300:])  # 2.0 and below
            exposure = float(re.search(r"Overall exposure level for device-agent.service: ([0-9.]+)", done.stdout)[1])
            self.assertLessEqual(exposure, 2.0)


if __name__ == "__main__":
    unittest.main()
