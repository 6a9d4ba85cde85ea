"""Agents whose clock says 1970, three days ago, in three days, an hour ahead: what their readings' times become."""
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
import uuid

from agent_clock import AgentClock, boot_time_s
from processes import BIN, Agent, Hub, Process, wait_until
from telemetry.v1 import journal_pb2

CONFIG = """
[agent]
interval = "200ms"
flush = "1s"
"""
TO_1970 = -int(time.time()) + 600
UNSYNCHRONISED, REBASED = 1, 2


class AgentClocks(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)

    def agent(self, name, clock):
        runtime = tempfile.mkdtemp(prefix="runtime-")
        self.addCleanup(shutil.rmtree, runtime, True)
        agent = Agent(self.hub, name, config=CONFIG, env={**clock.env, "RUNTIME_DIRECTORY": runtime})
        self.addCleanup(agent.close)
        return agent

    def sampled(self, agent, more):
        """Waits until `more` readings were sampled from now on."""
        so_far = wait_until(lambda: agent.status().get("sampled_readings"), "its first status")
        wait_until(lambda: agent.status().get("sampled_readings", 0) > so_far + more, "sampling")

    def everything(self, name, agent):
        wait_until(lambda: self.hub.rest.get(f"/devices/{name}")["presence"] == "online", "the agent")
        wait_until(lambda: agent.status().get("held", 99) <= 2 and agent.status().get("state") == "connected", "the rest")
        return self.hub.readings(name, "uptime")

    def flags(self, name):
        """Of every frame with readings, what the hub's files say (docs/storage-format.md)."""
        device = self.hub.rest.get(f"/devices/{name}")["id"]
        found = []
        for file in sorted(self.hub.data.glob("journal-*.db")):
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
                for (row,) in db.execute("SELECT body FROM journal ORDER BY number"):
                    for frame in journal_pb2.JournalRow.FromString(row).frames:
                        if frame.device_id == device and frame.blocks:
                            found.append(frame.flags)
        return found

    def check(self, rows, most_off_s=1.0):
        """Every time is right, none stands twice, none is missing, and they lie in the order they were sampled in."""
        boot = boot_time_s()
        self.assertGreater(len(rows), 20)
        off = [(i, round(t / 1e6 - (boot + uptime), 2)) for i, (t, uptime) in enumerate(rows)]
        self.assertEqual([e for e in off if abs(e[1]) > most_off_s], [], f"errors of more than a second of {len(off)}")
        times = [t for t, _ in rows]
        self.assertEqual(len(times), len(set(times)), "a duplicate")
        uptimes = [u for _, u in rows]
        self.assertEqual(uptimes, sorted(uptimes), "another order")
        self.assertLess(max(b - a for a, b in zip(uptimes, uptimes[1:])), 2, "a hole")
        self.assertEqual(self.hub.rest.get("/devices/pi/gaps?from=0&to=4000000000000000")["gaps"], [])

    def away_and_back(self, off_by_s):
        """Started wrong and without a hub; the hub's Welcome puts the times right, later the clock itself."""
        clock = AgentClock(self, off_by_s)
        agent = self.agent("pi", clock)
        self.hub.kill()
        agent.start()
        self.sampled(agent, 150)
        self.assertFalse(agent.status()["clock_synchronised"])
        self.hub.start()
        before = len(self.everything("pi", agent))
        self.sampled(agent, 150)
        clock.synchronise(agent)
        wait_until(lambda: agent.status().get("clock_synchronised"), "the synchronisation")
        self.sampled(agent, 150)
        rows = self.everything("pi", agent)
        self.assertGreater(len(rows), before)
        self.check(rows)
        flags = self.flags("pi")
        early = [f for f in flags if f & UNSYNCHRONISED]
        self.assertTrue(early and all(f & REBASED for f in early), flags)
        self.assertTrue([f for f in flags if not f & UNSYNCHRONISED], "what came after it is not flagged")
        agent.stop()
        self.hub.stop()

    def test_1970_enrolment_included(self):
        self.away_and_back(TO_1970)

    def test_three_days_ago(self):
        self.away_and_back(-3 * 86_400)

    def test_in_three_days(self):
        self.away_and_back(3 * 86_400)

    def test_an_hour_ahead_put_back_before_the_hub_is_there(self):
        clock = AgentClock(self, 3_600)
        agent = self.agent("pi", clock)
        self.hub.kill()
        agent.start()
        self.sampled(agent, 150)
        agent.kill()  # what it left on disk is put right by the next start, of the same boot
        agent.start()
        self.sampled(agent, 150)
        clock.synchronise(agent)
        wait_until(lambda: agent.status().get("clock_synchronised"), "the synchronisation")
        self.sampled(agent, 150)
        self.hub.start()
        rows = self.everything("pi", agent)
        boot = boot_time_s()
        off = [(i, round(t / 1e6 - (boot + uptime), 2)) for i, (t, uptime) in enumerate(rows)]
        self.assertEqual([e for e in off if abs(e[1]) > 1], [], f"errors of more than a second of {len(off)}")
        times = [t for t, _ in rows]
        self.assertEqual(len(times), len(set(times)))
        self.assertEqual([u for _, u in rows], sorted(u for _, u in rows))
        self.assertLess(max(b[1] - a[1] for a, b in zip(rows, rows[1:])), 5, "a kill costs a flush interval, no more")
        agent.stop()
        self.hub.stop()

    def test_a_clock_that_is_trusted_and_goes_back_an_hour_costs_no_reading(self):
        clock = AgentClock(self, 3_600, synchronised=True)  # the kernel says so, and is wrong
        agent = self.agent("pi", clock).start()
        self.everything("pi", agent)
        self.sampled(agent, 150)
        clock.put(0)
        self.sampled(agent, 300)
        rows = self.everything("pi", agent)
        uptimes = sorted(u for _, u in rows)
        self.assertEqual(len(uptimes), len(set(uptimes)), "a duplicate")
        self.assertLess(max(b - a for a, b in zip(uptimes, uptimes[1:])), 2, "a hole")
        newest = max(rows, key=lambda row: row[1])
        self.assertLess(abs(newest[0] / 1e6 - (boot_time_s() + newest[1])), 1.0)
        agent.stop()
        self.hub.stop()

    def test_an_earlier_boot_that_never_learnt_the_time_is_sent_as_it_is_and_flagged(self):
        boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id")
        other = pathlib.Path(tempfile.mkdtemp(prefix="boot-")) / "boot_id"
        self.addCleanup(shutil.rmtree, other.parent, True)
        other.write_text(str(uuid.uuid4()) + "\n")
        in_another_boot = ["unshare", "-m", "sh", "-c", f'mount --bind {other} {boot_id} && exec "$@"', "sh"]
        tried = subprocess.run([*in_another_boot, "cat", str(boot_id)], capture_output=True, text=True)
        if tried.stdout != other.read_text():
            print(f"not tested, since mounting is not permitted here: {tried.stderr}")
            return
        clock = AgentClock(self, -3 * 86_400)
        agent = self.agent("pi", clock)
        self.hub.kill()
        agent.process = Process([*in_another_boot, BIN / "device-agent", "run", "--state-dir", agent.state, "--config",
                                 agent.config], agent.log, env=agent.env)
        self.sampled(agent, 150)
        agent.stop()
        agent.start()
        self.sampled(agent, 150)
        self.hub.start()
        rows = self.everything("pi", agent)
        boot = boot_time_s()
        errors = sorted(t / 1e6 - (boot + uptime) for t, uptime in rows)
        wrong = [e for e in errors if abs(e) > 1]
        self.assertGreater(len(wrong), 3)
        self.assertGreater(len(errors) - len(wrong), 3, "this boot's are put right")
        for error in wrong:
            self.assertAlmostEqual(error, -3 * 86_400, delta=1.5)
        flags = self.flags("pi")
        self.assertTrue([f for f in flags if f & UNSYNCHRONISED and not f & REBASED], "flagged, and not as put right")
        self.assertTrue([f for f in flags if f & UNSYNCHRONISED and f & REBASED])
        self.assertEqual(len({u for _, u in rows}), len(rows))
        agent.stop()
        self.hub.stop()


if __name__ == "__main__":
    unittest.main()
