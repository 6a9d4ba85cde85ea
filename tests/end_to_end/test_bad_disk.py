"""Disks that are full, that turn read-only, that lose a file: nothing acknowledged is lost, and the hub says what is wrong."""
import asyncio
import os
import shutil
import sqlite3
import subprocess
import unittest

import websockets
from device_client import Closed, Device, body
from mounts import breakable_disk, small_disk
from processes import BIN, DEADLINE_S, Hub, Rest, wait_until

MEGABYTE = 1 << 20
PAST_US = 1_700_000_000_000_000
NEWER_FORMAT = "UPDATE meta SET value = 99 WHERE key = 'format'"


def write(path, sql):
    db = sqlite3.connect(path)
    db.execute(sql)
    db.commit()
    db.close()


def tear(path):
    """Flips every bit behind the first page."""
    with open(path, "r+b") as file:
        content = file.read()
        file.seek(4_096)
        file.write(bytes(b ^ 0xff for b in content[4_096:]))



def hub_on(disk, low_water_mb=16):
    hub = Hub(data=disk.path / "data")
    config = hub.folder / "hub.toml"
    config.write_text(f"[storage]\nlow_water_mb = {low_water_mb}\nseal_interval_s = 10\n")
    hub.serve_args += ["--config", config]
    return hub


class Load:
    """A device that sends frame after frame, resends from the hub's cursor after every end, and never gives up."""

    def __init__(self, hub, name):
        self.hub, (self.device, self.token) = hub, hub.new_device(name)
        self.epoch, self.bodies, self.acked, self.sessions_ended = os.urandom(16), [], 0, 0
        self.running = True

    def frame(self, sequence):
        while len(self.bodies) < sequence:
            n = len(self.bodies) + 1
            b = body([n * 1000 + i for i in range(10)], base_us=1_700_000_000_000_000 + n * 10_000_000)
            self.bodies.append(b.SerializeToString())
        return self.bodies[sequence - 1]

    async def run(self):
        while self.running:
            link = Device(self.hub, self.token, epoch=self.epoch, streams=[(self.epoch, 0, 1, len(self.bodies) + 1)])
            try:
                await link.connect()
                assert link.welcome.streams[0].stored >= self.acked, "the hub forgot what it acknowledged"
                following = link.welcome.streams[0].stored + 1
                while self.running:
                    await link.frame(following, self.frame(following))
                    await link.acked(following)
                    self.acked = following
                    following += 1
                    await asyncio.sleep(0.002)
            except (OSError, Closed, websockets.WebSocketException, asyncio.TimeoutError):
                self.sessions_ended += 1
            finally:
                if link.socket:
                    await link.socket.close()
            await asyncio.sleep(0.02)

    async def until(self, condition, what, seconds=DEADLINE_S):
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"waited in vain for {what}")

    def check(self, test):
        """Every acknowledged reading is there, each stored one once, none that was not sent, no gap."""
        values = [v for _, v in self.hub.readings(self.device, "temperature")]
        test.assertEqual(len(values), len(set(values)), "stored twice")
        missing = {n * 1000 + i for n in range(1, self.acked + 1) for i in range(10)} - set(values)
        test.assertFalse(missing, f"acknowledged and lost: {sorted(missing)[:5]}")
        test.assertLessEqual(len(values), len(self.bodies) * 10)
        gaps = self.hub.rest.get(f"/devices/{self.device}/gaps?from=0&to=4000000000000000")["gaps"]
        test.assertEqual(gaps, [])


def fill(path, leave_bytes=0):
    """A file as large as the disk lets it be, but for what is to be left."""
    with open(path, "wb", buffering=0) as ballast:
        block = b"\0" * (64 * 1024)
        while True:
            free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
            if free <= leave_bytes:
                return
            try:
                if ballast.write(block[:min(len(block), free - leave_bytes)]) == 0:
                    return
            except OSError:
                return


