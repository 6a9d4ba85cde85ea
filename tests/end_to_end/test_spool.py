"""The agent without a hub, with a hub that does not answer, without a disk: what it keeps, and what it says of the rest."""
import os
import shutil
import signal
import tempfile
import time
import unittest

import mounts
from processes import Agent, Hub, wait_until

FAST = """
[agent]
interval = "100ms"
flush = "1s"
spool_max = "{spool}"

[auto]
disable = {disable}
"""


def config(spool="64MiB", disable="[]"):
    return FAST.format(spool=spool, disable=disable)


class WithHub(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)

    def agent(self, name, **more):
        # Status in a runtime folder of its own: told every two seconds.
        runtime = tempfile.mkdtemp(prefix="runtime-")
        self.addCleanup(shutil.rmtree, runtime, True)
        agent = Agent(self.hub, name, env={"RUNTIME_DIRECTORY": runtime}, **more)
        self.addCleanup(agent.close)
        return agent

    def presence(self, name):
        return self.hub.rest.get(f"/devices/{name}")["presence"]

    def series(self, name):
        return {s["name"]: s for s in self.hub.rest.get(f"/devices/{name}/series")["series"]}

    def gaps(self, name):
        return self.hub.rest.get(f"/devices/{name}/gaps?from=0&to=4000000000000000")["gaps"]

    def problem(self, name):
        found = self.series(name).get("agent.problem")
        return found["latest"]["value"] if found and found["latest"] else None

    def wait(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, f"{seconds} seconds")


class Overfull(WithHub):
    def test_what_is_stored_and_what_is_told_lost_make_up_what_was_sampled(self):
        agent = self.agent("small", config=config("16KiB")).start()
        wait_until(lambda: "uptime" in self.series("small"), "readings")
        self.hub.kill()
        wait_until(lambda: agent.status().get("dropped_readings", 0) > 5_000, "a spool that overflows twice")
        self.assertLess(agent.status()["spool_bytes"], 24 * 1024)
        # A command's outcome is not telemetry: what was run before is known after, however full the spool.
        self.hub.start()
        wait_until(lambda: self.presence("small") == "online", "the agent")
        made = self.hub.rest.post("/devices/small/executions", {"command": "ping"})
        wait_until(lambda: self.hub.rest.get(f"/executions/{made['id']}")["state"] == "SUCCEEDED", "the command")
        self.hub.kill()
        self.wait(2)
        agent.stop()
        said = [line for line in agent.log.read_text().splitlines() if "readings sampled" in line][-1]
        sampled, dropped = [int(word) for word in said.split("stopped:")[1].replace(",", " ").split() if word.isdigit()][:2]
        self.assertGreater(dropped, 5_000)
        # Another start brings the rest, and samples nothing itself.
        agent.config.write_text(config("16KiB", '["*"]'))
        self.hub.start()
        agent.start()
        wait_until(lambda: self.presence("small") == "online" and agent.status().get("held") == 0, "the rest")
        gaps = self.gaps("small")
        self.assertEqual({g["reason"] for g in gaps}, {"spool_full"})
        lost = sum(g["count"] for g in gaps)
        self.assertEqual(lost, dropped)
        stored = sum(len(self.hub.readings("small", name)) for name in self.series("small"))
        self.assertEqual(stored + lost, sampled)
        for gap in gaps:
            self.assertTrue(0 < gap["from"] <= gap["to"], gap)
            inside = [t for t, _ in self.hub.readings("small", gap["series"]) if gap["from"] <= t <= gap["to"]]
            between = [g for g in gaps if g["series"] == gap["series"]]
            self.assertTrue(not inside or len(between) > 1, f"{gap} covers what is there")
        agent.stop()
        self.hub.stop()


class SilentHub(WithHub):
    def test_a_hub_that_takes_frames_and_never_acknowledges_costs_disk_and_nothing_else(self):
        agent = self.agent("patient", config=config()).start()
        wait_until(lambda: agent.status().get("state") == "connected" and self.series("patient"), "the link")
        written = agent.status()["spool_written_bytes"]
        stopped = self.hub.process.child.pid
        os.kill(stopped, signal.SIGSTOP)
        try:
            before = agent.status()["sampled_readings"]
            wait_until(lambda: agent.status()["sampled_readings"] > before + 1_000, "sampling that goes on")
            now = wait_until(lambda: agent.status() if agent.status()["spool_written_bytes"] > written else None,
                             "the spool on disk")
            self.assertLess(now["spool_memory_bytes"], 4 << 20)
            self.assertGreater(now["held"], 4)
        finally:
            os.kill(stopped, signal.SIGCONT)
        wait_until(lambda: agent.status().get("held", 99) <= 4, "the acknowledgement of everything")
        times = [t for t, _ in self.hub.readings("patient", "uptime")]
        self.assertEqual(len(times), len(set(times)))
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 2_000_000)
        self.assertEqual(self.gaps("patient"), [])
        agent.stop()
        self.hub.stop()

    def test_an_agent_killed_beside_it_has_what_was_flushed(self):
        agent = self.agent("killed", config=config()).start()
        wait_until(lambda: agent.status().get("state") == "connected" and self.series("killed"), "the link")
        stopped = self.hub.process.child.pid
        os.kill(stopped, signal.SIGSTOP)
        try:
            self.wait(6)
            agent.kill()
            killed_us = time.time() * 1e6
        finally:
            os.kill(stopped, signal.SIGCONT)
        agent.start()
        newest = lambda: self.hub.readings("killed", "uptime")
        wait_until(lambda: newest()[-1][0] > killed_us, "the next start")
        wait_until(lambda: agent.status().get("held", 99) <= 4, "the spool of the first")
        before = [t for t, _ in newest() if t < killed_us]
        # One flush interval, one frame's age, one tick of the agent's second hand.
        self.assertGreater(before[-1], killed_us - 4_000_000)
        self.assertLess(max(b - a for a, b in zip(before, before[1:])), 2_000_000)
        agent.stop()
        self.hub.stop()


