"""kill -9 of the hub and of the agent under load: nothing acknowledged is lost, nothing is stored twice."""
import asyncio
import os
import random
import unittest

import websockets
from device_client import Closed, Device, body
from processes import Agent, Hub, wait_until

KILLS = int(os.environ.get("KILLS", "20"))


class HubKilled(unittest.IsolatedAsyncioTestCase):
    async def test_no_acknowledged_frame_is_lost_and_none_is_stored_twice(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        print(f"seed {seed}")
        dice = random.Random(seed)
        hub = Hub().start()
        self.addCleanup(hub.close)
        devices = [hub.new_device(f"load-{i}") for i in range(4)]
        epoch = {token: os.urandom(16) for _, token in devices}
        bodies = {token: [] for _, token in devices}  # the spool: bytes fixed before they are first sent
        acked = {token: 0 for _, token in devices}
        running = True

        async def load(token, rng):
            while running:
                link = Device(hub, token, epoch=epoch[token],
                              streams=[(epoch[token], 0, 1, len(bodies[token]) + 1)])
                try:
                    await link.connect()
                    # Not from the cursor but from some way before it: resent frames are part of the load.
                    following = max(1, link.welcome.streams[0].stored + 1 - rng.randrange(4))
                    self.assertGreaterEqual(link.welcome.streams[0].stored, acked[token])
                    while running:
                        while following > len(bodies[token]):
                            n = len(bodies[token]) + 1
                            b = body([n * 1000 + i for i in range(10)], base_us=1_700_000_000_000_000 + n * 10_000_000)
                            bodies[token].append(b.SerializeToString())
                        await link.frame(following, bodies[token][following - 1])
                        following += 1
                        if following % 8 == 0:
                            await link.until(lambda: link.acks.get(0, 0) >= following - 8)
                        acked[token] = max(acked[token], link.acks.get(0, 0))
                except (OSError, Closed, websockets.WebSocketException, asyncio.TimeoutError):
                    pass
                finally:
                    acked[token] = max(acked[token], link.acks.get(0, 0))
                    if link.socket:
                        await link.socket.close()
                await asyncio.sleep(0.005)  # the hub is down: try again

        loads = [asyncio.create_task(load(token, random.Random(seed + i))) for i, (_, token) in enumerate(devices)]
        for kill in range(KILLS):
            goal = {token: acked[token] + dice.randrange(1, 30) for _, token in devices}
            for _ in range(60_000):
                if any(acked[t] >= goal[t] for t in goal) or any(task.done() for task in loads):
                    break
                await asyncio.sleep(0.001)
            await asyncio.to_thread(hub.restart)
        running = False
        await asyncio.gather(*loads)
        self.assertGreater(min(acked.values()), KILLS)
        for device, token in devices:
            rows = hub.readings(device, "temperature")
            values = [v for _, v in rows]
            self.assertEqual(len(values), len(set(values)), "stored twice")
            expected = {n * 1000 + i for n in range(1, acked[token] + 1) for i in range(10)}
            missing = expected - set(values)
            self.assertFalse(missing, f"acknowledged and lost: {sorted(missing)[:5]}")
            self.assertEqual(hub.rest.get(f"/devices/{device}/gaps?from=0&to=4000000000000000")["gaps"], [])
        print(f"{KILLS} kills, {sum(acked.values())} frames acknowledged, {sum(acked.values()) * 10} readings")
        hub.stop()


class AgentKilled(unittest.TestCase):
    def test_an_agent_killed_again_and_again_stores_nothing_twice_and_goes_on(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        agent = Agent(hub, "killed")
        self.addCleanup(agent.close)
        device = "killed"
        seen = []
        for _ in range(max(3, KILLS // 2)):
            agent.start()
            before = len(seen)
            def grew():
                nonlocal seen
                series = hub.rest.get(f"/devices/{device}/series")["series"]
                if not any(s["name"] == "uptime" for s in series):
                    return False
                seen = hub.readings(device, "uptime")
                return len(seen) > before
            wait_until(grew, "readings after a restart")
            acknowledged = list(seen)
            agent.kill()
            now = hub.readings(device, "uptime")
            self.assertEqual(now[:len(acknowledged)], acknowledged, "a stored reading went away")
            times = [t for t, _ in now]
            self.assertEqual(len(times), len(set(times)), "stored twice")
        hub.stop()


if __name__ == "__main__":
    unittest.main()