class FullDisk(unittest.IsolatedAsyncioTestCase):
    async def test_acknowledgements_stop_reads_go_on_and_room_brings_everything_back(self):
        disk = small_disk(self, 96)
        if disk is None:
            return
        hub = hub_on(disk).start()
        self.addCleanup(hub.close)
        self.assertEqual(hub.rest.get("/hub")["storage"]["reserve_bytes"], 4 * MEGABYTE)
        load = Load(hub, "streaming")
        task = asyncio.create_task(load.run())
        await load.until(lambda: load.acked >= 50, "the first acknowledgements")
        ballast = disk.path / "ballast"
        await asyncio.to_thread(fill, ballast)

        async def get(path):
            return await asyncio.to_thread(hub.rest.call, "GET", path)

        async def stopped():
            await asyncio.to_thread(wait_until, lambda: hub.rest.call("GET", "/readyz").status == 503, "503 of /readyz")

        await stopped()
        answer = await get("/readyz")
        self.assertIn(b"full", answer.body)
        before, ended = load.acked, load.sessions_ended
        await load.until(lambda: load.sessions_ended >= ended + 3 or task.done(), "devices being refused")
        self.assertEqual(load.acked, before, "acknowledged while the disk is full")
        self.assertIn("full", hub.rest.get("/hub")["failure"])
        self.assertIn(b"telemetry_hub_storage_failed 1", (await get("/metrics")).body)
        values = await asyncio.to_thread(hub.readings, load.device, "temperature")
        self.assertGreaterEqual(len(values), before * 10, "reads go on")
        # The reserve has been given up: what is written to hub.db still finds room, and sealing does.
        await load.until(lambda: hub.rest.get("/hub")["storage"]["reserve_bytes"] == 0, "the reserve to be given up")
        self.assertIn("reserve", hub.rest.get("/hub")["warning"])
        await asyncio.to_thread(Rest(hub.port, hub.ca_file).sign_in)
        # A hub that dies now comes back, on a disk that is full.
        await asyncio.to_thread(hub.restart)
        await stopped()
        values = await asyncio.to_thread(hub.readings, load.device, "temperature")
        self.assertGreaterEqual(len(values), before * 10, "reads go on after a restart")
        self.assertEqual(load.acked, before)

        ballast.unlink()
        await load.until(lambda: load.acked >= before + 50 or task.done(), "ingest to recover by itself")
        self.assertEqual((await get("/readyz")).status, 200)
        await load.until(lambda: hub.rest.get("/hub")["storage"]["reserve_bytes"] == 4 * MEGABYTE, "the reserve")
        self.assertIsNone(hub.rest.get("/hub")["failure"])
        self.assertIsNone(hub.rest.get("/hub")["warning"])
        load.running = False
        await task
        load.check(self)
        await asyncio.to_thread(hub.restart)
        load.check(self)
        hub.stop()

    async def test_sealing_goes_on_until_there_is_nothing_left_and_starts_again(self):
        disk = small_disk(self, 96)
        if disk is None:
            return
        hub = hub_on(disk, low_water_mb=1).start()  # hardly any reserve
        self.addCleanup(hub.close)
        load = Load(hub, "streaming")
        task = asyncio.create_task(load.run())
        await load.until(lambda: load.acked >= 50, "the first acknowledgements")
        ballast = disk.path / "ballast"
        await asyncio.to_thread(fill, ballast)
        await asyncio.to_thread(wait_until, lambda: hub.rest.call("GET", "/readyz").status == 503, "503 of /readyz")
        # What a seal frees by failing is taken at once, so that the next one fails, too.
        def seals_fail():
            fill(ballast.with_name("more"))
            return hub.rest.get("/hub")["storage"]["seals_postponed"] >= 5

        await asyncio.to_thread(wait_until, seals_fail, "seals that find no room", DEADLINE_S * 2)
        self.assertIsNone(hub.process.child.poll(), "the hub ended on a full disk: " + hub.log.read_text()[-1000:])
        values = await asyncio.to_thread(hub.readings, load.device, "temperature")
        self.assertGreaterEqual(len(values), load.acked * 10, "reads go on")
        before = load.acked
        ballast.unlink()
        ballast.with_name("more").unlink()
        await load.until(lambda: load.acked >= before + 20 or task.done(), "ingest to recover by itself")
        load.running = False
        await task
        load.check(self)
        hub.stop()


class ReadOnlyDisk(unittest.IsolatedAsyncioTestCase):
    def test_a_read_only_folder_is_refused_at_the_start(self):
        disk = small_disk(self, 64)
        if disk is None:
            return
        hub = hub_on(disk)
        self.addCleanup(hub.close)
        disk.remount("ro")
        done = subprocess.run([BIN / "telemetry-hub", "serve", "--port", "0", "--data-dir", hub.data],
                              capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(hub.data), done.stderr)
        self.assertIn("read-only", done.stderr.lower())
        self.assertEqual(done.stdout, "")
        disk.remount("rw")
        hub.start()
        self.assertEqual(hub.rest.call("GET", "/readyz").status, 200)
        hub.stop()

    async def test_a_disk_that_turns_read_only_loses_nothing_acknowledged(self):
        disk = breakable_disk(self, 128)
        if disk is None:
            return
        hub = hub_on(disk).start()
        self.addCleanup(hub.close)
        load = Load(hub, "streaming")
        task = asyncio.create_task(load.run())
        await load.until(lambda: load.acked >= 100, "the first acknowledgements")
        disk.remount("abort")
        await load.until(lambda: load.sessions_ended >= 3 or task.done(), "devices being refused")

        def ended_or_says_so():
            if hub.process.child.poll() is not None:
                return True
            return Rest(hub.port, hub.ca_file).call("GET", "/readyz").status == 503
        await asyncio.to_thread(wait_until, ended_or_says_so, "the hub to say what is wrong, or to end")
        if hub.process.child.poll() is not None:
            self.assertNotEqual(hub.process.child.returncode, 0)
            self.assertGreater(hub.process.child.returncode, -1, "it crashed")
            log = hub.log.read_text()
            self.assertIn(str(hub.data), log.splitlines()[-1] + log[-600:])
        hub.kill()
        disk.unmount()
        disk.mount_again()
        before = load.acked
        await asyncio.to_thread(hub.start)
        await load.until(lambda: load.acked >= before + 20 or task.done(), "ingest after the restart")
        load.running = False
        await task
        load.check(self)
        hub.stop()


