#!/usr/bin/env python3
"""Follows a hub and prints readings as CSV: history first, then live, through lost connections, each reading once.

    apt install protobuf-compiler python3-protobuf python3-websockets
    protoc -Iproto --python_out=docs/examples proto/telemetry/v1/readings.proto proto/telemetry/v1/live.proto
    HUB_TOKEN=… docs/examples/follow.py https://HOST:8443 --ca hub-ca.pem --device greenhouse-1 --series 'temp*' --ago 300

The token is an API token with the scope read (dashboard: Account, or POST /api/v1/tokens); hub-ca.pem is the hub's own
authority (DATA_DIR/tls/ca.pem). Gaps and what happens to the connection are told on stderr. Ctrl-C ends it.
The protocol is described in docs/live.md; this is a whole client of it, but for zooming and several subscriptions.
"""
import argparse
import asyncio
import csv
import os
import random
import signal
import ssl
import sys
import time
import urllib.parse

import websockets
from telemetry.v1 import live_pb2 as live
from telemetry.v1 import readings_pb2 as readings

SUBSCRIPTION = 1  # our number for it; the hub's answers name it
LIVE = (live.LivePhase.PHASE_LIVE, live.LivePhase.PHASE_CONFLATED, live.LivePhase.PHASE_LATEST_ONLY)
COLUMNS = ("time", "device", "series", "value", "unit", "count", "minimum", "maximum")
BACK_OFF_S, BACK_OFF_MOST_S, STABLE_S = 0.5, 15, 5
NEW_WEBSOCKETS = int(websockets.version.version.split(".")[0]) >= 14


def tell(text):
    print(text, file=sys.stderr, flush=True)


