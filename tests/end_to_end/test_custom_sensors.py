"""Readings from scripts at the real hub: exec, execd, textfile and push; and what misbehaves disturbs nobody."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from processes import BIN, Agent, Hub, run, wait_until

STATION = """#!/usr/bin/python3
import sys, time
n = 0
while True:
    n += 1
    print(f"station,site=roof wind={n * 0.5},gust=true,from=\\"west\\"", flush=True)
    time.sleep(0.2)
"""

# Ignores SIGTERM, and has a child of its own.
STUBBORN = """#!/bin/sh
trap '' TERM
sleep 600 &
echo $! >> "$PIDS"
echo $$ >> "$PIDS"
while true; do echo "stubborn alive=t"; sleep 1; done
"""


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Scripts:
    """A folder of scripts and files, a runtime folder, and an agent that has them all in its configuration."""

    def __init__(self, hub, name, config):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scripts-"))
        self.runtime = self.folder / "run"
        self.pids = self.folder / "pids"
        self.pids.touch()
        for script, text in (("station", STATION), ("stubborn", STUBBORN)):
            self.write(script, text).chmod(0o755)
        (self.folder / "files").mkdir()
        self.agent = Agent(hub, name, config=config.replace("FOLDER", str(self.folder)))
        self.agent.env = {"RUNTIME_DIRECTORY": str(self.runtime)}
        self.hub, self.name = hub, name

    def write(self, name, text):
        """As the documentation says: beside, then renamed."""
        path = self.folder / name
        beside = path.with_name("." + path.name)
        beside.write_text(text)
        beside.rename(path)
        return path

    def start(self):
        self.agent.start()
        wait_until(lambda: self.hub.rest.get(f"/devices/{self.name}")["presence"] == "online", "the agent")
        wait_until((self.runtime / "push.sock").exists, "its socket")
        return self

    def series(self, name):
        found = [s for s in self.hub.rest.get(f"/devices/{self.name}/series")["series"] if s["name"] == name]
        return found[0] if found else None

    def wait_for(self, name, value=None):
        def there():
            one = self.series(name)
            return one if one and one.get("latest") and (value is None or one["latest"]["value"] == value) else None
        return wait_until(there, f"{name} = {value}; the agent says {self.problems()}")

    def status(self):
        done = run(BIN / "device-agent", "status", "--json", "--state-dir", self.agent.state, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def problems(self):
        return "\n".join(self.status().get("sensor_problems", []))

    def push(self, *args, stdin=None):
        return run(BIN / "device-agent", "push", *args, stdin=stdin, check=False, env=self.agent.env)

    def close(self):
        self.agent.close()
        for pid in self.pids.read_text().split():
            if is_alive(pid):
                os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


GOOD = """
[push]
enable = true

[[exec]]
name = "router.ping"
run = ["/bin/sh", "-c", "echo 12.5"]
interval = "500ms"
unit = "ms"

[[exec]]
name = "house"
run = ["/bin/echo", '{"temp": 21.5, "door": true, "room": {"co2": 400}}']
interval = "2s"
format = "json"
units = { temp = "Cel" }

[[execd]]
run = ["FOLDER/station"]
interval = "200ms"

