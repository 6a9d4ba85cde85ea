"""What strangers cannot do: hold places by saying nothing, guess passwords, speak old TLS; what a fast device may."""
import asyncio
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import tempfile
import threading
import time
import unittest

from device_client import Device, body
from processes import PASSWORD, Hub, Rest, wait_until

UPGRADE = ("GET /api/v1/device HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Protocol: telemetry.device.v1\r\n\r\n")
SILENT_SOCKETS = 1_000
CLOSED_WITHIN_S = 15
SERVED_WITHIN_S = 1


def hub_with(text):
    folder = tempfile.TemporaryDirectory()
    config = pathlib.Path(folder.name) / "hub.toml"
    config.write_text(text)
    hub = Hub(["--config", config])
    hub.config_folder = folder
    return hub


def metric(hub, name):
    text = hub.rest.call("GET", "/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def tls(hub):
    return ssl.create_default_context(cafile=str(hub.ca_file))


class SilentSockets(threading.Thread):
    """Opens many connections that go as far as `stage` and no further, and notes when the hub closed each."""

    def __init__(self, hub, stage, count):
        super().__init__(daemon=True)
        self.hub, self.stage, self.count = hub, stage, count
        self.opened, self.seconds, self.failure = 0, [], None

    def run(self):
        try:
            asyncio.run(self.open_all())
        except Exception as error:  # told by the test
            self.failure = error

    async def open_all(self):
        gate = asyncio.Semaphore(50)  # the client's own handshakes at a time
        await asyncio.gather(*(self.hold_one(gate) for _ in range(self.count)))

    async def hold_one(self, gate):
        async with gate:
            try:
                if self.stage == "tls":
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.hub.port)
                else:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.hub.port, ssl=tls(self.hub), server_hostname="localhost")
                    if self.stage == "header":
                        writer.write(b"GET / HTTP/1.1\r\nHost: loc")
                    if self.stage == "frame":
                        writer.write(UPGRADE.encode())
                        await reader.readuntil(b"\r\n\r\n")
                        writer.write(b"\x82\xfe\x01")  # the begin of a masked binary frame
                    await writer.drain()
            except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                self.opened += 1
                self.seconds.append(0)  # pushed out by newer ones
                return
            self.opened += 1
        began = time.monotonic()
        try:
            while await reader.read(4_096):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        self.seconds.append(time.monotonic() - began)
        writer.transport.abort()


class Loris(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)

    def hold(self, stage):
        self.hub.rest.get("/devices")
        silent = SilentSockets(self.hub, stage, SILENT_SOCKETS)
        silent.start()
        served, deadline = [], time.monotonic() + 60
        while silent.is_alive() and time.monotonic() < deadline:
            began = time.monotonic()
            self.assertEqual(self.hub.rest.call("GET", "/healthz").status, 200)
            served.append(time.monotonic() - began)
            time.sleep(0.05)  # not to be the load itself
        silent.join(1)
        self.assertIsNone(silent.failure)
        self.assertEqual(len(silent.seconds), SILENT_SOCKETS, "every socket was closed")
        self.assertLess(max(silent.seconds), CLOSED_WITHIN_S)
        self.assertGreater(len(served), 50)
        self.assertLess(max(served), SERVED_WITHIN_S, "a good client is served meanwhile")
        print(f"{stage}: closed within {max(silent.seconds):.1f} s; good client at most {max(served) * 1e3:.0f} ms ({len(served)} requests)")

    def test_a_thousand_sockets_that_never_shake_hands(self):
        self.hold("tls")
        self.assertGreater(metric(self.hub, "telemetry_hub_tls_shed_total"), SILENT_SOCKETS / 2)

    def test_a_thousand_sockets_that_never_end_their_header(self):
        self.hold("header")
        self.assertEqual(metric(self.hub, "telemetry_hub_http_timeouts_total"), SILENT_SOCKETS)

    def test_a_thousand_devices_that_never_end_their_first_frame(self):
        self.hold("frame")
        self.assertEqual(metric(self.hub, "telemetry_hub_ingest_hello_timeouts_total"), SILENT_SOCKETS)


class Guesser(threading.Thread):
    """Guesses from one address on one connection, many requests in flight."""

    def __init__(self, hub, address, guesses):
        super().__init__(daemon=True)
        self.hub, self.address, self.guesses, self.statuses, self.failure = hub, address, guesses, [], None

    def run(self):
        try:
            raw = socket.create_connection(("127.0.0.1", self.hub.port), source_address=(self.address, 0), timeout=60)
            with tls(self.hub).wrap_socket(raw, server_hostname="localhost") as stream:
                answers, at_once = stream.makefile("rb"), 25
                for begin in range(0, self.guesses, at_once):
                    batch = range(begin, min(begin + at_once, self.guesses))
                    for i in batch:
                        guess = json.dumps({"username": "admin", "password": f"guess number {i}"})
                        stream.sendall(f"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(guess)}\r\n\r\n{guess}".encode())
                    for _ in batch:
                        self.statuses.append(int(answers.readline().split()[1]))
                        length = 0
                        while (line := answers.readline().strip()):
                            if line.lower().startswith(b"content-length:"):
                                length = int(line.split(b":")[1])
                        answers.read(length)
        except Exception as error:
            self.failure = error


