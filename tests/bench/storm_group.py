"""tests/bench/run storm: a hub is killed, and its devices come back, all at once."""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import random
import ssl
import sys
import time

from live_bench import DEVICE, BenchHub, Figures, Load, add_common_flags, say
from storage_budgets import at_most
from with_parent import leave_in_order

SAMPLE = 100  # devices whose readings are counted one by one
BUDGETS = [at_most("acknowledged readings lost", "lost_readings", 0), at_most("10,000 devices are back, s", "back_s", 60)]
DESCRIPTION = """Devices connected with their tokens over wss, a reading each --period seconds from each; viewers of one more device, ten readings a second.
The hub is killed with SIGKILL and started again at once; devices and viewers come back by the back-off of docs/protocol.md and docs/live.md (full jitter), from
an address of loopback for each thousand, no more than --at-once handshakes at a time. stdout: a JSON line a figure; stderr: a table, and the budgets.
  first_connected_s             the devices' first connections, as many at a time, each with its first reading acknowledged
  serving_s                     from the kill until the hub serves again
  viewers_back_s, back_s        from the kill until all viewers, and all devices, are back
  half_back_s, most_back_s      until half of the devices are, and 99 in 100: the last ones have drawn the longest waits
  handshakes_per_s              devices that came back in the best second
  attempts_per_device           connections tried for each that came back, refused ones included
  before_p99_ms, storm_p99_ms, after_p99_ms   the viewers' latency, of readings made while they are connected
  hub_cpu_s, hub_cpu_ms_per_device            the new process, from its start until all are back
  hub_bytes_per_device, hub_resident_bytes    anonymous memory then, beyond that of an empty hub, by device; resident at its peak
  lost_readings                 acknowledged ones that the hub does not have afterwards: by every device's cursor, and counted over REST for --sample devices
  missed_by_viewers             readings that a viewer did not get, before, during or after; doubled ones count as negative"""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run storm", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--devices", type=int, default=10_000, metavar="N", help="(10000)")
    parser.add_argument("--viewers", type=int, default=20, metavar="N", help="(20)")
    parser.add_argument("--period", type=float, default=10, metavar="S", help="between two readings of a device (10)")
    parser.add_argument("--at-once", type=int, default=100, metavar="N", help="handshakes at a time (100)")
    parser.add_argument("--before", type=float, default=15, metavar="S", help="measured before the kill, and after all are back (15)")
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help="devices whose readings are counted over REST (100)")
    parser.add_argument("--quick", action="store_true", help="whether it works: 200 devices")
    add_common_flags(parser)
    return parser


def memory(pid):
    rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {name: int(rows[name].split()[0]) * 1024 for name in ("RssAnon", "VmHWM")}


