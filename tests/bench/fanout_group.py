"""tests/bench/run fanout: what a delivered message costs the hub, how late it is and how many there can be, beside uWebSockets, ws, Socket.IO, mosquitto and NATS."""
import argparse
import contextlib
import sys

from live_bench import BenchHub, Figures, add_common_flags, on_core, raise_descriptors, run_load, say, tell_disturbance
from storage_budgets import at_most, times
from with_parent import leave_in_order

SERVERS = ("hub", "uwebsockets", "ws", "socketio", "mosquitto", "nats")
BUDGETS = [
    times("CPU a delivered message at 20/s beside uWebSockets", "cpu_us_per_message_20", 0.91, "uwebsockets"),
    times("CPU a delivered message at 20/s beside ws", "cpu_us_per_message_20", 1.82, "ws"),
    times("CPU a delivered message at 20/s beside Socket.IO", "cpu_us_per_message_20", 2, "socketio"),
    times("CPU a delivered message at 20/s beside mosquitto", "cpu_us_per_message_20", 1.33, "mosquitto"),
    times("CPU a delivered message at 20/s beside NATS", "cpu_us_per_message_20", 1.33, "nats"),
    times("CPU a delivered message at 200/s beside uWebSockets", "cpu_us_per_message_200", 1.82, "uwebsockets"),
    at_most("latency at 200/s, p99, ms", "p99_ms_200", 60),
]
DESCRIPTION = """One publisher, many subscribers of one series or topic; the hub beside its peers, one after the other, in an order that changes from
round to round. Server on the first core, load client on the last. stdout: a JSON line a figure and peer; stderr: a table, and the budgets.
  cpu_us_per_message_R, p50_ms_R, p99_ms_R   R messages of --bytes a second to --subscribers; CPU of the server's process alone, time from
                                             when a message is due to when the client has decrypted it
  delivered_per_s                            the most, of the rates of --ladder, that came with p99 <= --bound-ms and 98 % delivered
  beyond_delivered_per_s, beyond_p99_ms      at the first rate at which that failed; no figure where none did
  bytes_per_connection                       growth of the server's anonymous memory by a subscriber
  many_*                                     the same at --many subscribers, 4 messages a second
  *_plain                                    peers without TLS, beside the hub with it: it has no other
  numbers_*                                  the hub alone: a message is ten readings of ten series
The hub writes each message to its disk (fsync) before it delivers it; the peers store nothing. uWebSockets is measured as Bun
carries it."""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run fanout", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--subscribers", type=int, default=1_000, metavar="N", help="of the main case (1000)")
    parser.add_argument("--rate", type=float, default=20, metavar="R", help="messages a second of the main case (20)")
    parser.add_argument("--bytes", type=int, default=200, metavar="B", help="of a payload (200)")
    parser.add_argument("--ladder", default="50,100,200,400,800,1200", metavar="R,…", help="rates tried for saturation; empty: none (50,100,200,400,800,1200)")
    parser.add_argument("--bound-ms", type=float, default=100, metavar="MS", help="p99 that counts as keeping up (100)")
    parser.add_argument("--many", type=int, default=5_000, metavar="N", help="subscribers of the large case; 0: without it (5000)")
    parser.add_argument("--seconds", type=float, default=4, metavar="S", help="of each window (4)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="(3)")
    parser.add_argument("--servers", default=",".join(SERVERS), metavar="NAME,…", help="which (%(default)s)")
    parser.add_argument("--no-plain", action="store_true", help="without the peers' plain variants")
    parser.add_argument("--quick", action="store_true", help="whether it works: 100 subscribers, one round, one second, two rates, TLS only")
    add_common_flags(parser)
    return parser


def chosen_flags():
    chosen = flags().parse_args()
    unknown = set(chosen.servers.split(",")) - set(SERVERS)
    if unknown:
        flags().error(f"unknown servers: {', '.join(sorted(unknown))}; known: {', '.join(SERVERS)}")
    if chosen.quick:
        chosen.subscribers, chosen.many, chosen.rounds, chosen.seconds, chosen.ladder, chosen.no_plain = 100, 0, 1, 1, "50", True
    return chosen


@contextlib.contextmanager
def server(name, tls, connections):
    """The load client's arguments for a fresh server of this name."""
    if name == "hub":
        with BenchHub(connections) as hub:
            yield ["--protocol", "hub", *hub.arguments()]
        return
    from fanout_servers import PEERS
    raise_descriptors(connections + 1_000)
    with contextlib.redirect_stdout(sys.stderr), on_core("server"):
        peer = PEERS[name](tls)
        peer.__enter__()
    try:
        yield ["--protocol", peer.protocol, "--port", peer.port, "--pid", peer.child.pid] + (["--ca", peer.cert] if tls else [])
    finally:
        peer.__exit__()


class Runs:
    def __init__(self, chosen):
        self.chosen, self.figures, self.lines, self.left_out = chosen, Figures("fanout"), [], {}

    def one(self, name, tls, subscribers, rates, *more):
        """(the opening, steps) of one run; nothing where the server is left out."""
        if name in self.left_out:
            return None, []
        say(f"{name}{'' if tls else ' (plain)'}: {subscribers} subscribers, {','.join(f'{r:g}' for r in rates)} messages a second")
        try:
            with server(name, tls, subscribers) as arguments:
                opened, *steps = run_load("fan", *arguments, "--subscribers", subscribers, "--bytes", self.chosen.bytes, "--rates",
                                          ",".join(map(str, rates)), "--seconds", self.chosen.seconds, "--bound-ms", self.chosen.bound_ms, *more)
        except SystemExit as ended:
            if name == "hub":
                raise
            say(f"{name} is left out: {ended}")
            self.left_out[name] = str(ended)
            return None, []
        self.lines += steps
        return opened, steps

    def main_case(self, name, tls):
        ladder = [float(rate) for rate in self.chosen.ladder.split(",") if rate] if tls else []
        opened, steps = self.one(name, tls, self.chosen.subscribers, [self.chosen.rate, *ladder])
        if not steps:
            return
        end = "" if tls else "_plain"
        self.figures.add(f"bytes_per_connection{end}", "B", opened["server_bytes_per_connection"], name)
        for step in steps:
            rate = f"{step['rate']:g}{end}"
            self.figures.add(f"cpu_us_per_message_{rate}", "us", step["server_cpu_us_per_message"], name)
            self.figures.add(f"p50_ms_{rate}", "ms", step["p50_ms"], name)
            self.figures.add(f"p99_ms_{rate}", "ms", step["p99_ms"], name)
        if not tls:
            self.beside_plain(f"{self.chosen.rate:g}_plain")
            return
        kept_up = [step["delivered_per_s"] for step in steps if step["keeps_up"]]
        self.figures.add("delivered_per_s", "1/s", max(kept_up, default=0), name, more_is_better=True)
        if not steps[-1]["keeps_up"]:
            self.figures.add("beyond_delivered_per_s", "1/s", steps[-1]["delivered_per_s"], name, more_is_better=True)
            self.figures.add("beyond_p99_ms", "ms", steps[-1]["p99_ms"], name)

    def beside_plain(self, rate):
        """The hub has no plain variant: its figures with TLS stand beside the peers' without."""
        rounds = self.figures.rounds
        for figure in (f"cpu_us_per_message_{rate}", f"p50_ms_{rate}", f"p99_ms_{rate}", "bytes_per_connection_plain"):
            ours = rounds.get(figure.removesuffix("_plain"), {}).get("hub")
            if ours:
                rounds[figure]["hub"] = list(ours)

    def many_case(self, name):
        opened, steps = self.one(name, True, self.chosen.many, [4])
        if steps:
            self.figures.add("many_cpu_us_per_message", "us", steps[0]["server_cpu_us_per_message"], name)
            self.figures.add("many_p50_ms", "ms", steps[0]["p50_ms"], name)
            self.figures.add("many_p99_ms", "ms", steps[0]["p99_ms"], name)
            self.figures.add("many_bytes_per_connection", "B", opened["server_bytes_per_connection"], name)

    def numbers_case(self):
        _, steps = self.one("hub", True, self.chosen.subscribers, [self.chosen.rate], "--numbers", 10)
        self.figures.add("numbers_cpu_us_per_message", "us", steps[0]["server_cpu_us_per_message"] * 10)
        self.figures.add("numbers_cpu_us_per_reading", "us", steps[0]["server_cpu_us_per_message"])
        self.figures.add("numbers_p99_ms", "ms", steps[0]["p99_ms"])


def main():
    chosen = chosen_flags()
    if chosen.check_flags:
        return 0
    leave_in_order()
    wanted = [name for name in SERVERS if name in chosen.servers.split(",")]
    runs = Runs(chosen)
    for number in range(chosen.rounds):
        turned = wanted[number % len(wanted):] + wanted[:number % len(wanted)]
        for name in turned:
            runs.main_case(name, tls=True)
        for name in turned:
            if name != "hub" and not chosen.no_plain:
                runs.main_case(name, tls=False)
        for name in turned if chosen.many else []:
            runs.many_case(name)
    if "hub" in wanted:
        runs.numbers_case()
    runs.figures.tell()
    tell_disturbance(runs.lines)
    for name, why in runs.left_out.items():
        say(f"left out: {name}: {why}")
    missed = runs.figures.judge(BUDGETS)
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
