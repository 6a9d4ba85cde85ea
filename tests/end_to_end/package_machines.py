"""The packages for Raspberry Pis, built here and run under qemu-user against a real hub. Part of `tests/run long`: it builds
the agent for three architectures. PACKAGES_BUILT=1 takes the ones in build/packages."""
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from processes import Hub, Process, run, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES, AGENTS = ROOT / "build/packages", ROOT / "build/packages/agents"
MACHINES = {"arm64": ("qemu-aarch64-static", "aarch64"), "armhf": ("qemu-arm-static", "armhf")}
MAX_STRIPPED_BYTES = 4_000_000


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


class Machines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.environ.get("PACKAGES_BUILT") != "1":
            subprocess.run([ROOT / "deploy/package", "--output", PACKAGES, "--hub", AGENTS], check=True, timeout=3600)
        cls.hub = Hub().start()
        cls.addClassCleanup(cls.hub.close)

    def folder(self):
        made = pathlib.Path(tempfile.mkdtemp(prefix="machine-"))
        self.addCleanup(shutil.rmtree, made, True)
        return made

    def known(self, name):
        answer = self.hub.rest.call("GET", f"/api/v1/devices/{name}/series/uptime/readings?from=0&to=1")
        return answer.status == 200

    def works(self, architecture, program, name):
        """Everything the agent says, then an hour of a device's life in seconds: joins, streams, is acknowledged, stops in order."""
        qemu = MACHINES[architecture][0]
        env = {"QEMU_LD_PREFIX": str(ROOT / "build/sysroots" / architecture)}
        state = self.folder()

        def agent(*words, **kw):
            return run(qemu, program, *words, env=env, **kw)

        self.assertRegex(agent("--version").stdout, r"^device-agent \d")
        listed = agent("sensors", "list").stdout
        for series in ("uptime", "cpu.usage", "memory.used", "load.1m"):
            self.assertIn(series, listed)
        token = self.hub.rest.post("/enrolments", {"name": name})["token"]
        agent("enroll", self.hub.url(), "-", "--name", name, "--ca-sha256", self.hub.ca_sha256, "--state-dir", state, stdin=token + "\n")
        process = Process([qemu, program, "run", "--state-dir", state], state / "agent.log", env=env)
        self.addCleanup(process.kill)
        wait_until(lambda: self.hub.rest.get(f"/devices/{name}")["presence"] == "online", f"{name} online")
        wait_until(lambda: self.known(name) and len(self.hub.readings(name, "uptime")) >= 5, f"five readings of {name}")
        doctor = agent("doctor", "--state-dir", state, check=False).stdout
        self.assertIn("ok   credential for localhost", doctor)
        self.assertIn("ok   configuration", doctor)
        self.assertEqual(process.stop(), 0)
        times = [row[0] for row in self.hub.readings(name, "uptime")]
        self.assertEqual(times, sorted(set(times)), "each stored once")

    def test_debian_packages_work_on_their_machines(self):
        for architecture in MACHINES:
            with self.subTest(architecture):
                package, = PACKAGES.glob(f"device-agent_*_{architecture}.deb")
                self.assertEqual(field(package, "Architecture"), architecture)
                self.assertIn("libssl3", field(package, "Depends"), "OpenSSL stays the system's")
                for carried in ("libstdc++", "protobuf", "boost", "spdlog"):
                    self.assertNotIn(carried, field(package, "Depends"))
                tree = self.folder()
                subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
                program = tree / "usr/bin/device-agent"
                self.assertLessEqual(program.stat().st_size, MAX_STRIPPED_BYTES)
                self.works(architecture, program, f"deb-{architecture}")

    def test_what_a_hub_hands_out_works_on_their_machines(self):
        for architecture, (_, machine) in MACHINES.items():
            with self.subTest(architecture):
                tree = self.folder()
                with tarfile.open(AGENTS / f"device-agent-{machine}.tar.gz") as archive:
                    archive.extractall(tree)
                self.works(architecture, tree / "device-agent/bin/device-agent", f"tar-{architecture}")

    def test_lintian_finds_no_error(self):
        if not shutil.which("lintian"):
            self.fail("lintian is not installed: deploy/packages cross")
        for package in PACKAGES.glob("device-agent_*.deb"):
            said = subprocess.run(["lintian", "--allow-root", "--profile", "debian", "--suppress-tags", "bogus-mail-host,bogus-mail-host-in-debian-changelog",
                                   package], capture_output=True, text=True).stdout
            self.assertEqual([line for line in said.splitlines() if line.startswith("E:")], [], said)


if __name__ == "__main__":
    unittest.main()
