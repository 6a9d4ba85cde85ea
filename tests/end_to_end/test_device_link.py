"""A client in another language, from docs/protocol.md alone: sends, resends, reads back; and everything it may get wrong."""
import asyncio
import math
import os
import struct
import time
import unittest

import websockets
from device_client import Closed, Device, body
from processes import Hub, wait_until
from telemetry.v1 import device_pb2 as pb
from telemetry.v1 import readings_pb2 as rd


class DeviceLink(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        cls.made = 0

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()
        cls.hub.close()

    def new_device(self):
        DeviceLink.made += 1
        return self.hub.new_device(f"python-{DeviceLink.made}")

    def values(self, device, series="temperature"):
        return [v for _, v in self.hub.readings(device, series)]

    def gaps(self, device):
        return self.hub.rest.get(f"/devices/{device}/gaps?from=0&to=4000000000000000")["gaps"]

    async def test_frames_sent_and_resent_are_stored_once(self):
        device, token = self.new_device()
        first = await Device(self.hub, token).connect()
        bodies = [body([20 + i + 0.5, 21 + i]) for i in range(5)]
        for i, b in enumerate(bodies):
            await first.frame(i + 1, b)
        await first.acked(5)
        for i, b in enumerate(bodies):  # the same numbers and bytes, in the same session
            await first.frame(i + 1, b)
        await first.frame(6, body([99]))
        await first.acked(6)
        await first.close()
        again = Device(self.hub, token, epoch=first.epoch, streams=[(first.epoch, 0, 1, 7)])
        await again.connect()
        self.assertEqual(again.welcome.streams[0].stored, 6)
        for i, b in enumerate(bodies):  # and in a later one
            await again.frame(i + 1, b)
        await again.frame(7, body([100]))
        await again.acked(7)
        await again.close()
        expected = [v for i in range(5) for v in (20 + i + 0.5, 21 + i)] + [99, 100]
        self.assertEqual(sorted(self.values(device)), sorted(expected))
        self.assertEqual(self.gaps(device), [])

    async def test_every_value_type_comes_back(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        wall = int(time.time() * 1e6)
        b = pb.FrameBody(wall_us=wall)
        for alias, (name, kind) in enumerate([("n", 1), ("b", 2), ("s", 3), ("l", 4), ("d", 1)], 1):
            b.definitions.add(alias=alias, name=name, type=kind)
        block = b.blocks.add(base_us=-2_000_000, step=1_000_000, count=2, jitter=[5])
        block.columns.add(series=1, doubles=[1e-300, -0.0])
        block.columns.add(bits=b"\x02")  # series 0: the previous column's plus one
        block.columns.add(dictionary=["on", "gr\u00fcn"], indices=[1, 0])
        block.columns.add(coordinates=[52.5, 13.4, 34, -33.9, 18.4, 7.5])
        block.columns.add(decimal_scale=2, decimals=[2150, -1])
        await link.frame(1, b)
        await link.acked(1)
        await link.close()
        rows = {s: self.hub.readings(device, s) for s in "nbsld"}
        self.assertEqual([v for _, v in rows["n"]], [1e-300, -0.0])
        self.assertEqual(math.copysign(1, rows["n"][1][1]), -1)
        self.assertEqual([v for _, v in rows["b"]], [False, True])
        self.assertEqual([v for _, v in rows["s"]], ["gr\u00fcn", "on"])
        self.assertEqual([v for _, v in rows["l"]], [[52.5, 13.4, 34], [-33.9, 18.4, 7.5]])
        self.assertEqual([v for _, v in rows["d"]], [21.5, 21.49])
        self.assertEqual([t for t, _ in rows["n"]], [wall - 2_000_000, wall - 999_995])

    async def test_token_in_the_first_message_is_a_credential_too(self):
        device, token = self.new_device()
        link = await Device(self.hub, token, token_in_hello=True).connect()
        self.assertEqual(link.welcome.device_id, device)
        await link.close()

    async def test_wrong_and_missing_tokens_are_refused(self):
        with self.assertRaises(websockets.InvalidStatusCode) as refused:
            await Device(self.hub, "not-a-token").connect()
        self.assertEqual(refused.exception.status_code, 401)
        for token in ("not-a-token", ""):
            with self.assertRaises(Closed) as closed:
                await Device(self.hub, token, token_in_hello=True).connect()
            self.assertEqual(closed.exception.code, 4001)
            self.assertIn("token", closed.exception.refusal.reason)

    async def test_undefined_aliases_are_asked_for_and_nothing_is_consumed(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1], define=None))
        await link.frame(2, body([2], define=None))
        await link.until(lambda: link.needs)
        self.assertEqual((link.needs[0].sequence, list(link.needs[0].aliases)), (1, [1]))
        await link.send(definitions=pb.Definitions(
            stream=0, definitions=[rd.SeriesDefinition(alias=1, name="temperature", unit="Cel", type=1)]))
        await link.frame(1, body([1], define=None))
        await link.frame(2, body([2], define=None))
        await link.acked(2)
        await link.close()
        self.assertEqual(self.values(device), [1, 2])
        self.assertEqual(self.gaps(device), [])

    async def test_a_client_that_never_defines_its_aliases_stores_nothing_and_stays_asked(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        for n in range(1, 4):
            await link.frame(1, body([n], define=None))
            await link.until(lambda n=n: len(link.needs) == n)
        await link.close()
        again = await Device(self.hub, token, epoch=link.epoch).connect()
        self.assertEqual(again.welcome.streams[0].stored, 0)
        await again.close()

    async def test_skipped_numbers_become_a_gap_and_do_not_block(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1]))
        await link.frame(5, body([5]))
        await link.acked(5)
        await link.close()
        self.assertEqual(self.values(device), [1, 5])
        self.assertEqual([g["reason"] for g in self.gaps(device)], ["missing_before"])

    async def test_a_number_used_again_for_other_readings_stores_nothing(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1]))
        await link.acked(1)
        await link.frame(1, body([2]))
        await link.frame(2, body([3]))
        await link.acked(2)
        await link.close()
        self.assertEqual(self.values(device), [1, 3])

    async def test_not_finite_values_become_gaps(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1, math.nan, math.inf, 2]))
        await link.acked(1)
        await link.close()
        self.assertEqual(self.values(device), [1, 2])
        gaps = self.gaps(device)
        self.assertEqual([(g["reason"], g["count"], g["series"]) for g in gaps], [("not_finite", 2, "temperature")])

    async def test_more_series_than_a_device_may_have_cost_neither_the_others_nor_the_session(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        allowed, asked, at_once = 4_096, 4_100, 410
        for sequence, first in enumerate(range(0, asked, at_once), 1):
            frame = body([1.0])
            frame.ClearField("definitions")
            block = frame.blocks[0]
            block.ClearField("columns")
            for n in range(first, first + at_once):
                frame.definitions.add(alias=n + 1, name=f"s{n}", type=rd.VALUE_TYPE_NUMBER)
                block.columns.add(series=n + 1, doubles=[float(n)])
            await link.frame(sequence, frame)
        await link.acked(asked // at_once)
        await link.frame(asked // at_once + 1, body([7.0], alias=1, define=None))
        await link.acked(asked // at_once + 1)
        self.assertEqual(self.values(device, "s0"), [0.0, 7.0])
        self.assertEqual(self.values(device, f"s{allowed - 1}"), [float(allowed - 1)])
        gap, = self.gaps(device)
        self.assertEqual((gap["reason"], gap["count"]), ("quota", asked - allowed))
        await link.close()

    async def test_many_series_are_read_at_once(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        base = 1_700_000_000_000_000
        await link.frame(1, body([1.0, 5.0, 3.0], base_us=base))
        await link.frame(2, body([60.0], alias=2, base_us=base, define=("humidity", "%", rd.VALUE_TYPE_NUMBER)))
        await link.frame(3, body([9.0, math.nan], alias=3, base_us=base, define=("temp.cellar", "Cel", rd.VALUE_TYPE_NUMBER)))
        await link.acked(3)
        await link.close()
        path = f"/devices/{device}/readings?from={base}&to={base + 4_000_000}&width=2"
        answer = self.hub.rest.get(path)
        self.assertEqual(answer["columns"], ["time", "min", "max", "first", "last", "count", "sum"])
        self.assertEqual([(s["name"], s["unit"], s["rows"]) for s in answer["series"]], [
            ("humidity", "%", [[base, 60, 60, 60, 60, 1, 60]]),
            ("temp.cellar", "Cel", [[base, 9, 9, 9, 9, 1, 9]]),
            ("temperature", "Cel", [[base, 1, 5, 1, 5, 2, 6], [base + 2_000_000, 3, 3, 3, 3, 1, 3]])])
        self.assertEqual([(g["series"], g["reason"]) for g in answer["gaps"]], [("temp.cellar", "not_finite")])
        some = self.hub.rest.get(path + "&series=humidity,temp.*")
        self.assertEqual([s["name"] for s in some["series"]], ["humidity", "temp.cellar"])
        self.assertEqual(some["as_of"], answer["as_of"])
        newest = self.hub.rest.get(f"/latest?device={device}")
        self.assertEqual(newest["columns"], ["device", "series", "unit", "time", "value"])
        self.assertEqual(sorted(newest["rows"]), [
            [device, "humidity", "%", base, 60], [device, "temp.cellar", "Cel", base, 9],
            [device, "temperature", "Cel", base + 2_000_000, 3]])
        self.assertEqual([row[1] for row in self.hub.rest.get(f"/latest?device={device}&series=hum*")["rows"]], ["humidity"])
        self.assertGreaterEqual(len(self.hub.rest.get("/latest")["rows"]), 3)
        self.assertEqual(self.hub.rest.get("/latest?device=nobody")["rows"], [])
        none = self.hub.rest.get(path + "&series=none")
        self.assertEqual((none["series"], none["gaps"]), ([], []))
        for wrong, field in (("&width=0", "width"), ("", "width")):
            refused = self.hub.rest.call("GET", f"/api/v1/devices/{device}/readings?from=0&to=1{wrong}")
            self.assertEqual(refused.status, 400, wrong)
            self.assertIn(field, refused.json["field"])

    async def test_absurd_times_are_flagged_or_recorded_and_hurt_nothing(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        now = int(time.time() * 1e6)
        await link.frame(1, body([1], base_us=now + 400 * 86_400_000_000))  # next year: stored at the time of receipt
        await link.frame(2, body([2], base_us=-5_000_000))                  # before 1970: a gap
        await link.frame(3, body([3], base_us=0))                           # 1970: a clock that was never set
        await link.acked(3)
        await link.close()
        rows = self.hub.readings(device, "temperature")
        self.assertEqual([v for _, v in rows], [3, 1])
        self.assertLess(abs(rows[1][0] - now), 60_000_000)
        self.assertEqual([g["reason"] for g in self.gaps(device)], ["clock_unusable"])

    async def test_a_body_that_is_garbage_is_consumed_named_and_recorded(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1]))
        await link.frame(2, b"\xff\xff\xff\xff garbage")
        truncated = body([5, 6, 7]).SerializeToString()
        await link.frame(3, truncated[:-3])
        b = body([1, 2])
        b.blocks[0].count = 3  # columns that do not fit
        await link.frame(4, b)
        await link.frame(5, body([9]))
        await link.acked(5)
        await link.until(lambda: len(link.rejected) == 3)
        await link.close()
        self.assertEqual([r.sequence for r in link.rejected], [2, 3, 4])
        self.assertTrue(all(r.detail for r in link.rejected))
        self.assertEqual(self.values(device), [1, 9])
        self.assertEqual([g["reason"] for g in self.gaps(device)], ["refused"] * 3)

    async def test_a_conflicting_definition_refuses_the_frame(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1]))
        await link.frame(2, body([2], define=("humidity", "%", 1)))
        await link.frame(3, body([3]))
        await link.acked(3)
        await link.close()
        self.assertEqual(self.values(device), [1, 3])
        self.assertIn("already means", link.rejected[0].detail)

    async def test_a_changed_unit_opens_a_new_revision(self):
        device, token = self.new_device()
        for unit, value in (("Cel", 1), ("[degF]", 33.8)):
            link = await Device(self.hub, token).connect()
            await link.frame(1, body([value], define=("temperature", unit, 1)))
            await link.acked(1)
            await link.close()
        series = self.hub.rest.get(f"/devices/{device}/series")["series"]
        self.assertEqual([(s["name"], s["unit"], s["revision"]) for s in series], [("temperature", "[degF]", 2)])

    async def test_messages_that_are_no_messages_end_the_session_with_a_reason(self):
        cases = [
            (lambda d: d.send_bytes(b"\xff" * 40), 1007, "DeviceMessage"),
            (lambda d: d.send_bytes(os.urandom(70_000)), 1009, ""),
            (lambda d: d.socket.send("text"), 1003, ""),
            (lambda d: d.frame(1, body([1]), stream=7), 1007, "stream 7"),
            (lambda d: d.frame(0, body([1])), 1007, "numbered from 1"),
            (lambda d: d.send(hello=d.hello()), 1008, "once"),
        ]
        for act, code, words in cases:
            device, token = self.new_device()
            link = await Device(self.hub, token).connect()
            await act(link)
            end = await link.closed()
            self.assertEqual(end.code, code, end)
            self.assertIn(words, end.reason)
            again = await Device(self.hub, token).connect()  # the hub lives and takes the device back
            await again.frame(1, body([4]))
            await again.acked(1)
            await again.close()
            self.assertEqual(self.values(device), [4])

    async def test_bad_hellos_are_refused_with_the_field(self):
        def version(h): h.required_version = 9
        def no_streams(h): del h.streams[:]
        def short_epoch(h): h.streams[0].epoch = b"abc"
        def twice(h): h.streams.add().CopyFrom(h.streams[0])
        for change, code, words in ((version, 4011, "version 9"), (no_streams, 1008, "streams"),
                                    (short_epoch, 1008, "16 bytes"), (twice, 1008, "twice")):
            _, token = self.new_device()
            link = Device(self.hub, token)
            hello = link.hello()
            change(hello)
            with self.assertRaises(Closed) as closed:
                await link.connect(hello)
            self.assertEqual(closed.exception.code, code)
            self.assertIn(words, closed.exception.refusal.reason)

    async def test_a_frame_cannot_be_stored_for_another_device(self):
        one, token_one = self.new_device()
        other, token_other = self.new_device()
        link = await Device(self.hub, token_one).connect()
        # There is no field that names a device: the credential decides. Another device's epoch changes nothing.
        theirs = await Device(self.hub, token_other, epoch=link.epoch).connect()
        await theirs.frame(1, body([66]))
        await theirs.acked(1)
        await link.frame(1, body([1]))
        await link.acked(1)
        await link.close()
        await theirs.close()
        self.assertEqual((self.values(one), self.values(other)), ([1], [66]))

    async def test_the_newer_session_fences_the_older(self):
        _, token = self.new_device()
        older = await Device(self.hub, token).connect()
        newer = await Device(self.hub, token).connect()
        end = await older.closed()
        self.assertEqual(end.code, 4201)
        self.assertIn("replaced", end.reason)
        await newer.frame(1, body([1]))
        await newer.acked(1)
        await newer.close()

    async def test_a_gap_frame_takes_the_place_of_dropped_frames(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        await link.frame(1, body([1]))
        await link.send(gap=pb.GapFrame(stream=0, first=2, last=4, gaps=[
            rd.GapRecord(series=1, from_us=1.7e15, to_us=1.7e15 + 5e6, count=6, reason=rd.GAP_REASON_SPOOL_FULL)]))
        await link.frame(5, body([5]))
        await link.acked(5)
        await link.close()
        self.assertEqual(self.values(device), [1, 5])
        gap, = self.gaps(device)
        self.assertEqual((gap["series"], gap["count"], gap["reason"], gap["reported_by"]),
                         ("temperature", 6, "spool_full", "device"))

    async def test_what_the_device_no_longer_holds_becomes_a_gap(self):
        device, token = self.new_device()
        epoch = os.urandom(16)
        link = await Device(self.hub, token, epoch=epoch, streams=[(epoch, 1, 10, 12)]).connect()
        await link.frame(10, body([10]))
        await link.frame(11, body([11]))
        await link.acked(11)
        await link.close()
        self.assertEqual(self.values(device), [10, 11])
        self.assertEqual([g["reason"] for g in self.gaps(device)], ["missing_before"])

    async def test_presence_follows_the_session(self):
        device, token = self.new_device()
        presence = lambda: self.hub.rest.get(f"/devices/{device}")["presence"]
        link = await Device(self.hub, token).connect()
        wait_until(lambda: presence() == "online", "online")
        await link.close()
        wait_until(lambda: presence() == "offline", "offline")

    async def test_a_removed_device_is_closed_and_stays_out(self):
        device, token = self.new_device()
        link = await Device(self.hub, token).connect()
        self.assertEqual(self.hub.rest.call("DELETE", f"/api/v1/devices/{device}").status, 204)
        end = await link.closed()
        self.assertTrue(4000 <= end.code < 4100, end)
        with self.assertRaises(websockets.InvalidStatusCode):
            await Device(self.hub, token).connect()

    async def test_enrolling_over_the_device_link(self):
        token = self.hub.rest.post("/enrolments", {"name": "by-link"})["token"]
        link = Device(self.hub, None)
        async def enrol():
            import ssl
            context = ssl.create_default_context(cafile=str(self.hub.ca_file))
            async with websockets.connect(f"wss://localhost:{self.hub.port}/api/v1/device", ssl=context,
                                          subprotocols=["telemetry.device.v1"], compression=None) as socket:
                await socket.send(pb.DeviceMessage(enroll=pb.Enroll(token=token)).SerializeToString())
                return pb.HubMessage.FromString(await socket.recv())
        enrolled = (await enrol()).enrolled
        self.assertEqual(enrolled.device_name, "by-link")
        link = await Device(self.hub, enrolled.token).connect()
        await link.close()
        refusal = (await enrol()).refusal  # used up
        self.assertEqual(refusal.close_code, 4010)

    async def test_a_plain_http_or_tls_nonsense_peer_hurts_nobody(self):
        for junk in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(300), struct.pack("!BHH", 22, 0x0301, 4000)):
            reader, writer = await asyncio.open_connection("localhost", self.hub.port)
            writer.write(junk)
            await writer.drain()
            writer.close()
        self.assertEqual(self.hub.rest.call("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
