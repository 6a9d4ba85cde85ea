"""Fifty viewers that stop reading, beside fifty that do not: memory stays bounded, nobody is held up, nothing is lost."""
import asyncio
import pathlib
import resource
import time
import unittest

from device_client import Device, body
from live_client import LiveClient
from processes import DEADLINE_S, Hub
from telemetry.v1 import live_pb2 as pb
from telemetry.v1 import readings_pb2 as rd

VIEWERS = 50
FRAMES, READINGS = 40, 5_000  # some 2.4 MB for each viewer
# Of a stalled viewer. Much below two segments of loopback (64 KiB) TCP itself stops but for a probe now and then.
RECEIVE_BUFFER = 192 * 1024
# What the hub may hold for a viewer that takes nothing: its backlog, and a message more. Beside it what the readings
# themselves cost, and what the allocator keeps.
BACKLOG_BYTES, MESSAGE_BYTES = 256 * 1024, 64 * 1024
BOUND_BYTES = VIEWERS * (BACKLOG_BYTES + MESSAGE_BYTES) + 20 * 1024 * 1024
LEAST_BYTES = 32 * 1024  # of one, where all together have used up live.budget_mb


def resident(hub):
    pages = int(pathlib.Path(f"/proc/{hub.process.child.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def metric(hub, name):
    for line in hub.rest.call("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"telemetry_hub_{name} "):
            return int(float(line.split()[1]))
    raise AssertionError("no such metric")


class StalledViewers(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.serve([])

    def serve(self, arguments, **kw):
        self.hub = Hub(arguments, **kw).start()
        self.token = self.hub.rest.post("/tokens", {"name": "viewers", "scopes": ["read"]})["token"]

    def tearDown(self):
        self.hub.stop()
        self.hub.close()

    async def join(self, count, **kw):
        clients = [LiveClient(self.hub, self.token, **kw) for _ in range(count)]
        for client in clients:
            await client.connect()
            self.assertTrue(await client.until(lambda c: c.phases and c.phases[-1] == pb.LivePhase.PHASE_LIVE))
        return clients

    async def write(self, device):
        """Readings that count; returns how many."""
        base = int(time.time() * 1e6)
        for n in range(FRAMES):
            first = 1 + n * READINGS
            await device.frame(2 + n, body([float(first + i) for i in range(READINGS)], base_us=base + first, step_us=1, define=None))
            await device.acked(2 + n)
        return 1 + FRAMES * READINGS

    async def in_time(self, client, condition):
        try:
            return await asyncio.wait_for(client.until(condition), DEADLINE_S)
        except asyncio.TimeoutError:
            raise AssertionError(f"the viewer waited in vain at {client.next}, phases {client.phases}") from None

    async def complete(self, client, total):
        """Reads on. It was told that it lagged; where it was closed, it was told why while the hub waited for it to
        read, and goes on where it was."""
        def is_complete(c):
            return c.next == total and c.phases[-1] in (pb.LivePhase.PHASE_LIVE, pb.LivePhase.PHASE_CONFLATED)
        if not await self.in_time(client, is_complete):
            self.assertIn(client.close_code, (4200, 1006))
            await client.resume()
            self.assertTrue(await self.in_time(client, is_complete))
        # Where a frame is more than may wait at all, it is brought in parts instead, and that is told.
        since_live = client.phases[client.phases.index(pb.LivePhase.PHASE_LIVE):]
        self.assertTrue(client.close_code or {pb.LivePhase.PHASE_LATEST_ONLY, pb.LivePhase.PHASE_CATCH_UP} & set(since_live))
        self.assertNotIn(pb.LivePhase.PHASE_RESTARTED, client.phases)

    async def test_fifty_stalled_viewers_cost_their_bound_and_hurt_nobody(self):
        device = await Device(self.hub, self.hub.new_device("counter")[1]).connect()
        await device.frame(1, body([0.0], define=("count", "1", rd.VALUE_TYPE_NUMBER)))
        await device.acked(1)
        stalled = await self.join(VIEWERS, receive_buffer=RECEIVE_BUFFER)
        healthy = await self.join(VIEWERS)
        before = resident(self.hub)

        async def follow(client):
            self.assertTrue(await client.until(lambda c: c.next == 1 + FRAMES * READINGS), f"closed {client.close_code}")

        await asyncio.wait_for(asyncio.gather(self.write(device), *(follow(client) for client in healthy)), 4 * DEADLINE_S)
        total = 1 + FRAMES * READINGS
        # Raw to the last: who reads is not slowed down by who does not.
        self.assertTrue(all(set(client.phases) <= {pb.LivePhase.PHASE_HISTORY, pb.LivePhase.PHASE_CATCH_UP, pb.LivePhase.PHASE_LIVE}
                            for client in healthy))
        grown = resident(self.hub) - before
        print(f"the hub grew by {grown / 1e6:.1f} MB of at most {BOUND_BYTES / 1e6:.1f}; "
              f"the readings came to {total * 12 / 1e6:.1f} MB a viewer")
        self.assertLess(grown, BOUND_BYTES)
        self.assertTrue(all(client.next < total for client in stalled))

        # Half of them read again, on a quick machine before the hub gives them up …
        for client in stalled[:VIEWERS // 2]:
            await self.complete(client, total)
        # … half do not. They hear why when they read at last, and go on where they were.
        given_up = stalled[VIEWERS // 2:]
        end = time.monotonic() + DEADLINE_S + 45
        for client in stalled[:VIEWERS // 2]:
            await client.close()
        # They read on meanwhile: whoever answers no ping is dead.
        reading = [asyncio.create_task(client.until(lambda c: False)) for client in healthy]
        while await asyncio.to_thread(metric, self.hub, "live_slow_closed_total") < len(given_up):
            self.assertLess(time.monotonic(), end, "the hub did not give them up")
            self.assertFalse(any(one.done() for one in reading), "one that reads was closed")
            await asyncio.sleep(0.2)
        for client in given_up:
            await self.complete(client, total)
        self.assertIn(4200, {client.close_code for client in given_up})
        await asyncio.gather(*(client.close() for client in stalled + healthy))
        self.assertEqual(await asyncio.gather(*reading), [False] * len(healthy))
        await device.close()

    async def test_many_that_stall_share_what_may_wait(self):
        self.tearDown()
        self.serve([], env={"TELEMETRY_HUB_LIVE_BUDGET_MB": "2"})
        device = await Device(self.hub, self.hub.new_device("counter")[1]).connect()
        await device.frame(1, body([0.0], define=("count", "1", rd.VALUE_TYPE_NUMBER)))
        await device.acked(1)
        stalled = await self.join(VIEWERS, receive_buffer=RECEIVE_BUFFER)
        total = await asyncio.wait_for(self.write(device), 4 * DEADLINE_S)
        waiting = await asyncio.to_thread(metric, self.hub, "live_backlog_bytes")
        print(f"{waiting / 1e6:.1f} MB wait for {VIEWERS} viewers")
        self.assertGreater(waiting, 0)
        self.assertLess(waiting, VIEWERS * (LEAST_BYTES + MESSAGE_BYTES))
        await asyncio.gather(*(self.complete(client, total) for client in stalled))
        await asyncio.gather(*(client.close() for client in stalled))
        await device.close()


if __name__ == "__main__":
    unittest.main()