class Guessing(unittest.TestCase):
    def guess(self, addresses, guesses_each):
        hub = Hub().start()
        self.addCleanup(hub.close)
        hub.rest.get("/devices")  # the owner signed in from here before
        hashes, began = metric(hub, "telemetry_hub_password_hashes_total"), time.monotonic()
        guessers = [Guesser(hub, f"127.0.{1 + n // 200}.{1 + n % 200}", guesses_each) for n in range(addresses)]
        for guesser in guessers:
            guesser.start()
        signed_in = 0
        while any(guesser.is_alive() for guesser in guessers):
            answer = Rest(hub.port, hub.ca_file).call("POST", "/api/v1/session", {"username": "admin", "password": PASSWORD})
            self.assertEqual(answer.status, 201, answer.body)
            signed_in += 1
            guessers[-1].join(0.2)
        took = time.monotonic() - began
        statuses = [status for guesser in guessers for status in guesser.statuses]
        self.assertEqual([guesser.failure for guesser in guessers if guesser.failure], [])
        self.assertEqual(len(statuses), addresses * guesses_each)
        self.assertLessEqual(set(statuses), {401, 429})
        self.assertGreater(signed_in, 0)
        spent = metric(hub, "telemetry_hub_password_hashes_total") - hashes - signed_in
        print(f"{len(statuses)} guesses from {addresses} addresses in {took:.1f} s: {spent:.0f} hashes; the owner signed in {signed_in} times")
        return spent, took, statuses.count(401)

    def test_ten_thousand_from_one_address(self):
        spent, took, wrong = self.guess(1, 10_000)
        self.assertLessEqual(spent, 11 + took / 6)
        self.assertLessEqual(wrong, spent)

    def test_ten_thousand_from_a_hundred_addresses(self):
        spent, took, wrong = self.guess(100, 100)
        # 60 at once, one more a second; slowed ones: 16 wait for two seconds each.
        self.assertLessEqual(spent, 61 + took + 16 * (took / 2 + 1))
        self.assertLessEqual(wrong, spent)


class Bounds(unittest.TestCase):
    def test_a_fast_device_is_read_later_and_loses_nothing(self):
        hub = hub_with("[ingest]\ndevice_messages_per_s = 50\n").start()
        self.addCleanup(hub.close)
        _, token = hub.new_device("fast")

        async def talk():
            link = await Device(hub, token).connect()
            for n in range(1, 601):
                await link.frame(n, body([float(n)], base_us=1_700_000_000_000_000 + n, define=("temperature", "Cel", 1) if n == 1 else None))
            await link.acked(600)
            await link.close()

        asyncio.run(talk())
        self.assertEqual([value for _, value in hub.readings("fast", "temperature")], [float(n) for n in range(1, 601)])
        self.assertGreater(metric(hub, "telemetry_hub_ingest_rests_total"), 0)

    def test_messages_without_meaning_are_skipped_at_the_same_pace(self):
        hub = hub_with("[ingest]\ndevice_messages_per_s = 100\n").start()
        self.addCleanup(hub.close)
        _, token = hub.new_device("odd")

        async def talk():
            link = await Device(hub, token).connect()
            for _ in range(1_100):
                await link.send_bytes(b"")
            await link.frame(1, body([1.0]))
            await link.acked(1)
            await link.close()

        asyncio.run(talk())
        self.assertGreater(metric(hub, "telemetry_hub_ingest_rests_total"), 0)

    def test_connections_have_a_bound_for_all_and_for_each_address(self):
        hub = hub_with("threads = 1\n[web]\nconnections = 30\naddress_connections = 20\n").start()
        self.addCleanup(hub.close)
        hub.rest.get("/devices")

        def hold(address, count):
            held = []
            for _ in range(count):
                raw = socket.create_connection(("127.0.0.1", hub.port), source_address=(address, 0), timeout=60)
                try:
                    held.append(tls(hub).wrap_socket(raw, server_hostname="localhost"))
                except (ConnectionError, ssl.SSLError, OSError):
                    raw.close()
            return held

        first = hold("127.0.1.1", 25)
        self.assertEqual(len(first), 20)
        others = hold("127.0.1.2", 15)
        self.assertEqual(len(others), 10)
        for one in first + others:
            one.close()
        wait_until(lambda: metric(hub, "telemetry_hub_connections") == 1, "the places to be free again")
        self.assertEqual(metric(hub, "telemetry_hub_connections_refused_total"), 10)
        text = hub.rest.call("GET", "/metrics").body.decode()
        self.assertIn('telemetry_hub_connections_refused_total{reason="address_full"} 5', text)
        self.assertIn('telemetry_hub_connections_refused_total{reason="full"} 5', text)


if __name__ == "__main__":
    unittest.main()
