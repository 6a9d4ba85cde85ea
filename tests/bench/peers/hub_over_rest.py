"""The real hub, filled over wss like any hub and asked over REST: hub_over_rest.py rest."""
import array
import asyncio
import http.client
import json
import pathlib
import ssl
import struct
import sys
import tempfile
import time

import figures
import history
import server_process
import with_parent
import workload
from device_client import Device
from processes import Hub
from telemetry.v1 import device_pb2 as pb
from telemetry.v1 import readings_pb2 as rd

ENGINE = "hub"
SESSIONS = 8  # at a time, while the fleet is filled in
FRAME_TIMES = {10: 600, 4: 1_600}  # by columns: what stays below 64 KB a message with doubles
SAMPLE = struct.Struct("<qq10d")


def samples(files):
    """(device, time in µs, the ten values)"""
    for path in files:
        yield from SAMPLE.iter_unpack(path.read_bytes())


def by_device(files):
    times, values = {}, {}
    for device, time_us, *row in samples(files):
        times.setdefault(device, array.array("q")).append(time_us)
        values.setdefault(device, array.array("d")).extend(row)
    return times, values


def frame_bodies(times, values, series):
    """The frames of one device in order; `values` ten a time, of which `series` are sent as series m0, m1, …"""
    step = FRAME_TIMES[len(series)]
    for first in range(0, len(times), step):
        part = times[first:first + step]
        wall = part[-1]
        body = pb.FrameBody(wall_us=wall, monotonic_ms=wall // 1_000)
        if first == 0:
            for alias, each in enumerate(series, 1):
                body.definitions.add(alias=alias, name=f"m{each}", type=rd.VALUE_TYPE_NUMBER, interval_ms=1_000)
        block = body.blocks.add(base_us=part[0] - wall, step=1_000, unit_us=1_000, count=len(part))
        block.jitter.extend((b - a) // 1_000 - 1_000 for a, b in zip(part, part[1:]))
        for alias, each in enumerate(series, 1):
            block.columns.add(series=alias, doubles=values[first * 10 + each:(first + len(part)) * 10:10])
        yield body.SerializeToString()


async def send_device(hub, token, bodies):
    """Within the credit that the hub gives, without waiting for each frame."""
    link = await Device(hub, token).connect()
    unacknowledged, sequence, room = {}, 0, link.welcome.credit_bytes_live
    for body in bodies:
        sequence += 1
        unacknowledged[sequence] = len(body) + 64  # with what surrounds it
        while sum(unacknowledged.values()) > room:
            await link.receive()
            stored = link.acks.get(0, 0)
            unacknowledged = {number: size for number, size in unacknowledged.items() if number > stored}
        await link.send(frame=pb.Frame(stream=0, sequence=sequence, body=body))
    await link.acked(sequence)
    if link.rejected:
        raise SystemExit(f"rest: the hub refused {link.rejected[:1]}")
    await link.close()


def grant_names(connection, count):
    """(name, token) of `count` new devices d0, d1, … and the one of the history."""
    made = []
    for number in [*range(count), workload.HISTORY_DEVICE]:
        grant = connection.call("POST", "/enrolments", {"name": f"d{number}"}, 201)
        made.append((number, connection.call("POST", "/enrolments/redeem", {"token": grant["token"]}, 201)["token"]))
    return dict(made)


class Connection:
    """One keep-alive connection, signed in."""

    def __init__(self, hub):
        context = ssl.create_default_context(cafile=str(hub.ca_file))
        self.http = http.client.HTTPSConnection("localhost", hub.port, context=context, timeout=600)
        self.headers = {"Cookie": hub.rest.cookie}

    def get(self, path):
        """The body as it comes; parsing it is not what is measured."""
        self.http.request("GET", "/api/v1" + path, headers=self.headers)
        return self._answer(path, 200)

    def call(self, method, path, body, expect):
        headers = {**self.headers, "Content-Type": "application/json"}
        self.http.request(method, "/api/v1" + path, json.dumps(body), headers)
        return json.loads(self._answer(path, expect))

    def _answer(self, path, expect):
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status != expect:
            raise SystemExit(f"hub: {path}: {answer.status} {data[:400]!r}")
        return data


async def fill(hub, tokens, files):
    times, values = by_device(workload.fleet("samples", files / "fleet", batch=1_000_000))
    waiting = asyncio.Semaphore(SESSIONS)

    async def one(device):
        async with waiting:
            await send_device(hub, tokens[device], frame_bodies(times[device], values[device], range(10)))

    await asyncio.gather(*(one(device) for device in times))
    times, values = by_device(workload.history("samples", files / "history", batch=1_000_000))
    device = workload.HISTORY_DEVICE
    await send_device(hub, tokens[device], frame_bodies(times[device], values[device], workload.HISTORY_SERIES))


def path_of(question):
    path = (f"/devices/d{workload.HISTORY_DEVICE}/series/m0/readings?from={question.from_us}&to={question.to_us}")
    return path + (f"&width={question.rows}" if question.width_us else "&limit=10000")


def check(question, body):
    rows = json.loads(body)["rows"]
    question.check(len(rows), len(rows) if question.width_us == 0 else sum(row[5] for row in rows))


def ask_latest(connection):
    return connection.get("/latest")


def check_latest(body):
    history.check_latest(len(json.loads(body)["rows"]))


def measure(hub):
    connection = Connection(hub)
    check_latest(ask_latest(connection))
    taken = figures.warm_ms(lambda: ask_latest(connection) and None, runs=5)
    figures.say(ENGINE, "rest", "rest_latest_10000_ms", taken, "ms")
    for question in history.questions():
        path = path_of(question)
        check(question, connection.get(path))
        taken = figures.warm_ms(lambda path=path: connection.get(path) and None)
        figures.say(ENGINE, "rest", f"rest_{question.name}_ms", taken, "ms")


def settle(hub):
    """Every past day in its own file, nothing on its way there."""
    def state():
        storage = hub.rest.get("/hub")["storage"]
        return storage["partitions"], storage["tail_bytes"], storage["partition_bytes"]

    partitions, *_ = server_process.settled(state, quiet_s=15, limit_s=180)
    if partitions < workload.history_days():
        raise SystemExit(f"rest: {partitions} days are files")


def main():
    # Filled first and sealed as a whole afterwards: a hub that is filled day by day has one file a day too, but one
    # that gets a month at once would keep what comes after a day's first file aside for another day.
    fast_fill = {"TELEMETRY_HUB_STORAGE_RETENTION_DAYS": "0", "TELEMETRY_HUB_STORAGE_SEAL_INTERVAL_S": "3600",
                 "TELEMETRY_HUB_STORAGE_TAIL_MAX_MB": "4096"}
    hub = Hub(env=fast_fill)
    try:
        hub.start()
        tokens = grant_names(Connection(hub), workload.devices())
        with tempfile.TemporaryDirectory(prefix="workload-") as folder:
            begun = time.monotonic()
            asyncio.run(fill(hub, tokens, pathlib.Path(folder)))
            figures.note(f"rest: filled over wss in {time.monotonic() - begun:.0f} s")
        hub.stop()
        hub.env = {"TELEMETRY_HUB_STORAGE_RETENTION_DAYS": "0", "TELEMETRY_HUB_STORAGE_SEAL_INTERVAL_S": "10"}
        hub.start()
        settle(hub)
        measure(hub)
        hub.stop()
    finally:
        hub.close()


if __name__ == "__main__":
    with_parent.leave_in_order()
    if sys.argv[1:] != ["rest"]:
        raise SystemExit("usage: hub_over_rest.py rest")
    main()
