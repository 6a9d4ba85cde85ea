"""The live link over real wss, seen by a client in another language (npm ws): history, seam, resume, slow viewers."""
import asyncio
import json
import pathlib
import subprocess
import threading
import time
import unittest
from collections import Counter

from device_client import Device, body
import known_secrets
from processes import DEADLINE_S, Hub, wait_until

VIEWER = pathlib.Path(__file__).parent / "live_viewer" / "live_viewer.js"
LIVE = ("LIVE", "CONFLATED")


def taken(viewer):
    """How many readings a viewer was told of, alone or conflated."""
    return sum(viewer.readings().values()) + sum(one["count"] for one in viewer.all("conflated"))


class Viewer:
    """The Node viewer as a child; what it tells arrives in order."""

    def __init__(self, hub, *args, cookie=None):
        self.told, self.changed = [], threading.Condition()
        self.log = open(hub.folder / "viewer.log", "ab")
        self.child = subprocess.Popen(
            ["node", str(VIEWER), "--url", hub.url(), "--ca", str(hub.ca_file),
             "--cookie", hub.rest.cookie if cookie is None else cookie, *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.changed:
                self.told.append(json.loads(line))
                self.changed.notify_all()

    def ask(self, **request):
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()

    def until(self, condition, what):
        give_up = time.monotonic() + DEADLINE_S
        with self.changed:
            # Conditions go through all that was told: they are asked when there is noticeably more of it, or a little later.
            while not condition(self):
                known = len(self.told)
                if time.monotonic() > give_up:
                    raise AssertionError(f"the viewer waited in vain for {what}; last: {self.told[-5:]}")
                self.changed.wait_for(lambda: len(self.told) > known + known // 20, 0.05)
        return self

    def all(self, kind, **fields):
        return [one for one in list(self.told) if one["type"] == kind and all(one.get(k) == v for k, v in fields.items())]

    def phases(self, subscription=1):
        return [one["phase"] for one in self.all("phase", subscription=subscription)]

    def live(self, subscription=1):
        return self.until(lambda v: (v.phases(subscription) or [""])[-1] in LIVE, "LIVE")

    def readings(self, subscription=1):
        """(time, value) and how often, of everything since the subscription last began anew."""
        begins = [i for i, one in enumerate(self.told) if one["type"] == "phase" and one["subscription"] == subscription and
                  one["phase"] in ("HISTORY", "RESTARTED")]
        told = self.told[begins[-1] if begins else 0:]
        return Counter((one["time"], one["value"]) for one in told
                       if one["type"] == "reading" and one["subscription"] == subscription)

    def position(self):
        return [one["position"] for one in self.all("message") if one["position"]][-1]

    def end(self):
        if self.child.poll() is None:
            try:
                self.ask(close=True)
            except BrokenPipeError:
                pass
            try:
                self.child.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.kill()
        return self

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.reader.join(DEADLINE_S)
        for pipe in (self.child.stdin, self.child.stdout, self.log):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        known_secrets.check_log(self.log.name)


class Live(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.viewers = []

    def tearDown(self):
        for viewer in self.viewers:
            viewer.kill()
        self.hub.stop()
        self.hub.close()

    def view(self, *args, **kw):
        self.viewers.append(Viewer(self.hub, *args, **kw))
        return self.viewers[-1]

    async def device(self, name="python"):
        self.name, self.token = name, self.hub.new_device(name)[1]
        self.sequence = 0
        self.link = await Device(self.hub, self.token).connect()
        return self.link

    async def send(self, *frames):
        for one in frames:
            self.sequence += 1
            await self.link.frame(self.sequence, one)
        await self.link.acked(self.sequence)

    def stored(self, start=0):
        return Counter(self.hub.readings(self.name, "temperature", start=start))

    async def agrees(self, viewer, start=0):
        """In the end the view is the store's, each reading once."""
        want = self.stored(start)
        self.assertTrue(want)
        await asyncio.to_thread(viewer.until, lambda v: sum(v.readings().values()) >= sum(want.values()), f"{sum(want.values())} readings")
        self.assertEqual(viewer.readings(), want)
        self.assertEqual(max(want.values()), 1)

    async def test_history_then_live_each_reading_once(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([float(i) for i in range(500)], base_us=now - 600_000_000))
        viewer = self.view("--series", "temp*", "--from", now - 700_000_000).live()
        self.assertEqual([p for p in viewer.phases() if p != "CATCH_UP"], ["HISTORY", "LIVE"])
        told = viewer.all("subscribed")[0]["series"]
        self.assertEqual([(s["name"], s["unit"]) for s in told], [("temperature", "Cel")])
        for i in range(5):
            await self.send(body([1000.0 + i], base_us=now + i, define=None))
        await self.agrees(viewer, now - 700_000_000)
        # Late: behind everything that was sent.
        await self.send(body([-5.0, -6.0], base_us=now - 650_000_000, define=None))
        await self.agrees(viewer, now - 700_000_000)
        self.assertTrue(viewer.all("reading", late=True))

    async def test_live_and_late_frames_while_history_is_sent(self):
        await self.device()
        now = int(time.time() * 1e6)
        start = now - 3_000_000_000
        await self.send(*[body([k * 1000.0 + i for i in range(1000)], base_us=start + k * 100_000_000, step_us=100_000,
                               define=None if k else ("temperature", "Cel", 1)) for k in range(25)])
        viewer = self.view("--series", "*", "--from", start)
        frames = 0
        while not (viewer.phases() or [""])[-1] in LIVE or frames < 60:
            frames += 1
            late = start + 50_000 + frames * 7_000_000  # between what is stored
            await self.send(body([1e6 + frames], base_us=now + frames * 1000, define=None),
                            body([2e6 + frames, 3e6 + frames], base_us=late, step_us=3, define=None))
        self.assertGreaterEqual(frames, 60)
        await self.agrees(viewer, start)

    async def test_a_viewer_resumes_where_it_was_across_a_killed_hub(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([1.0, 2.0, 3.0], base_us=now - 5_000_000))
        first = self.view("--series", "temp*", "--from", now - 10_000_000).live()
        await self.send(body([4.0], base_us=now, define=None))
        await self.agrees(first, now - 10_000_000)
        first.until(lambda v: v.position(), "a position")
        first.end()
        seen, position = first.readings(), first.position()
        await self.send(body([5.0, 6.0], base_us=now + 10, define=None))  # while nobody looks
        await self.link.close()
        self.hub.kill()
        self.hub.start()
        epoch = self.link.epoch
        self.link = await Device(self.hub, self.token, epoch=epoch, streams=[(epoch, 0, 1, self.sequence + 1)]).connect()
        second = self.view("--series", "temp*", "--from", now - 10_000_000, "--resume", position).live()
        self.assertNotIn("RESTARTED", second.phases())
        self.assertNotIn("HISTORY", second.phases())
        await self.send(body([7.0], base_us=now + 20))
        want = self.stored()
        await asyncio.to_thread(second.until, lambda v: sum(v.readings().values()) >= 3, "what was missed")
        self.assertEqual(seen + second.readings(), want)

    async def test_a_fixed_range_is_pixels_with_their_extremes(self):
        await self.device()
        now = int(time.time() * 1e6)
        start = now - 2_000_000_000
        values = [20.0 + (i % 7) for i in range(2000)]
        values[777] = 4711.0  # a spike of one reading
        await self.send(body(values[:1000], base_us=start), body(values[1000:], base_us=start + 1_000_000_000, define=None))
        viewer = self.view("--series", "*", "--from", start, "--to", start + 2_000_000_000, "--width", 100)
        viewer.until(lambda v: v.all("history_done"), "the history")
        buckets = viewer.all("bucket")
        self.assertLessEqual(len(buckets), 101)
        self.assertEqual(sum(b["count"] for b in buckets), 2000)
        self.assertEqual(max(b["maximum"] for b in buckets), 4711.0)
        self.assertEqual(min(b["minimum"] for b in buckets), 20.0)
        self.assertAlmostEqual(sum(b["sum"] for b in buckets), sum(values), places=3)

    async def test_a_slow_viewer_hurts_nobody_and_catches_up(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([0.0], base_us=now - 1_000_000))
        slow = self.view("--series", "temp*", "--from", now - 2_000_000).live()
        healthy = self.view("--series", "temp*", "--from", now - 2_000_000).live()
        slow.ask(pause_reading=True)
        for k in range(40):
            await self.send(body([k * 2000.0 + i + 0.123 for i in range(2000)], base_us=now + k * 2000, step_us=1, define=None))
        await self.agrees(healthy, now - 2_000_000)
        slow.ask(pause_reading=False)
        # On a slow machine the pause was longer than the hub waits for a viewer that takes nothing: it comes back then.
        seen, counted = Counter(), 0
        while True:
            await asyncio.to_thread(slow.until, lambda v: v.all("closed") or counted + taken(v) >= 80_001, "everything, every reading or conflated")
            seen, counted = seen + slow.readings(), counted + taken(slow)
            if counted >= 80_001:
                break
            slow = self.view("--series", "temp*", "--from", now - 2_000_000, "--resume", slow.position())
            slow.until(lambda v: v.phases(), "an answer to resuming")
            self.assertNotIn("RESTARTED", slow.phases())
        self.assertEqual(counted, 80_001)
        self.assertEqual(max(seen.values()), 1)

    async def test_presence_and_the_end_of_a_session_are_seen(self):
        await self.device()
        viewer = self.view()
        viewer.until(lambda v: v.all("presence", name="python", presence="online"), "online")
        await self.link.close()
        viewer.until(lambda v: v.all("presence", name="python", presence="offline") or
                     v.all("presence", name="python", presence="asleep"), "offline")
        answer = self.hub.rest.call("DELETE", "/api/v1/session")
        self.assertIn(answer.status, (200, 204))
        viewer.until(lambda v: v.all("closed"), "the close after signing out")
        self.assertEqual(viewer.all("closed")[0]["code"], 4001)
        self.hub.rest.sign_in()

    async def test_wrong_requests_are_told_and_the_link_lives(self):
        await self.device()
        viewer = self.view()
        viewer.until(lambda v: v.all("hub"), "the hub's greeting")
        for request in ({"id": 0, "selector": {"series": ["*"]}}, {"id": 1, "selector": {"groups": ["g"] * 65, "series": ["*"]}},
                        {"id": 1, "selector": {"series": ["*"]}, "fromUs": 10, "toUs": 5}):
            before = len(viewer.all("error"))
            viewer.ask(subscribe=request)
            viewer.until(lambda v: len(v.all("error")) > before, f"an error for {request}")
            self.assertTrue(viewer.all("error")[-1]["message"])
        viewer.ask(ping={"nonce": 7})
        viewer.until(lambda v: v.all("pong", nonce=7), "a pong")
        stranger = self.view(cookie="hub_session=nobody")
        stranger.until(lambda v: v.all("refused"), "a refusal")
        self.assertEqual(stranger.all("refused")[0]["status"], 401)


if __name__ == "__main__":
    unittest.main()
