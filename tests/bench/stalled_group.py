"""tests/bench/run stalled: what viewers that stopped reading cost those that read, over wss, in one run."""
import argparse
import asyncio
import json
import statistics
import sys
import time

READINGS = 20          # in a frame …
FRAMES_PER_S = 20      # … so many a second
BUDGET = 1.15          # the healthy viewers' p99 with stalled ones beside them, to that without
DESCRIPTION = """Follows one device with healthy viewers, in rounds with and without stalled ones, turn about.
stdout: a JSON line for each figure; stderr: the same for people, and the budget.
  healthy_p50_ms, healthy_p99_ms   from a reading's commit to its viewer, stalled viewers: 0 or N"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run stalled", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--stalled", type=int, default=50, metavar="N", help="viewers that do not read (50)")
    parser.add_argument("--healthy", type=int, default=50, metavar="N", help="viewers that do (50)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each kind (3)")
    parser.add_argument("--seconds", type=int, default=15, metavar="N", help="a round (15)")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where the budget is missed")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
    return parser


class Timed:
    """A healthy viewer: notes how old each message's newest commit is when it arrives."""

    def __init__(self, client):
        self.client, self.delays_ms, self.seen = client, [], 0

    async def follow(self, pb):
        import websockets
        while True:
            try:
                raw = await self.client.socket.recv()
            except websockets.ConnectionClosed:
                return
            now = time.time() * 1e6
            message = pb.LiveMessage.FromString(raw)
            for update in message.updates:
                if update.numbers:
                    self.seen = int(update.numbers[-1]) + 1
            if message.updates and message.commit_us:
                self.delays_ms.append((now - message.commit_us) / 1e3)


async def one_round(hub, token, device, first, stalled, chosen):
    from device_client import body
    from live_client import LiveClient
    from telemetry.v1 import live_pb2 as pb

    async def join(count, **kw):
        clients = [LiveClient(hub, token, **kw) for _ in range(count)]
        for client in clients:
            client.next = first - 1  # a snapshot of the newest comes first
            await client.connect()
            await client.until(lambda c: c.phases and c.phases[-1] == pb.LivePhase.PHASE_LIVE)
        return clients

    slow = await join(stalled, receive_buffer=192 * 1024)
    timed = [Timed(client) for client in await join(chosen.healthy)]
    followers = [asyncio.ensure_future(one.follow(pb)) for one in timed]
    number = first
    begun = time.monotonic()
    frames = chosen.seconds * FRAMES_PER_S
    fill = 2_500  # the first frames fill the sockets of those that do not read; they come in every round
    for n in range(frames):
        if n == 2 * FRAMES_PER_S:
            fill = READINGS
            # What is measured begins when everyone who reads has all of that: the backlog is this program's own.
            while any(one.seen < number for one in timed):
                await asyncio.sleep(0.01)
            begun = time.monotonic() - n / FRAMES_PER_S
            for one in timed:
                one.delays_ms.clear()
        device.sequence += 1
        await device.frame(device.sequence, body([float(number + i) for i in range(fill)], step_us=1, define=None))
        number += fill
        await device.acked(device.sequence)
        await asyncio.sleep(max(0, begun + (n + 1) / FRAMES_PER_S - time.monotonic()))
    await asyncio.sleep(0.5)
    await asyncio.gather(*(one.client.close() for one in timed), *followers)
    for client in slow:
        client.socket.transport.abort()
    delays = sorted(delay for one in timed for delay in one.delays_ms)
    return number, delays[len(delays) // 2], delays[len(delays) * 99 // 100]


async def measure(chosen):
    from device_client import Device, body
    from processes import Hub
    from telemetry.v1 import readings_pb2 as rd
    hub = Hub().start()
    try:
        token = hub.rest.post("/tokens", {"name": "bench", "scopes": ["read"]})["token"]
        device = await Device(hub, hub.new_device("counter")[1]).connect()
        device.sequence = 1
        await device.frame(1, body([0.0], define=("count", "1", rd.VALUE_TYPE_NUMBER)))
        await device.acked(1)
        found, first = {0: [], chosen.stalled: []}, 1
        for number in range(chosen.rounds):
            for stalled in found:
                first, p50, p99 = await one_round(hub, token, device, first, stalled, chosen)
                say(f"round {number + 1}, {stalled:3} stalled: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
                found[stalled].append((p50, p99))
        await device.close()
        return found
    finally:
        hub.close()


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    found = asyncio.run(measure(chosen))
    p99 = {}
    for stalled, rounds in found.items():
        for i, name in enumerate(("healthy_p50_ms", "healthy_p99_ms")):
            value = statistics.median(one[i] for one in rounds)
            p99[stalled] = value
            print(json.dumps({"group": "stalled", "figure": name, "stalled": stalled, "value": value, "unit": "ms", "rounds": len(rounds)}))
    is_met = p99[chosen.stalled] <= BUDGET * p99[0]
    say(f"{'met' if is_met else 'missed'}: p99 with {chosen.stalled} stalled viewers <= {BUDGET:.2f} of that without, "
        f"is {p99[chosen.stalled] / p99[0]:.2f}")
    return 1 if chosen.strict and not is_met else 0


if __name__ == "__main__":
    sys.exit(main())