class BadDisk(WithHub):
    def test_a_full_disk_is_told_and_costs_nothing_once_there_is_room_again(self):
        disk = mounts.small_disk(self, 4)
        if disk is None:
            return
        agent = self.agent("full", config=config(), state=disk.path).start()
        wait_until(lambda: self.problem("full") == "", "a device without problems")
        stuffing = disk.path / "stuffing"
        with open(stuffing, "wb") as file:
            try:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            except OSError:
                pass
        # Still connected: nothing is written, and it is told all the same, to the hub.
        wait_until(lambda: "is full" in (self.problem("full") or ""), "the problem as a series", 20)
        self.hub.kill()
        wait_until(lambda: "cannot be written" in (agent.status().get("problem") or ""), "the problem in the status", 20)
        self.assertGreater(agent.status()["spool_memory_bytes"], 0)
        self.wait(4)
        self.assertIsNone(agent.process.child.poll())
        self.assertEqual(agent.log.read_text().count("cannot write the spool"), 1, "told once")
        stuffing.unlink()
        freed = time.monotonic()
        wait_until(lambda: agent.status().get("problem", "") is None, "recovery by itself", 15)
        wait_until(lambda: agent.status()["spool_written_bytes"] > 0, "the spool on disk", 10)
        self.assertLess(time.monotonic() - freed, 20)
        self.hub.start()
        wait_until(lambda: self.presence("full") == "online" and agent.status().get("held", 99) <= 4, "everything")
        times = [t for t, _ in self.hub.readings("full", "uptime")]
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 2_000_000, "nothing is missing")
        self.assertEqual(self.gaps("full"), [])
        wait_until(lambda: self.problem("full") == "", "the end of the problem as a series")
        told = [text for _, text in self.hub.readings("full", "agent.problem")]
        self.assertTrue(any("cannot be written" in text for text in told), told)
        agent.stop()
        self.hub.stop()

    def test_a_command_on_a_full_disk_has_a_true_outcome(self):
        disk = mounts.small_disk(self, 4)
        if disk is None:
            return
        agent = self.agent("asked", config=config(), state=disk.path).start()
        wait_until(lambda: self.presence("asked") == "online", "the agent")
        with open(disk.path / "stuffing", "wb") as file:
            try:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            except OSError:
                pass
        ended = lambda e: e if e["state"] not in ("QUEUED", "SENT", "ACCEPTED", "RUNNING") else None
        made = self.hub.rest.post("/devices/asked/executions", {"command": "ping"})
        done = wait_until(lambda: ended(self.hub.rest.get(f"/executions/{made['id']}")), "the outcome")
        self.assertEqual(done["state"], "REJECTED", "what cannot be remembered is not run")
        self.assertIn("ledger", done["error"])
        (disk.path / "stuffing").unlink()
        made = self.hub.rest.post("/devices/asked/executions", {"command": "ping"})
        done = wait_until(lambda: ended(self.hub.rest.get(f"/executions/{made['id']}")), "the outcome")
        self.assertEqual(done["state"], "SUCCEEDED")
        agent.stop()
        self.hub.stop()

    def test_an_agent_on_a_read_only_disk_runs_streams_and_says_so(self):
        disk = mounts.breakable_disk(self, 16)
        if disk is None:
            return
        agent = self.agent("frozen", config=config(), state=disk.path).start()
        wait_until(lambda: self.problem("frozen") == "", "a device without problems")
        agent.stop()
        disk.remount("ro")
        agent.start()
        wait_until(lambda: "read-only" in (self.problem("frozen") or ""), "the problem as a series", 30)
        self.hub.kill()
        wait_until(lambda: "cannot be written" in (agent.status().get("problem") or ""), "the problem in the status", 20)
        self.wait(2)
        self.hub.start()
        wait_until(lambda: self.presence("frozen") == "online" and agent.status().get("held", 99) <= 4, "everything")
        start = [t for t, text in self.hub.readings("frozen", "agent.problem") if "read-only" in text][0]
        times = [t for t, _ in self.hub.readings("frozen", "uptime") if t > start]
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 2_000_000)
        disk.remount("rw")
        wait_until(lambda: self.problem("frozen") == "", "recovery by itself", 20)
        agent.stop()
        self.hub.stop()


if __name__ == "__main__":
    unittest.main()
