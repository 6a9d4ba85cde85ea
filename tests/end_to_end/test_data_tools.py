"""check, backup, restore, query and export of a data folder whose hub serves."""
import asyncio
import json
import os
import shutil
import unittest

from device_client import Device, body
from processes import BIN, Hub, run

HUB = BIN / "telemetry-hub"
BASE_US = 1_700_000_000_000_000


def frame_body(n):
    """Ten readings whose values tell which frame they are of."""
    return body([n * 1000 + i for i in range(10)], base_us=BASE_US + n * 10_000_000)


class DataTools(unittest.IsolatedAsyncioTestCase):
    async def test_backup_of_a_serving_hub_is_restored_and_serves_again(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        device, token = hub.new_device("greenhouse")
        link = await Device(hub, token).connect()
        sent, running = 0, True

        async def load():
            nonlocal sent
            while running:
                sent += 1
                await link.frame(sent, frame_body(sent))
                await link.acked(sent)

        loading = asyncio.create_task(load())

        async def acked_beyond(n):
            while link.acks.get(0, 0) <= n and not loading.done():
                await asyncio.sleep(0.001)

        await acked_beyond(30)
        promised = link.acks[0]
        backup = hub.folder / "hub.tar.zst"
        made = await asyncio.to_thread(run, HUB, "backup", backup, "--data-dir", hub.data, "--json")
        self.assertEqual(json.loads(made.stdout)["missing"], [])
        checked = await asyncio.to_thread(run, HUB, "check", "--data-dir", hub.data, "--json")
        self.assertEqual(json.loads(checked.stdout)["fault_count"], 0, checked.stdout)
        await acked_beyond(link.acks[0] + 30)
        running = False
        await loading
        await link.close()
        last = link.acks[0]
        hub.stop()

        restored = Hub()
        self.addCleanup(restored.close)
        shutil.rmtree(restored.data)
        run(HUB, "check", "--backup", backup)
        run(HUB, "restore", backup, "--data-dir", restored.data)
        restored.start()
        rows = restored.readings(device, "temperature")
        kept = len(rows) // 10
        self.assertGreaterEqual(kept, promised, "acknowledged before the backup began, and not in it")
        self.assertLess(kept, last)
        self.assertEqual([v for _, v in rows], [n * 1000 + i for n in range(1, kept + 1) for i in range(10)])

        # The device has forgotten what was acknowledged: that is shown as a gap, and it goes on.
        again = Device(restored, token, epoch=link.epoch, streams=[(link.epoch, 0, last + 1, last + 2)])
        await again.connect()
        self.assertEqual(again.welcome.streams[0].stored, kept)
        await again.frame(last + 1, frame_body(last + 1))
        await again.acked(last + 1)
        await again.close()
        values = [v for _, v in restored.readings(device, "temperature")]
        self.assertEqual(values[-10:], [(last + 1) * 1000 + i for i in range(10)])
        gaps = restored.rest.get(f"/devices/{device}/gaps?from=0&to=4000000000000000")["gaps"]
        self.assertEqual([gap["reason"] for gap in gaps], ["restore"], gaps)
        self.assertLess(gaps[0]["from"], gaps[0]["to"], "when it is missing from is known: since the backup")
        checked = run(HUB, "check", "--data-dir", restored.data, "--json")
        self.assertEqual(json.loads(checked.stdout)["fault_count"], 0, checked.stdout)

    async def test_query_and_export_give_what_rest_gives(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        device, token = hub.new_device("greenhouse")
        link = await Device(hub, token).connect()
        for n in range(1, 21):
            await link.frame(n, frame_body(n))
        await link.acked(20)
        await link.close()
        rows = hub.readings(device, "temperature")
        self.assertEqual(len(rows), 200)
        lines = run(HUB, "query", "--data-dir", hub.data, "--from", BASE_US, "--format", "ndjson").stdout.splitlines()
        self.assertEqual([json.loads(line)["value"] for line in lines], [v for _, v in rows])
        exported = run(HUB, "export", "--data-dir", hub.data).stdout.splitlines()
        self.assertEqual([float(line.split(",")[4]) for line in exported[1:]], [v for _, v in rows])
        file = hub.folder / "readings.csv"
        run(HUB, "export", "--data-dir", hub.data, "--output", file)
        self.assertEqual(file.read_text().splitlines(), exported)
        table = run(HUB, "query", "--data-dir", hub.data, "--device", "greenhouse", "--from", BASE_US, "--to",
                    BASE_US + 1_000_000_000, "--width", 4).stdout
        self.assertIn("greenhouse  temperature  [Cel]", table)

    async def test_what_cannot_be_done_is_refused_with_the_reason(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        backup = hub.folder / "b.tar.zst"
        run(HUB, "backup", backup, "--data-dir", hub.data)
        self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
        empty = hub.folder / "empty"
        empty.mkdir()
        (hub.folder / "garbage").write_bytes(b"\x28\xb5\x2f\xfd" + os.urandom(5000))
        wrong = [
            (5, "is there already", ["backup", backup, "--data-dir", hub.data]),
            (5, "not empty", ["restore", backup, "--data-dir", hub.data]),
            (1, "garbage", ["restore", hub.folder / "garbage", "--data-dir", hub.folder / "new"]),
            (3, "none", ["restore", hub.folder / "none", "--data-dir", hub.folder / "new"]),
            (3, "no hub's data folder", ["check", "--data-dir", empty]),
            (3, "no hub's data folder", ["export", "--data-dir", empty]),
            (2, "no device attic", ["query", "--data-dir", hub.data, "--device", "attic"]),
            (2, "--from", ["query", "--data-dir", hub.data, "--from", "yesterday"]),
            (2, "before", ["export", "--data-dir", hub.data, "--from", "now", "--to", "-1h"]),
            (2, "cursor", ["export", "--data-dir", hub.data, "--cursor", "x"]),
            (2, "--output", ["export", "--data-dir", hub.data, "--resume"]),
            (2, "", ["query", "--data-dir", hub.data, "--width", "0"]),
        ]
        for code, word, args in wrong:
            done = run(HUB, *args, check=False)
            self.assertEqual(done.returncode, code, (args, done.stderr))
            self.assertIn(word, done.stderr, args)
        self.assertFalse((hub.folder / "new").exists())
        self.assertEqual(hub.rest.get("/devices")["devices"], [], "the hub lives")


if __name__ == "__main__":
    unittest.main()
