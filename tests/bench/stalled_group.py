"""tests/bench/run stalled: what viewers that stopped reading cost those that read, over wss, in one run."""
import argparse
import sys

from live_bench import BenchHub, Figures, Load, add_common_flags, say, tell_disturbance
from with_parent import leave_in_order

BUDGET = 1.15   # the healthy viewers' p99 with stalled ones beside them, to that without
FILL = 2_000    # messages a second, for a step of its own that every run begins with: full sockets, where nobody reads
LEAST_S = 28    # a viewer that takes nothing is told to go 30 s after; opening, fill and window must be over by then
DESCRIPTION = """Follows one device's messages of 200 B with healthy viewers, in rounds with and without stalled ones, turn about, each
with a hub of its own. The hub runs on the machine's first core, the load client (C++) on its last; stalled viewers' sockets are full when it begins.
stdout: a JSON line for each figure; stderr: the same for people, and the budget.
  healthy_p50_ms_R, healthy_p99_ms_R     from a reading's commit to its viewer's socket, R messages a second
  cpu_us_per_message_R                   of the hub, a message that a healthy viewer got
  beside_…                               the same with the stalled viewers
  beside_bytes_per_viewer                what the hub's memory is larger by, a stalled viewer, its socket full; kernel buffers not counted"""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run stalled", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--stalled", type=int, default=50, metavar="N", help="viewers that do not read (50)")
    parser.add_argument("--healthy", type=int, default=50, metavar="N", help="viewers that do (50)")
    parser.add_argument("--rates", default="20,200", metavar="R,…", help="messages a second (20,200)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each kind and rate (3)")
    parser.add_argument("--seconds", type=int, default=12, metavar="N", help=f"a round (12; at most {LEAST_S - 12})")
    add_common_flags(parser)
    return parser


def viewers(hub):
    """That the hub has at present, by its own count."""
    for line in hub.hub.rest.call("GET", "/metrics").body.decode().splitlines():
        name, _, value = line.partition(" ")
        if name == "telemetry_hub_viewers":
            return int(float(value))
    raise SystemExit("/metrics: no telemetry_hub_viewers")


def one_run(hub, chosen, rate, stalled):
    """What the load client says of the window."""
    load = Load("fan", "--protocol", "hub", *hub.arguments(), "--subscribers", chosen.healthy, "--stalled", stalled, "--since-commit",
                "--rates", f"{FILL},{rate}", "--warm", 2, "--seconds", chosen.seconds)
    try:
        load.line()
        _, window = load.line(), load.line()
        if stalled and (present := viewers(hub)) < chosen.healthy + stalled:
            raise SystemExit(f"only {present} of {chosen.healthy + stalled} viewers were left when the window ended")
        if stalled:
            load.tell("finish")
        load.end()
    finally:
        load.kill()
    if window["missing"] or window["lost_connections"]:
        raise SystemExit(f"healthy viewers missed {window['missing']} messages and lost {window['lost_connections']} connections")
    return window


def measure(chosen):
    figures, lines = Figures("stalled"), []
    for rate in chosen.rates.split(","):
        for number in range(chosen.rounds):
            kinds = (0, chosen.stalled) if number % 2 == 0 else (chosen.stalled, 0)
            memory = {}
            for stalled in kinds:
                with BenchHub(chosen.healthy + chosen.stalled + 100) as hub:  # its memory is nobody's before
                    window = one_run(hub, chosen, rate, stalled)
                prefix = "beside_" if stalled else ""
                say(f"{rate}/s, round {number + 1}, {stalled:3} stalled: p50 {window['p50_ms']:.2f} ms, p99 {window['p99_ms']:.2f} ms, "
                    f"{window['server_cpu_us_per_message']:.1f} us a message")
                figures.add(f"{prefix}healthy_p50_ms_{rate}", "ms", window["p50_ms"])
                figures.add(f"{prefix}healthy_p99_ms_{rate}", "ms", window["p99_ms"])
                figures.add(f"{prefix}cpu_us_per_message_{rate}", "us", window["server_cpu_us_per_message"])
                memory[stalled] = window["server_anonymous_bytes"]
                lines.append(window)
            figures.add("beside_bytes_per_viewer", "B", (memory[chosen.stalled] - memory[0]) / chosen.stalled)
    return figures, lines


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    leave_in_order()
    figures, lines = measure(chosen)
    figures.tell()
    tell_disturbance(lines)
    missed = 0
    for rate in chosen.rates.split(","):
        p99, beside = figures.values[f"healthy_p99_ms_{rate}"], figures.values[f"beside_healthy_p99_ms_{rate}"]
        missed += beside > BUDGET * p99
        say(f"{'met' if beside <= BUDGET * p99 else 'missed'}: p99 at {rate}/s with {chosen.stalled} stalled viewers <= {BUDGET:.2f} of that "
            f"without, is {beside / p99:.2f}")
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
