"""Groups of devices, by the tags that operators give; days of a group lie in files of their own."""
import asyncio
import tempfile
import unittest
from pathlib import Path

from device_client import Device, body
from processes import Hub, wait_until

BASE_US = 1_700_000_000_000_000  # a day that is over


class Groups(unittest.IsolatedAsyncioTestCase):
    async def test_groups_are_made_changed_and_removed(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        boiler, _ = hub.new_device("boiler")
        pump, _ = hub.new_device("pump")
        rest = hub.rest
        self.assertEqual(rest.get("/groups"), {"groups": []})
        made = rest.call("PUT", "/api/v1/groups/north", {"tags": {"site": "north"}})
        self.assertEqual(made.status, 201)
        self.assertEqual(made.json["devices"], [])
        self.assertEqual(rest.call("PATCH", "/api/v1/devices/boiler", {"tags": {"site": "north", "floor": "1"}}).json["groups"], ["north"])
        self.assertEqual(rest.get("/groups/north")["devices"], [boiler])
        changed = rest.call("PUT", "/api/v1/groups/north", {"tags": {"floor": "2"}})
        self.assertEqual((changed.status, changed.json["devices"]), (200, []))
        self.assertEqual(rest.get("/devices/boiler")["groups"], [])
        hub.restart()
        self.assertEqual([group["name"] for group in hub.rest.get("/groups")["groups"]], ["north"])
        self.assertEqual(hub.rest.call("DELETE", "/api/v1/groups/north").status, 204)
        gone = hub.rest.call("GET", "/api/v1/groups/north")
        self.assertEqual(gone.status, 404)
        for name, wrong, field in [("North", {"tags": {"site": "north"}}, "/name"), ("all", {"tags": {}}, "/tags"), ("none", {}, "/tags")]:
            refused = hub.rest.call("PUT", f"/api/v1/groups/{name}", wrong)
            self.assertEqual((refused.status, refused.json["field"]), (400, field), refused.json)

    async def test_a_group_with_a_retention_of_its_own_has_files_of_its_own(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        config = Path(folder.name) / "hub.toml"
        config.write_text("[storage]\nretention_days = 0\nseal_interval_s = 10\n[storage.group.lab]\nretention_days = 36500\n")
        hub = Hub(["--config", config]).start()
        self.addCleanup(hub.close)
        devices = {name: hub.new_device(name) for name in ("bench", "boiler")}
        self.assertEqual(hub.rest.call("PUT", "/api/v1/groups/lab", {"tags": {"room": "lab"}}).status, 201)
        self.assertEqual(hub.rest.call("PATCH", "/api/v1/devices/bench", {"tags": {"room": "lab"}}).status, 200)
        for device, (_, token) in devices.items():
            link = await Device(hub, token).connect()
            await link.frame(1, body([1, 2, 3], base_us=BASE_US))
            await link.acked(1)
            await link.close()
        partitions = hub.data / "partitions"

        def files():
            return sorted(file.name for file in partitions.glob("*.db"))

        expected = ["2023-11-14-default-g1.db", "2023-11-14-lab-g1.db"]
        await asyncio.to_thread(wait_until, lambda: files() == expected, "a file of the group and one of the others")
        for restarted in (False, True):
            if restarted:
                hub.restart()
            for device, _ in devices.values():
                self.assertEqual([value for _, value in hub.readings(device, "temperature")], [1, 2, 3])


if __name__ == "__main__":
    unittest.main()
