"""Presence over a restart of the hub: nobody is called offline who comes back."""
import asyncio
import pathlib
import tempfile
import unittest

from device_client import Device
from live_client import LiveClient
from processes import DEADLINE_S, Hub

DEVICES = 20


class Presence(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.config = tempfile.TemporaryDirectory()
        file = pathlib.Path(self.config.name) / "hub.toml"
        file.write_text("[devices]\nstart_grace_s = 15\n")
        self.hub = Hub(["--config", file]).start()
        self.token = self.hub.rest.post("/tokens", {"name": "viewer", "scopes": ["read"]})["token"]
        self.tokens = {f"device-{i}": self.hub.new_device(f"device-{i}")[1] for i in range(DEVICES)}
        self.links = {}

    async def asyncTearDown(self):
        for link in self.links.values():
            await link.close()
        await asyncio.to_thread(self.hub.stop)
        self.hub.close()
        self.config.cleanup()

    async def come(self, *names):
        for name in names:
            self.links[name] = await Device(self.hub, self.tokens[name]).connect()

    def states(self):
        return {one["name"]: one["presence"] for one in self.hub.rest.get("/devices?limit=100")["devices"]}

    async def watch(self):
        viewer = await LiveClient(self.hub, self.token).connect(series=())
        await asyncio.wait_for(viewer.until(lambda v: len({name for name, _ in v.presence}) == DEVICES), DEADLINE_S)
        return viewer

    async def restarted(self, end, stays_away):
        """Ends the hub, starts it, lets all but one come back; what the viewers of before and after were told."""
        await self.come(*self.tokens)
        before = await self.watch()
        await asyncio.wait_for(before.until(lambda v: sum(p == "PRESENCE_ONLINE" for p in dict(v.presence).values()) == DEVICES), DEADLINE_S)
        heard = len(before.presence)
        seen = {one["name"]: one["last_seen"] for one in self.hub.rest.get("/devices?limit=100")["devices"]}
        await asyncio.to_thread(end)
        while await before.take():
            pass
        self.assertEqual(before.presence[heard:], [], "the hub's end was told as its devices'")
        for link in self.links.values():
            await link.close()
        await asyncio.to_thread(self.hub.start)
        after = await self.watch()
        self.assertEqual({p for _, p in after.presence}, {"PRESENCE_UNKNOWN"})
        now = {one["name"]: one["last_seen"] for one in self.hub.rest.get("/devices?limit=100")["devices"]}
        self.assertTrue(all(now[name] >= seen[name] for name in seen), "when a device was last seen was forgotten")
        await self.come(*(name for name in self.tokens if name != stays_away))
        # Until the grace is over, and what it ends with.
        await asyncio.wait_for(after.until(lambda v: (stays_away, "PRESENCE_OFFLINE") in v.presence), DEADLINE_S)
        told = [name for name, presence in after.presence if presence == "PRESENCE_OFFLINE"]
        self.assertEqual(told, [stays_away])
        states = self.states()
        self.assertEqual(states.pop(stays_away), "offline")
        self.assertEqual(set(states.values()), {"online"})
        self.assertEqual(self.hub.rest.get("/alerts")["alerts"], [])
        await before.close()
        await after.close()

    async def test_devices_that_come_back_after_a_crash_were_never_offline(self):
        await self.restarted(self.hub.kill, "device-7")

    async def test_devices_that_come_back_after_a_stop_were_never_offline(self):
        await self.restarted(self.hub.stop, "device-3")

    async def test_a_device_that_sleeps_between_its_sessions_is_asleep_over_a_restart(self):
        device = Device(self.hub, self.tokens["device-0"])
        hello = device.hello()
        hello.attributes["wake_interval_s"] = "600"
        await device.connect(hello)
        viewer = await self.watch()
        await device.close()
        await asyncio.wait_for(viewer.until(lambda v: ("device-0", "PRESENCE_ASLEEP") in v.presence), DEADLINE_S)
        await viewer.close()
        await asyncio.to_thread(self.hub.kill)
        await asyncio.to_thread(self.hub.start)
        again = await self.watch()
        self.assertEqual(dict(again.presence)["device-0"], "PRESENCE_ASLEEP")
        self.assertEqual(self.states()["device-0"], "asleep")
        await again.close()
        await self.come("device-0")
        self.assertEqual(self.states()["device-0"], "online")


if __name__ == "__main__":
    unittest.main()
