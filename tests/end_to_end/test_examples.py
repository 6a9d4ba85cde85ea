"""The programs in docs/examples, run as their texts say, against the real hub."""
import asyncio
import csv
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from collections import Counter

from device_client import Device, body
import known_secrets
from processes import DEADLINE_S, Hub, wait_until
from telemetry.v1 import device_pb2 as pb
from telemetry.v1 import readings_pb2 as rd

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples"


class Follower:
    """An example as a child; its rows and what it says on stderr, as they come."""

    def __init__(self, hub, command, token):
        env = {**os.environ, "HUB_TOKEN": token, "NODE_EXTRA_CA_CERTS": str(hub.ca_file)}
        self.child = subprocess.Popen([str(one) for one in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, env=env)
        self.lines, self.said = [], []
        self.threads = [threading.Thread(target=into.extend, args=(stream,), daemon=True)
                        for into, stream in ((self.lines, self.child.stdout), (self.said, self.child.stderr))]
        for thread in self.threads:
            thread.start()

    def rows(self):
        return list(csv.DictReader(line for line in list(self.lines) if line.endswith("\n")))

    def readings(self):
        """(time in µs, value) and how often it was printed."""
        return Counter((round(float(row["time"]) * 1e6), float(row["value"])) for row in self.rows())

    def counted(self):
        return sum(int(row["count"]) for row in self.rows())

    async def until(self, condition, what):
        def ended_or_true():
            return condition() or self.child.poll() is not None
        try:
            await asyncio.to_thread(wait_until, ended_or_true, what)
            assert condition(), f"ended with {self.child.returncode} before {what}: {''.join(self.said)[-2000:]}"
        except AssertionError as error:
            raise AssertionError(f"{error}; said {self.said[-10:]}, rows {self.lines[-3:]}") from None

    async def end(self, number=signal.SIGINT):
        """Ctrl-C; what it ended with."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            await asyncio.to_thread(self.child.wait, DEADLINE_S)
        finally:
            self.kill()
        return self.child.returncode

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for thread in self.threads:
            thread.join(DEADLINE_S)
        for stream in (self.child.stdout, self.child.stderr):
            stream.close()
        known_secrets.check_text("what an example said", "".join(self.said))


class Followers:
    """What each of the followers has to do."""

    def command(self, *args):
        raise NotImplementedError

    def setUp(self):
        self.hub = Hub().start()
        self.token = self.hub.rest.post("/tokens", {"name": "follow", "scopes": ["read"]})["token"]
        known_secrets.note(self.token)
        self.followers = []

    def tearDown(self):
        for follower in self.followers:
            follower.kill()
        self.hub.stop()
        self.hub.close()

    def follow(self, *args, token=None):
        self.followers.append(Follower(self.hub, self.command(self.hub.url(), *args), token or self.token))
        return self.followers[-1]

    async def device(self, name="python"):
        self.name, self.device_token = name, self.hub.new_device(name)[1]
        self.sequence = 0
        self.link = await Device(self.hub, self.device_token).connect()

    async def send(self, *frames):
        for one in frames:
            self.sequence += 1
            await self.link.frame(self.sequence, one)
        await self.link.acked(self.sequence)

    async def back(self):
        epoch = self.link.epoch
        self.link = await Device(self.hub, self.device_token, epoch=epoch,
                                 streams=[(epoch, 0, 1, self.sequence + 1)]).connect()

    def stored(self):
        return Counter((us, value) for us, value in self.hub.readings(self.name, "temperature"))

    async def test_every_reading_is_printed_once_though_the_hub_is_killed(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([float(i) for i in range(300)], base_us=now - 400_000_000))
        follower = self.follow("--device", self.name, "--series", "temp*", "--ago", 1000)
        await follower.until(lambda: len(follower.rows()) >= 300, "the history")
        await self.send(body([1000.5], base_us=now, define=None))
        await follower.until(lambda: len(follower.rows()) >= 301, "a live reading")
        await self.link.close()
        self.hub.kill()
        await follower.until(lambda: any("again in" in line for line in follower.said), "the loss of the connection")
        self.hub.start()
        await self.back()
        await self.send(body([2000.5, 2001.5], base_us=now + 1000, step_us=1))
        await follower.until(lambda: len(follower.rows()) >= 303, "what came while it was away")
        await self.send(body([3000.5], base_us=now + 2000, define=None), body([-1.5], base_us=now - 500_000_000, define=None))
        await follower.until(lambda: len(follower.rows()) >= 305, "what came late")
        self.assertEqual(follower.readings(), self.stored())
        self.assertEqual(max(follower.readings().values()), 1)
        first = follower.rows()[0]
        self.assertEqual((first["device"], first["series"], first["unit"], first["count"]), ("python", "temperature", "Cel", "1"))
        self.assertEqual(await follower.end(), 0, "".join(follower.said))

    async def test_a_rate_folds_readings_and_loses_none_of_them(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([0.5], base_us=now - 10_000_000))
        follower = self.follow("--rate", 5)
        await follower.until(lambda: follower.counted() == 1, "the newest value")
        def folded():
            return [row for row in follower.rows() if int(row["count"]) > 1]
        sent = 0
        while len(folded()) < 3:  # before the first tick at its rate every reading comes
            await self.send(body([float(i % 7) for i in range(100)], base_us=now + sent, step_us=1, define=None))
            sent += 100
        await follower.until(lambda: follower.counted() >= sent + 1, "all readings, by their count")
        self.assertEqual(follower.counted(), sent + 1)
        self.assertTrue(all(float(row["minimum"]) <= float(row["value"]) <= float(row["maximum"]) for row in folded()))
        self.assertEqual(await follower.end(signal.SIGTERM), 0, "".join(follower.said))

    async def test_gaps_are_told_once(self):
        await self.device()
        await self.send(body([1.0]))
        now = int(time.time() * 1e6)
        self.sequence += 1
        lost = rd.GapRecord(series=1, from_us=now - 60_000_000, to_us=now - 50_000_000, count=7, reason=rd.GAP_REASON_SPOOL_FULL)
        await self.link.send(gap=pb.GapFrame(stream=0, first=self.sequence, last=self.sequence, gaps=[lost]))
        await self.link.acked(self.sequence)
        follower = self.follow("--ago", 600)
        await follower.until(lambda: any("gap" in line for line in follower.said), "the gap")
        await follower.end()
        told = [line for line in follower.said if "gap" in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn("7 readings, spool_full", told[0])

    async def test_a_wrong_token_ends_it_with_a_reason(self):
        follower = self.follow(token="thub_wrong")
        await asyncio.to_thread(follower.child.wait, DEADLINE_S)
        follower.kill()
        self.assertEqual(follower.child.returncode, 1)
        self.assertRegex("".join(follower.said), "refuses|signed out")

    async def test_a_revoked_token_ends_it(self):
        made = self.hub.rest.post("/tokens", {"name": "brief", "scopes": ["read"]})
        await self.device()
        await self.send(body([1.0]))
        follower = self.follow(token=made["token"])
        await follower.until(lambda: len(follower.rows()) == 1, "the newest value")
        self.hub.rest.call("DELETE", f"/api/v1/tokens/{made['id']}")
        await asyncio.to_thread(follower.child.wait, DEADLINE_S)
        self.assertEqual(follower.child.returncode, 1)
        follower.kill()
        self.assertIn("4001", "".join(follower.said))


class Python(Followers, unittest.IsolatedAsyncioTestCase):
    def command(self, *args):
        return ["/usr/bin/python3", EXAMPLES / "follow.py", *args, "--ca", self.hub.ca_file]


class Node(Followers, unittest.IsolatedAsyncioTestCase):
    def command(self, *args):
        return ["node", EXAMPLES / "follow.mjs", *args]


class NodeEvents(Node):
    """The same over server-sent events, as where WebSockets are blocked."""

    def command(self, *args):
        return super().command(*args, "--events")


CONSUMER = """import { connect, type Happening, type SeriesInfo } from './telemetry-live.mjs';
const client = connect({ url: 'https://hub:8443', token: 'secret' });
const subscription = client.subscribe({ devices: ['greenhouse-1'], agoUs: 60e6, width: 100 });
export async function follow(): Promise<number> {
  let readings = 0;
  for await (const happening of subscription) readings += count(happening);
  return readings;
}
function count(happening: Happening): number {
  return happening.kind === 'readings' ? happening.timesUs.length : 0;
}
export const names = (): string[] => subscription.series.map((one: SeriesInfo) => one.name);
"""
MISUSER = CONSUMER.replace("width: 100", "width: 'wide'")


class ClientTypes(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("telemetry-live.mjs", "telemetry-live.d.mts"):
                shutil.copy(EXAMPLES / "lib" / name, folder)
            (pathlib.Path(folder) / "consumer.mts").write_text(text)
            compiler = EXAMPLES.parents[1] / "dashboard" / "node_modules" / ".bin" / "tsc"
            return subprocess.run([compiler, "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "consumer.mts"],
                                  cwd=folder, capture_output=True, text=True, check=False)

    def test_a_program_of_its_own_compiles_with_nothing_but_the_two_files(self):
        checked = self.check(CONSUMER)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_a_wrong_option_is_an_error_that_names_it(self):
        checked = self.check(MISUSER)
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn("consumer.mts(3,", checked.stdout)
        self.assertIn("number", checked.stdout)


if __name__ == "__main__":
    unittest.main()
