"""The live link where WebSocket is blocked: server-sent events and long polling, read with Python's own http and ssl
and once with curl."""
import asyncio
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse
from collections import Counter

from device_client import Device, body
import known_secrets
from processes import DEADLINE_S, Hub, Rest, wait_until

SSE, POLL = "/api/v1/live/sse", "/api/v1/live/poll"


class View:
    """What a client knows after the batches it took: the client's side of docs/live.md."""

    def __init__(self):
        self.series, self.readings, self.conflated, self.phases, self.messages = {}, Counter(), 0, [], []
        self.position, self.end = None, None

    def take(self, batch):
        for one in batch["messages"]:
            self.messages.append(one)
            kind = one["type"]
            if kind == "subscribed":
                for info in one["series"]:
                    self.series[info["series"]] = info["name"]
            elif kind == "phase":
                self.phases.append(one["phase"])
                if one["phase"] in ("history", "restarted"):
                    self.readings.clear()
                    self.conflated = 0
            for time_us, value in one.get("readings", ()):
                self.readings[(time_us, value)] += 1
            self.conflated += one.get("conflated", {}).get("count", 0)
        if batch["position"]:
            self.position = batch["position"]

    def all(self, kind, **fields):
        return [one for one in list(self.messages) if one["type"] == kind and all(one.get(k) == v for k, v in fields.items())]


class Events(View):
    """A server-sent event stream, read by a thread."""

    def __init__(self, hub, query="", headers=None, received_bytes=None):
        super().__init__()
        self.changed, self.last_id, self.reading = threading.Condition(), None, threading.Event()
        self.reading.set()
        context = ssl.create_default_context(cafile=str(hub.ca_file))
        plain = socket.socket(socket.AF_INET)
        if received_bytes:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_bytes)
        plain.settimeout(DEADLINE_S)
        plain.connect(("127.0.0.1", hub.port))
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.http = http.client.HTTPConnection("localhost", hub.port)
        self.http.sock = self.socket
        sent = {"Cookie": hub.rest.cookie, "Accept": "text/event-stream"} if headers is None else headers
        self.http.request("GET", SSE + query, headers=sent)
        self.answer = self.http.getresponse()
        self.broken = False
        if self.answer.status == 200:
            self.thread = threading.Thread(target=self._read, daemon=True)
            self.thread.start()
        else:
            self.body = self.answer.read()

    def _read(self):
        data, name, own_id = [], "message", None
        try:
            while True:
                self.reading.wait()
                line = self.answer.readline()
                if not line:
                    break
                line = line.decode().rstrip("\n")
                if line:
                    field, _, value = line.partition(": ")
                    if field == "data":
                        data.append(value)
                    elif field == "event":
                        name = value
                    elif field == "id":
                        own_id = value
                    continue
                if own_id is not None:
                    self.last_id = own_id
                if data:
                    with self.changed:
                        if name == "end":
                            self.end = json.loads("\n".join(data))
                        else:
                            self.take(json.loads("\n".join(data)))
                        self.changed.notify_all()
                data, name, own_id = [], "message", None
        except (OSError, http.client.HTTPException, ValueError):
            pass
        with self.changed:
            self.broken = True
            self.changed.notify_all()

    def until(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), DEADLINE_S):
                raise AssertionError(f"waited in vain for {what}; phases {self.phases}, end {self.end}, last {self.messages[-3:]}")
        return self

    def live(self):
        return self.until(lambda v: v.phases and v.phases[-1] == "live", "live")

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reading.set()
        if self.answer.status == 200:
            self.thread.join(DEADLINE_S)
        self.http.close()


class Poller(View):
    """Polls one at a time; the same parameters each time, with the position of the last answer."""

    def __init__(self, rest, query):
        super().__init__()
        self.rest, self.query, self.answers = rest, query, 0

    def ask(self, position=None, wait=20):
        query = self.query + f"&wait={wait}"
        if position:
            query += "&position=" + urllib.parse.quote(position)
        return self.rest.call("GET", POLL + query)

    def once(self, wait=20):
        answer = self.ask(self.position, wait)
        assert answer.status == 200, f"{answer.status} {answer.body}"
        batch = answer.json
        self.take(batch)
        self.end = batch["end"]
        self.answers += 1
        return batch

    def until(self, condition, what):
        end = time.monotonic() + DEADLINE_S
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError(f"polled in vain for {what}; phases {self.phases}, end {self.end}")
            self.once()
        return self