[[textfile]]
path = "FOLDER/files"
interval = "500ms"
"""


class CustomSensors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        cls.scripts = Scripts(cls.hub, "pi", GOOD)
        cls.scripts.write("files/backup.prom", "# TYPE backup_age_seconds gauge\nbackup_age_seconds{host=\"nas\"} 3600\n")
        cls.scripts.start()

    @classmethod
    def tearDownClass(cls):
        cls.scripts.agent.stop()
        cls.scripts.close()
        cls.hub.stop()
        cls.hub.close()

    def test_exec_readings_arrive_with_unit_type_and_interval(self):
        ping = self.scripts.wait_for("router.ping", 12.5)
        self.assertEqual((ping["unit"], ping["type"], ping["interval_ms"]), ("ms", "number", 500))
        temp = self.scripts.wait_for("house.temp", 21.5)
        self.assertEqual((temp["unit"], temp["type"], temp["interval_ms"]), ("Cel", "number", 2000))
        self.assertEqual(self.scripts.wait_for("house.door", True)["type"], "boolean")
        self.scripts.wait_for("house.room.co2", 400)

    def test_execd_readings_are_all_there_each_with_its_time(self):
        wind = self.scripts.wait_for("station.site:roof.wind")
        self.assertEqual((wind["type"], wind["interval_ms"]), ("number", 200))
        self.scripts.wait_for("station.site:roof.gust", True)
        self.scripts.wait_for("station.site:roof.from", "west")
        rows = wait_until(lambda: (r := self.hub.readings("pi", "station.site:roof.wind")) and len(r) >= 20 and r, "20 lines")
        self.assertEqual([v for _, v in rows], [0.5 * (i + 1) for i in range(len(rows))])
        gaps = [(b[0] - a[0]) / 1e3 for a, b in zip(rows, rows[1:])]
        self.assertTrue(all(g >= 0 for g in gaps), gaps)  # a busy machine may read two lines at once
        self.assertLess(sorted(gaps)[len(gaps) // 2], 600, "a time each, not one per sampling")

    def test_textfiles_of_node_exporter_arrive_and_their_changes(self):
        age = self.scripts.wait_for("backup_age_seconds.host:nas", 3600)
        self.assertEqual(age["unit"], "s")
        self.scripts.write("files/mood.txt", "sunny\n")
        self.scripts.wait_for("mood", "sunny")
        self.scripts.write("files/mood.txt", "cloudy\n")
        self.scripts.wait_for("mood", "cloudy")

    def test_pushes_arrive_at_once_with_their_own_time(self):
        before = time.time()
        done = self.scripts.push("tank.level", "3.2", "--unit", "m")
        self.assertEqual((done.returncode, done.stdout), (0, "ok 1\n"), done.stderr)
        level = self.scripts.wait_for("tank.level", 3.2)
        self.assertEqual((level["unit"], level["interval_ms"]), ("m", 0))
        self.assertLess(abs(level["latest"]["time"] / 1e6 - before), 5)
        self.assertEqual(self.scripts.push("nas.free", "  1234").stdout, "ok 1\n")  # as df prints it
        self.scripts.wait_for("nas.free", 1234)
        measured = int(before) - 7200
        self.assertEqual(self.scripts.push("tank.old", "-4", "--time", str(measured)).returncode, 0)
        self.scripts.wait_for("tank.old", -4)
        (at, value), = self.hub.readings("pi", "tank.old")
        self.assertEqual(value, -4)
        # Where the machine's clock is not synchronised, times go by its boot clock and are placed by the hub's.
        self.assertLess(abs(at / 1e6 - measured), 1)

    def test_a_hundred_pushes_between_two_samplings_are_all_kept(self):
        lines = "".join(f"burst n={i}i {int((time.time() - 100 + i) * 1e9)}\n" for i in range(100))
        self.assertEqual(self.scripts.push("--format", "influx", stdin=lines).returncode, 0)
        self.scripts.wait_for("burst.n")
        rows = wait_until(lambda: (r := self.hub.readings("pi", "burst.n")) and len(r) == 100 and r, "100 readings")
        self.assertEqual([v for _, v in rows], list(range(100)))

    def test_the_socket_speaks_line_protocol(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.scripts.runtime / "push.sock"))
            s.sendall(b"shed,door=north open=t\n")
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(s.makefile().read(), "ok 1\n")
        self.scripts.wait_for("shed.door:north.open", True)

    def test_what_is_wrong_with_a_push_is_said(self):
        done = self.scripts.push("--format", "influx", stdin="a v=1\nb v=2\nnonsense\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("error line 3:", done.stderr)
        self.assertIn("2 readings taken", done.stderr)
        for wrong in (["only-a-name"], ["a", "nan"], ["a", "1", "--time", "soon"], ["--format", "xml"], ["a", "1", "--no"]):
            self.assertEqual(self.scripts.push(*wrong, stdin="").returncode, 2, wrong)
        alone = run(BIN / "device-agent", "push", "a", "1", "--socket", self.scripts.folder / "nobody.sock", check=False)
        self.assertEqual(alone.returncode, 4)
        self.assertIn("[push]", alone.stderr)

    def test_sensors_list_read_and_test_know_them_too(self):
        ask = lambda *what: run(BIN / "device-agent", *what, "--config", self.scripts.agent.config)
        self.assertIn("exec router.ping", ask("sensors", "list").stdout)
        for what in (["sensors", "read"], ["test"]):
            text = ask(*what).stdout
            for words in ("router.ping", "12.5 ms", "house.temp", "station.site:roof.wind", "backup_age_seconds.host:nas"):
                self.assertIn(words, text)


BAD = """
[push]
enable = true