class Follower:
    """What is known of the subscription, over all connections. Memory: names of series and devices."""

    def __init__(self, options, token):
        self.options, self.token = options, token
        self.tls = ssl.create_default_context(cafile=options.ca)
        self.from_us = (time.time() - options.ago) * 1e6 if options.ago else 0
        self.series, self.names = {}, {}  # SeriesInfo by the hub's number; names of devices by id, from presence
        self.phase = None
        self.position, self.event_id = b"", 0  # where to go on: of the last message that was handled
        self.is_answered = False  # Subscribe, on this connection: before that a position knows nothing of it
        self.told_gaps = set()
        self.rows = csv.writer(sys.stdout)
        self.rows.writerow(COLUMNS)

    # --- one connection

    async def follow(self):
        """Until the connection is lost: websockets.ConnectionClosed, or OSError where there was none."""
        address = urllib.parse.urlsplit(self.options.url)
        scheme = "ws" if address.scheme in ("http", "ws") else "wss"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with websockets.connect(
                f"{scheme}://{address.netloc}/api/v1/live", subprotocols=["telemetry.live.v1"], compression=None,
                ssl=self.tls if scheme == "wss" else None, max_size=1 << 24,
                **{"additional_headers" if NEW_WEBSOCKETS else "extra_headers": headers}) as socket:
            self.phase, self.is_answered = None, False  # nothing is live on a new connection before its phase says so
            await self.send(socket, hello=live.ViewerHello(resume_event_id=self.event_id))
            await self.send(socket, subscribe=self.subscribe())
            parts = []
            while True:
                parts.append(live.LiveMessage.FromString(await socket.recv()))
                # The hub may write several messages in one go; the last has its time and the position behind all of them.
                # Handled before it came, they would be told again where the connection is lost in between.
                if not parts[-1].sent_us:
                    continue
                for message in parts:
                    self.handle(message)
                parts.clear()
                sys.stdout.flush()

    async def send(self, socket, **message):
        await socket.send(live.ViewerMessage(**message).SerializeToString())

    def subscribe(self):
        options = self.options
        request = live.Subscribe(id=SUBSCRIPTION, from_us=self.from_us, maximum_rate_hz=options.rate)
        request.selector.devices.extend(options.device)
        request.selector.groups.extend(options.group)
        request.selector.series.extend(options.series)
        request.resume_position = self.position
        return request

    def handle(self, message):
        """In the order that docs/live.md asks for: subscribed, phases, history, updates, the rest. Names may come first."""
        for state in message.presence:
            self.names[state.device_id] = state.device_name
        for answer in message.subscribed:
            if not answer.added:
                self.is_answered = True
            for info in answer.series:
                self.series[info.series] = info
        for said in message.phases:
            self.enter(said)
        for part in message.history:
            self.print_readings(part)
        for update in message.updates:
            # 0: for every subscription that is live and holds the series; else the catch-up of one.
            if update.subscription == SUBSCRIPTION or (update.subscription == 0 and self.phase in LIVE):
                self.print_update(update)
        for gap in message.gaps:
            self.tell_gap(gap)
        for freshness in message.freshness:
            if freshness.series in self.series:
                tell(f"# {self.title(freshness.series)}: {'silent' if freshness.stale else 'goes on'}")
        if message.HasField("error"):
            raise SystemExit(f"the hub refuses: {message.error.message} ({message.error.code})")
        if message.position and self.is_answered:
            self.position = message.position
        if message.event_id:
            self.event_id = message.event_id

    def enter(self, said):
        phase = live.LivePhase
        if said.phase == phase.PHASE_RESTARTED:
            tell("# what was missed is no longer held: everything comes again")
        if said.phase == phase.PHASE_CONFLATED and self.phase != said.phase:
            tell("# too slow for every reading: a summary comes once a second")
        if said.phase == phase.PHASE_LATEST_ONLY:
            tell("# too slow: the hub waits until what it sent is taken")
        self.phase = said.phase

    # --- what comes

    def print_update(self, update):
        info = self.series.get(update.series)
        if info is None:
            return
        folded = update.conflated
        is_number = info.type in (readings.VALUE_TYPE_NUMBER, readings.VALUE_TYPE_BOOLEAN)
        if update.HasField("conflated") and is_number:  # strings and locations come as values beside it
            self.print_row(info, folded.last_time_us, folded.last, folded.count, folded.minimum, folded.maximum)
        self.print_readings(update)

    def print_readings(self, columns):
        """Of a HistoryPart or a SeriesUpdate: the first one's time, then the differences."""
        info = self.series.get(columns.series)
        if info is None:
            return
        at = columns.coordinates
        values = columns.numbers or columns.booleans or columns.strings or [at[i:i + 3] for i in range(0, len(at), 3)]
        us = columns.time_us
        for i, value in enumerate(values):
            if i > 0:
                us += columns.time_delta_us[i - 1]
            self.print_row(info, us, value)

    def print_row(self, info, us, value, count=1, minimum="", maximum=""):
        if isinstance(value, bool):
            value = int(value)
        elif not isinstance(value, (float, str)):
            value = " ".join(map(repr, value))
        self.rows.writerow((f"{int(us) / 1e6:.6f}", self.names.get(info.device_id, info.device_id), info.name, value, info.unit,
                            count, minimum, maximum))

    def tell_gap(self, gap):
        key = (gap.series, gap.device_id, gap.from_us, gap.to_us, gap.reason)
        if key in self.told_gaps:  # with the history and live
            return
        if len(self.told_gaps) >= 1000:
            self.told_gaps.clear()
        self.told_gaps.add(key)
        what = self.title(gap.series) if gap.series else f"all of {self.names.get(gap.device_id, gap.device_id)}"
        reason = readings.GapReason.Name(gap.reason).removeprefix("GAP_REASON_").lower()
        tell(f"# gap: {what}, {gap.from_us / 1e6:.6f} to {gap.to_us / 1e6:.6f}, "
             f"{'at most ' if gap.at_most else ''}{gap.count} readings, {reason}")

    def title(self, series):
        info = self.series.get(series)
        return f"{self.names.get(info.device_id, info.device_id)} {info.name}" if info else f"series {series}"

    # --- all connections

    async def run(self):
        attempt = 0
        while True:
            began, code, reason = time.monotonic(), 1006, ""
            try:
                await self.follow()
            except websockets.ConnectionClosed as end:
                if end.rcvd:
                    code, reason = end.rcvd.code, end.rcvd.reason
            except websockets.InvalidHandshake as refusal:
                status = getattr(refusal, "status_code", None) or getattr(getattr(refusal, "response", None), "status_code", 0)
                reason = f"HTTP {status}" if status else str(refusal)
                if status in (400, 401, 403, 404):
                    raise SystemExit(f"the hub refuses the connection: {reason}")
            except BrokenPipeError:
                raise  # of stdout
            except (OSError, asyncio.TimeoutError) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise SystemExit(f"the hub cannot be trusted: {error.verify_message}; is --ca its authority?")
                reason = str(error)
            if 4000 <= code < 4100:  # not to be tried again
                raise SystemExit(f"the hub ended it: {reason} ({code})")
            if time.monotonic() - began >= STABLE_S:
                attempt = 0
            # 42xx: come back now; believed once. Else full jitter: a thousand viewers do not come back together.
            most = 0.25 if 4200 <= code < 4300 and attempt == 0 else min(BACK_OFF_MOST_S, BACK_OFF_S * 2 ** min(attempt, 10))
            attempt += 1
            delay = random.uniform(0, most)
            tell(f"# connection lost: {reason or 'no answer'} ({code}); again in {delay:.1f} s")
            await asyncio.sleep(delay)


async def main():
    parser = argparse.ArgumentParser(description="Prints a hub's readings as CSV: history, then live.")
    parser.add_argument("url", help="the hub, https://HOST:PORT")
    parser.add_argument("--ca", help="the hub's authority, a PEM file; without: those that the system trusts")
    parser.add_argument("--device", action="append", default=[], help="name or id, several times; without: every device")
    parser.add_argument("--group", action="append", default=[], help="devices of this group, several times")
    parser.add_argument("--series", action="append", default=[], help="pattern, * is any run of characters; without: all")
    parser.add_argument("--ago", type=float, default=0, help="seconds of history first; without: the newest values")
    parser.add_argument("--rate", type=float, default=0, help="at most so many rows a second and series; 0: every reading")
    options = parser.parse_args()
    options.series = options.series or ["*"]
    token = os.environ.get("HUB_TOKEN")
    if not token:
        parser.error("HUB_TOKEN is not set: an API token with the scope read")
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await Follower(options, token).run()
    except asyncio.CancelledError:
        pass  # Ctrl-C: the connection was closed in order
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has enough


if __name__ == "__main__":
    asyncio.run(main())