class Fallbacks(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.streams = []

    def tearDown(self):
        for stream in self.streams:
            stream.close()
        self.hub.stop()
        self.hub.close()

    def events(self, query="", **kw):
        self.streams.append(Events(self.hub, query, **kw))
        return self.streams[-1]

    async def device(self, name="python"):
        self.name, self.token = name, self.hub.new_device(name)[1]
        self.sequence = 0
        self.link = await Device(self.hub, self.token).connect()

    async def send(self, *frames):
        for one in frames:
            self.sequence += 1
            await self.link.frame(self.sequence, one)
        await self.link.acked(self.sequence)

    async def reconnect(self):
        epoch = self.link.epoch
        self.link = await Device(self.hub, self.token, epoch=epoch, streams=[(epoch, 0, 1, self.sequence + 1)]).connect()

    def stored(self, start=0):
        return Counter(self.hub.readings(self.name, "temperature", start=start))

    async def agrees(self, view, start=0):
        want = self.stored(start)
        self.assertTrue(want)
        await asyncio.to_thread(view.until, lambda v: sum(v.readings.values()) >= sum(want.values()), f"{sum(want.values())} readings")
        self.assertEqual(view.readings, want)
        self.assertEqual(max(want.values()), 1)

    async def test_history_then_live_each_reading_once(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([i + 0.1 for i in range(1000)], base_us=now - 3_000_000_000))
        view = await asyncio.to_thread(self.events, "?device=python&series=temp*&from=-1h")
        self.assertEqual(view.answer.getheader("Content-Type"), "text/event-stream")
        self.assertEqual(view.answer.getheader("Cache-Control"), "no-store")
        self.assertEqual(view.answer.getheader("X-Accel-Buffering"), "no")
        await asyncio.to_thread(view.live)
        self.assertEqual([p for p in view.phases if p != "catch_up"], ["history", "live"])
        self.assertEqual(list(view.series.values()), ["temperature"])
        for i in range(5):
            await self.send(body([1000.0 + i], base_us=now + i, define=None))
        await self.agrees(view)
        await self.send(body([-5.0, -6.0], base_us=now - 2_000_000_500, define=None))
        await self.agrees(view)
        self.assertTrue(view.all("update", late=True))
        self.assertTrue(view.all("presence", name="python", presence="online"))
        metrics = (await asyncio.to_thread(self.hub.rest.call, "GET", "/metrics")).body.decode()
        self.assertIn("telemetry_hub_viewers_event_streams 1", metrics)
        view.close()
        await asyncio.to_thread(wait_until, lambda: "telemetry_hub_viewers_event_streams 0" in self.hub.rest.call("GET", "/metrics").body.decode(),
                                "the hub to notice that the client has gone")

    async def test_curl_follows_a_series(self):
        await self.device("kitchen")
        now = int(time.time() * 1e6)
        await self.send(body([21.5], base_us=now - 60_000_000))
        token = await asyncio.to_thread(self.hub.rest.post, "/tokens", {"name": "curl", "scopes": ["read"]})
        known_secrets.note(token["token"])
        curl = subprocess.Popen(
            ["curl", "-sS", "-N", "--cacert", str(self.hub.ca_file), "-H", "@-",
             self.hub.url() + SSE + "?device=kitchen&series=temp*&from=-1h"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            curl.stdin.write(f"Authorization: Bearer {token['token']}\n")
            curl.stdin.close()
            view = View()

            def read_until(condition):
                while not condition():
                    line = curl.stdout.readline()
                    self.assertTrue(line, "curl ended")
                    if line.startswith("data: "):
                        view.take(json.loads(line[6:]))

            await asyncio.to_thread(read_until, lambda: "live" in view.phases)
            self.assertEqual(list(view.readings), [(now - 60_000_000, 21.5)])
            await self.send(body([22.25], base_us=now, define=None))
            await asyncio.to_thread(read_until, lambda: (now, 22.25) in view.readings)
        finally:
            curl.kill()
            curl.wait()
            curl.stdout.close()

    async def test_a_stream_resumes_by_last_event_id_and_by_position_across_a_killed_hub(self):
        await self.device()
        now = int(time.time() * 1e6)
        query = "?series=temp*&from=-1h"
        await self.send(body([1.0, 2.0, 3.0], base_us=now - 5_000_000))
        first = await asyncio.to_thread(self.events, query)
        await asyncio.to_thread(first.live)
        await self.send(body([4.0], base_us=now, define=None))
        await self.agrees(first)
        await asyncio.to_thread(first.until, lambda v: v.last_id and v.last_id == v.position, "an id that is the position")
        first.close()
        seen, last_id = first.readings, first.last_id
        await self.send(body([5.0, 6.0], base_us=now + 10, define=None))  # while nobody looks
        await self.link.close()
        self.hub.kill()
        self.hub.start()
        await self.reconnect()
        # A browser comes with the address it began with, and Last-Event-ID.
        second = await asyncio.to_thread(self.events, query, headers={"Cookie": self.hub.rest.cookie, "Last-Event-ID": last_id})
        third = await asyncio.to_thread(self.events, query + "&position=" + urllib.parse.quote(last_id))
        for view in (second, third):
            await asyncio.to_thread(view.live)
            self.assertNotIn("restarted", view.phases)
            self.assertNotIn("history", view.phases)
        await self.send(body([7.0], base_us=now + 20))
        want = self.stored()
        for view in (second, third):
            await asyncio.to_thread(view.until, lambda v: sum(v.readings.values()) >= 3, "what was missed")
            self.assertEqual(seen + view.readings, want)

    async def test_polls_see_every_reading_once(self):
        await self.device()
        now = int(time.time() * 1e6)
        start = now - 3_000_000_000
        await self.send(*[body([k * 1000.0 + i + 0.123 for i in range(1000)], base_us=start + k * 100_000_000, step_us=100_000,
                               define=None if k else ("temperature", "Cel", 1)) for k in range(12)])
        poller = Poller(self.hub.rest, "?series=temp*&from=-1h")
        await asyncio.to_thread(poller.until, lambda v: "live" in v.phases, "live")
        self.assertGreater(poller.answers, 3)  # the history came in pieces
        for i in range(10):
            await self.send(body([1e6 + i], base_us=now + i, define=None))
            if i % 3 == 0:
                await asyncio.to_thread(poller.once)
        await self.agrees(poller)
        self.assertEqual(poller.phases.count("history"), 1)
        # Nothing new: an empty answer, with a position to go on from.
        await asyncio.to_thread(poller.until, lambda v: not v.once(wait=0)["messages"], "an empty answer")
        # An answer that got lost comes again, and what it held is not told twice.
        await self.send(body([2e6], base_us=now + 100, define=None))
        lost = await asyncio.to_thread(poller.ask, poller.position)
        self.assertEqual([m["type"] for m in lost.json["messages"]], ["update"])
        again = await asyncio.to_thread(poller.ask, poller.position)
        self.assertEqual(lost.body, again.body)
        await self.agrees(poller)
        await self.send(body([2e6 + 1], base_us=now + 101, define=None))
        await self.agrees(poller)
        self.assertIn("telemetry_hub_viewers_polling 1", self.hub.rest.call("GET", "/metrics").body.decode())

    async def test_polls_go_on_across_a_killed_hub_and_on_another_session(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([1.0, 2.0], base_us=now - 5_000_000))
        poller = Poller(self.hub.rest, "?series=temp*&from=-1h")
        await asyncio.to_thread(poller.until, lambda v: "live" in v.phases, "live")
        await self.agrees(poller)
        await self.send(body([3.0], base_us=now, define=None))
        await self.link.close()
        self.hub.kill()
        self.hub.start()
        await self.reconnect()
        await self.send(body([4.0], base_us=now + 1))
        poller.rest = self.hub.rest
        await self.agrees(poller)
        self.assertEqual(poller.phases.count("history"), 1)
        # Somebody else's session is not theirs: they get one of their own, from the position on.
        other = Rest(self.hub.port, self.hub.ca_file).sign_in()
        taken = await asyncio.to_thread(other.call, "GET", POLL + "?series=temp*&from=-1h&position=" + urllib.parse.quote(poller.position))
        self.assertEqual(taken.status, 200)
        self.assertNotEqual(taken.json["position"].split(".")[2], poller.position.split(".")[2])
        await self.send(body([5.0], base_us=now + 2, define=None))
        await self.agrees(poller)

    async def test_a_waiting_poll_is_answered_as_soon_as_there_is_something(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([1.0], base_us=now - 5_000_000))
        poller = Poller(self.hub.rest, "?series=temp*&events=false")
        await asyncio.to_thread(poller.until, lambda v: "live" in v.phases, "live")
        self.assertFalse(poller.all("presence"))
        waiting = asyncio.create_task(asyncio.to_thread(poller.until, lambda v: (now, 2.0) in v.readings, "the reading"))
        await self.send(body([2.0], base_us=now, define=None))
        await waiting
        self.assertEqual(poller.readings[(now, 2.0)], 1)
        # A hub that stops does not leave a poll waiting: nothing comes to this one but the end.
        silent = Poller(self.hub.rest, "?series=none&events=false")
        await asyncio.to_thread(silent.until, lambda v: "live" in v.phases, "live")
        await self.link.close()
        for _ in range(5):
            waiting = asyncio.create_task(asyncio.to_thread(silent.once, 60))
            # Its connection, and the one that asks.
            await asyncio.to_thread(wait_until, lambda: "telemetry_hub_connections 2" in self.hub.rest.call("GET", "/metrics").body.decode(),
                                    "the poll to arrive")
            await asyncio.to_thread(self.hub.stop)
            try:
                batch = await asyncio.wait_for(waiting, DEADLINE_S)
                self.assertEqual((batch["end"]["code"], batch["end"]["again"]), (4203, True))
                break
            except (OSError, http.client.HTTPException):
                # The hub had not read the request yet; TLS tells of that by an error of its own. Once more.
                self.hub.start()
                while (await asyncio.to_thread(silent.once, 1))["messages"]:
                    pass
        else:
            self.fail("no poll was waiting when the hub stopped")
        self.hub.start()

    async def test_a_closed_range_ends(self):
        await self.device()
        now = int(time.time() * 1e6)
        start = now - 2_000_000_000
        await self.send(body([20.0 + i % 7 for i in range(1000)], base_us=start))
        query = f"?series=*&from={start}&to={start + 1_000_000_000}&width=100"
        view = await asyncio.to_thread(self.events, query)
        await asyncio.to_thread(view.until, lambda v: v.end and v.broken, "the end")
        self.assertEqual(view.end, {"code": 1000, "reason": "complete", "again": False})
        self.assertEqual(view.last_id, "end")
        rows = [row for part in view.all("history") for row in part["buckets"]]
        self.assertEqual(sum(row[5] for row in rows), 1000)
        self.assertEqual(max(row[2] for row in rows), 26.0)
        stop = await asyncio.to_thread(self.events, query, headers={"Cookie": self.hub.rest.cookie, "Last-Event-ID": "end"})
        self.assertEqual(stop.answer.status, 204)
        poller = Poller(self.hub.rest, query)
        await asyncio.to_thread(poller.until, lambda v: v.end, "the end")
        self.assertEqual(poller.end["code"], 1000)
        self.assertEqual(sum(row[5] for part in poller.all("history") for row in part["buckets"]), 1000)

    async def test_a_slow_reader_is_bounded_hurts_nobody_and_loses_nothing(self):
        await self.device()
        now = int(time.time() * 1e6)
        await self.send(body([0.0], base_us=now - 1_000_000))
        slow = await asyncio.to_thread(self.events, "?series=temp*&from=-1h", received_bytes=16 * 1024)
        healthy = await asyncio.to_thread(self.events, "?series=temp*&from=-1h")
        for view in (slow, healthy):
            await asyncio.to_thread(view.live)
        slow.reading.clear()
        for k in range(40):
            await self.send(body([k * 2000.0 + i + 0.123 for i in range(2000)], base_us=now + k * 2000, step_us=1, define=None))
        await self.agrees(healthy)
        slow.reading.set()
        await asyncio.to_thread(slow.until, lambda v: sum(v.readings.values()) + v.conflated >= 80_001, "everything, every reading or conflated")
        self.assertEqual(sum(slow.readings.values()) + slow.conflated, 80_001)
        self.assertIn("latest_only", slow.phases)
        self.assertLessEqual(max(slow.readings.values()), 1)

    async def test_sign_out_ends_the_stream(self):
        view = await asyncio.to_thread(self.events, "")
        await asyncio.to_thread(view.live)
        self.assertIn(self.hub.rest.call("DELETE", "/api/v1/session").status, (200, 204))
        await asyncio.to_thread(view.until, lambda v: v.end and v.broken, "the end")
        self.assertEqual((view.end["code"], view.end["again"]), (4001, False))
        self.hub.rest.sign_in()

    async def test_a_hub_that_stops_says_so(self):
        view = await asyncio.to_thread(self.events, "")
        await asyncio.to_thread(view.live)
        await asyncio.to_thread(self.hub.stop)
        await asyncio.to_thread(view.until, lambda v: v.end and v.broken, "the end")
        self.assertEqual((view.end["code"], view.end["again"]), (4203, True))
        self.hub.start()

    def test_wrong_requests_are_told(self):
        rest = self.hub.rest
        for path in (SSE, POLL):
            for query, field in (("?devise=x", "/devise"), ("?from=soon", "/from"), ("?from=now&to=-1h", "/from"), ("?to=now", "/to"),
                                 ("?width=-1", "/width"), ("?rate=fast", "/rate"), ("?position=nonsense!", "/position"),
                                 ("?ticket=abc", "/ticket"), ("?series=", "/series")):
                answer = rest.call("GET", path + query)
                self.assertEqual((answer.status, answer.json["field"]), (400, field), f"{path}{query}")
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertEqual(rest.call("GET", path, headers={"Cookie": "hub_session=nobody"}).status, 401)
            for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = rest.call("GET", path, headers=headers)
                self.assertEqual((answer.status, answer.json["field"]), (403, "Origin"), path)
            self.assertEqual(rest.call("HEAD", path).status, 405)
            self.assertEqual(rest.call("POST", path, {}).status, 405)
        self.assertEqual(rest.call("GET", POLL + "?wait=61").json["field"], "/wait")
        self.assertEqual(rest.call("GET", SSE, headers={"Last-Event-ID": "?"}).json["field"], "Last-Event-ID")


if __name__ == "__main__":
    unittest.main()