class Files(unittest.IsolatedAsyncioTestCase):
    async def hub_with_a_past_day(self):
        """A hub that was killed: a day of 2023 is a partition, a later reading is in the journal only."""
        hub = Hub()
        self.addCleanup(hub.close)
        config = hub.folder / "hub.toml"
        config.write_text("[storage]\nseal_interval_s = 10\n")
        hub.serve_args += ["--config", config]
        hub.start()
        device, token = hub.new_device("cellar")
        link = await Device(hub, token).connect()
        await link.frame(1, body([1.0, 2.0, 3.0], base_us=PAST_US))
        await link.acked(1)
        await asyncio.to_thread(wait_until, lambda: hub.rest.get("/hub")["storage"]["partitions"] == 1, "a partition")
        await link.frame(2, body([4.0]))
        await link.acked(2)
        await link.close()
        hub.kill()
        return hub, device

    def refused_start(self, hub):
        done = subprocess.run([BIN / "telemetry-hub", "serve", "--port", "0", "--data-dir", hub.data],
                              capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    async def test_one_of_a_newer_version_is_named_with_what_to_do(self):
        hub, device = await self.hub_with_a_past_day()
        journal = sorted(hub.data.glob("journal-*.db"))[-1]
        as_it_was = hub.folder / "as-it-was"
        shutil.copytree(hub.data, as_it_was, ignore=shutil.ignore_patterns("*.sock"))
        for path, change in [(hub.data / "recent.db", NEWER_FORMAT), (journal, NEWER_FORMAT),
                             (hub.data / "hub.db", "INSERT INTO schema_version VALUES (9999, 'from the future')")]:
            with self.subTest(path.name):
                write(path, change)
                said = self.refused_start(hub)
                for word in (str(path), "newer"):
                    self.assertIn(word, said)
                shutil.rmtree(hub.data)
                shutil.copytree(as_it_was, hub.data)
        await asyncio.to_thread(hub.start)
        self.assertEqual(sorted(v for _, v in hub.readings(device, "temperature")), [1.0, 2.0, 3.0, 4.0])
        hub.stop()

    async def test_a_partition_that_is_gone_or_newer_is_a_gap_until_it_is_back(self):
        hub, device = await self.hub_with_a_past_day()
        partition, = (hub.data / "partitions").glob("*-g1.db")
        whole = hub.folder / "whole.db"
        shutil.copy(partition, whole)
        for what, harm in [("deleted", partition.unlink), ("newer", lambda: write(partition, NEWER_FORMAT)),
                           ("torn", lambda: tear(partition)), ("cut", lambda: os.truncate(partition, 5_000))]:
            with self.subTest(what):
                harm()
                await asyncio.to_thread(hub.restart)
                self.assertEqual([v for _, v in hub.readings(device, "temperature")], [4.0], "the others are read")
                gap, = hub.rest.get(f"/devices/{device}/gaps?from=0&to=4000000000000000")["gaps"]
                self.assertEqual(gap["reason"], "file_missing")
                self.assertLessEqual(gap["from"], PAST_US)
                self.assertGreaterEqual(gap["to"], PAST_US + 2_000_000)
                await asyncio.to_thread(wait_until, lambda: partition.name in (hub.rest.get("/hub")["warning"] or ""),
                                        "a warning that names the file")
                checked = subprocess.run([BIN / "telemetry-hub", "check", "--data-dir", hub.data],
                                         capture_output=True, text=True, timeout=DEADLINE_S)
                self.assertEqual(checked.returncode, 1, checked.stdout)
                self.assertIn(partition.name, checked.stdout)
                hub.kill()
                shutil.copy(whole, partition)
        await asyncio.to_thread(hub.start)
        self.assertEqual(sorted(v for _, v in hub.readings(device, "temperature")), [1.0, 2.0, 3.0, 4.0])
        self.assertEqual(hub.rest.get(f"/devices/{device}/gaps?from=0&to=4000000000000000")["gaps"], [])
        hub.stop()


if __name__ == "__main__":
    unittest.main()