def cpu_s(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def enrol(hub, names):
    """A token each, by one enrolment of many uses, over a few connections kept alive."""
    def redeem(part, token):
        made = {}
        connection = http.client.HTTPSConnection("localhost", hub.port, context=ssl.create_default_context(cafile=str(hub.ca_file)), timeout=600)
        for name in part:
            connection.request("POST", "/api/v1/enrolments/redeem", json.dumps({"token": token, "name": name}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 201:
                raise SystemExit(f"hub: redeem {name}: {answer.status} {body[:300]!r}")
            made[name] = json.loads(body)["token"]
        connection.close()
        return made

    tokens, most, threads = {}, 10_000, 4
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(names), most):
            batch = names[first:first + most]
            grant = hub.rest.post("/enrolments", {"uses": len(batch), "ttl": "2h"})["token"]
            for made in pool.map(redeem, [batch[i::threads] for i in range(threads)], [grant] * threads):
                tokens |= made
    return [tokens[name] for name in names]


class Storm:
    def __init__(self, chosen, hub):
        self.chosen, self.hub, self.figures = chosen, hub, Figures("storm")
        self.names = [f"storm-{i}" for i in range(chosen.devices)]
        self.folder = pathlib.Path(hub.folder.name)
        self.acknowledged = self.folder / "acknowledged"
        self.empty_bytes = memory(hub.pid)["RssAnon"]

    def start_loads(self):
        """The crowd, and in a process of its own, so that its latency is not the crowd's, a device with its viewers."""
        say(f"enrolling {self.chosen.devices} devices")
        begun = time.monotonic()
        tokens = self.folder / "tokens"
        tokens.write_text("\n".join(enrol(self.hub.hub, self.names)) + "\n")
        say(f"that took {time.monotonic() - begun:.0f} s; connecting them")
        followed = self.folder / "followed"
        followed.write_text(self.hub.device_token + "\n")
        arguments = self.hub.arguments(DEVICE)
        followers = Load("storm", *arguments, "--tokens", followed, "--viewers", self.chosen.viewers, "--period", 0.1)
        crowd = Load("storm", *arguments, "--tokens", tokens, "--period", self.chosen.period, "--at-once", self.chosen.at_once,
                     "--acknowledged", self.acknowledged, yields=True)
        return followers, crowd

    def note_mark(self, followers, name):
        followers.tell(f"mark {name}")
        mark = followers.event("mark")
        self.figures.add(f"{name}_p50_ms", "ms", mark["p50_ms"])
        self.figures.add(f"{name}_p99_ms", "ms", mark["p99_ms"])

    def run(self):
        followers, crowd = self.start_loads()
        try:
            followers.event("connected")
            self.figures.add("first_connected_s", "s", crowd.event("connected")["seconds"])
            followers.tell("mark settled")
            followers.event("mark")
            time.sleep(self.chosen.before)
            self.note_mark(followers, "before")
            self.kill(followers, crowd)
            followers.tell("mark storm_over")
            followers.event("mark")
            time.sleep(self.chosen.before)
            self.note_mark(followers, "after")
            self.finish(followers, crowd)
        finally:
            followers.kill()
            crowd.kill()

    def kill(self, followers, crowd):
        say("kill -9")
        killed = time.monotonic()
        for load in (followers, crowd):
            load.tell("killed")
        self.hub.hub.kill()
        self.hub.start()
        serving_s = time.monotonic() - killed
        pid = self.hub.pid
        viewers_back = followers.event("back")
        back = crowd.event("back")
        used_s, used = cpu_s(pid), memory(pid)
        self.note_mark(followers, "storm")
        say(f"what ended: {back['ends']}")
        add = self.figures.add
        add("serving_s", "s", serving_s)
        add("viewers_back_s", "s", viewers_back["seconds"])
        add("back_s", "s", back["seconds"])
        add("half_back_s", "s", back["half_s"])
        add("most_back_s", "s", back["most_s"])
        add("handshakes_per_s", "1/s", back["most_in_a_second"], more_is_better=True)
        add("attempts_per_device", "", back["attempts"] / self.chosen.devices)
        add("hub_cpu_s", "s", used_s)
        add("hub_cpu_ms_per_device", "ms", used_s * 1e3 / self.chosen.devices)
        add("hub_bytes_per_device", "B", (used["RssAnon"] - self.empty_bytes) / self.chosen.devices)
        add("hub_resident_bytes", "B", used["VmHWM"])

    def finish(self, followers, crowd):
        for load in (followers, crowd):
            load.tell("finish")
        seen, end = followers.event("end"), crowd.event("end")
        self.figures.add("missed_by_viewers", "", seen["to_be_seen"] - seen["seen"])
        lost = 0
        for line in (seen, end):
            if line["acknowledged"] < line["made"]:
                say(f"{line['made'] - line['acknowledged']} readings were not acknowledged within 30 s; they are not counted as lost")
        counts = list(map(int, self.acknowledged.read_text().split()))
        for number in random.sample(range(len(counts)), min(self.chosen.sample, len(counts))):
            stored = len(self.hub.hub.readings(self.names[number], "bench.text"))
            if stored != counts[number]:
                say(f"{self.names[number]}: {counts[number]} readings acknowledged, {stored} stored")
            lost += max(0, counts[number] - stored)
        self.figures.add("lost_readings", "", lost)


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    leave_in_order()
    if chosen.quick:
        chosen.devices, chosen.period, chosen.before, chosen.sample = 200, 2, 4, 20
    with BenchHub(chosen.devices + chosen.viewers + 100) as hub:
        storm = Storm(chosen, hub)
        storm.run()
    storm.figures.tell()
    missed = storm.figures.judge(BUDGETS)
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