[[exec]]
name = "good"
run = ["/bin/echo", "1"]
interval = "500ms"

[[exec]]
name = "hangs"
run = ["/bin/sh", "-c", "echo $$ >> FOLDER/pids; sleep 600"]
interval = "1s"
timeout = "500ms"

[[exec]]
name = "garbage"
run = ["/bin/sh", "-c", "head -c 5000 /dev/urandom; echo; echo the probe is wet >&2; exit 3"]
interval = "1s"
format = "influx"

[[exec]]
name = "megabyte"
run = ["/bin/sh", "-c", "head -c 1048576 /dev/zero | tr '\\\\0' 'x'"]
interval = "1s"
format = "influx"

[[exec]]
name = "missing"
run = ["/nowhere/probe"]
interval = "1s"

[[execd]]
name = "flood"
run = ["/usr/bin/yes", "flood v=1"]

[[execd]]
name = "dies"
run = ["/bin/sh", "-c", "echo once v=1; exit 4"]
restart = "30s"

[[execd]]
run = ["FOLDER/stubborn"]
environment = ["PIDS=FOLDER/pids"]

[[textfile]]
path = "FOLDER/files"
interval = "500ms"
max_age = "1h"
"""


class Misbehaviour(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)
        self.scripts = Scripts(self.hub, "pi", BAD)
        self.addCleanup(self.scripts.close)
        stale = self.scripts.write("files/stale.prom", "stale 1\n")
        os.utime(stale, (time.time() - 7200,) * 2)
        self.scripts.start()

    def test_nobody_is_disturbed_all_is_said_and_nothing_is_left_behind(self):
        wanted = ("exec hangs: killed after 500 ms", "exec garbage: exit code 3, it said: the probe is wet",
                  "exec megabyte: it printed more than 256 KiB",
                  "exec missing: cannot start /nowhere/probe", "execd flood:", "execd dies: it ended: exit code 4",
                  "stale.prom: not written for")
        for words in wanted:
            wait_until(lambda: words in self.scripts.problems(), f"{words!r} in {self.scripts.problems()}")
        at_hub = lambda: ((self.scripts.series("agent.problem") or {}).get("latest") or {}).get("value") or ""
        wait_until(lambda: "exec hangs: killed after 500 ms" in at_hub(), "the problems at the hub")
        log = lambda: self.scripts.agent.log.read_text()
        for who in ("exec hangs: ", "exec garbage: ", "exec missing: ", "execd dies: "):
            wait_until(lambda: who in log(), who + "in the log")
        self.scripts.wait_for("stubborn.alive", True)
        self.scripts.wait_for("dies.once.v", 1)
        self.assertIsNone(self.scripts.series("stale"))
        # Beside all that, the good one has kept its pace.
        begin = self.hub.readings("pi", "good")[-1][0]
        rows = wait_until(lambda: (r := self.hub.readings("pi", "good", begin)) and len(r) > 10 and r, "ten more")
        self.assertLess((rows[-1][0] - rows[0][0]) / 1e6, 0.5 * (len(rows) + 4))
        self.scripts.agent.stop()
        pids = self.scripts.pids.read_text().split()
        self.assertGreater(len(pids), 3)
        wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of all children")
        self.assertFalse((self.scripts.runtime / "push.sock").exists())

    def test_a_killed_agent_leaves_no_child_and_the_next_one_takes_over_its_socket(self):
        self.scripts.wait_for("stubborn.alive", True)
        first = self.scripts.pids.read_text().split()
        children = [p for p in first if is_alive(p) and self.parent(p) == self.scripts.agent.process.child.pid]
        self.assertTrue(children)
        self.scripts.agent.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in children), "the end of its children")
        self.scripts.start()
        wait_until(lambda: self.scripts.push("after", "1").returncode == 0, "the socket")
        self.scripts.wait_for("after", 1)
        self.scripts.agent.stop()

    @staticmethod
    def parent(pid):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


if __name__ == "__main__":
    unittest.main()
