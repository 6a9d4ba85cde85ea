"""tests/bench/run polling: what a live link saves over asking again and again, on the same hub."""
import argparse
import sys

from live_bench import BenchHub, Figures, add_common_flags, run_load, say, tell_disturbance
from storage_budgets import times
from with_parent import leave_in_order

BUDGETS = [times("CPU beside polling each second", "cpu_percent", 1.5, "polling"), times("latency beside polling, p50", "p50_ms", 5, "polling")]
DESCRIPTION = """A device sends a number --rate times a second; --viewers follow it, once over the live link, once by asking REST for the readings since the
last one each --period seconds, on connections kept alive. Same hub program, TLS, viewers spread evenly over the period. stdout: a JSON line a figure;
stderr: a table.
  received_bytes_per_viewer_s, sent_bytes_per_viewer_s   at the viewer's socket: TLS, WebSocket or HTTP included, TCP and IP not; handshakes not
  cpu_percent                                            of one core, the hub's process; the device's frames and their commits are part of both
  p50_ms, p99_ms                                         from when a reading is due to when the viewer has it"""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run polling", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--viewers", type=int, default=1_000, metavar="N", help="(1000)")
    parser.add_argument("--rate", type=float, default=10, metavar="R", help="readings a second (10)")
    parser.add_argument("--period", type=float, default=1, metavar="S", help="between two polls of a viewer (1)")
    parser.add_argument("--seconds", type=float, default=15, metavar="S", help="of each window (15)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="(3)")
    parser.add_argument("--quick", action="store_true", help="whether it works: 100 viewers, one round, three seconds")
    add_common_flags(parser)
    return parser


def one_round(chosen, figures, lines):
    seconds = ["--seconds", chosen.seconds, "--warm", 2]
    with BenchHub(chosen.viewers) as hub:
        say(f"live link: {chosen.viewers} viewers")
        _, live = run_load("fan", "--protocol", "hub", *hub.arguments(), "--subscribers", chosen.viewers, "--numbers", 1, "--rates", chosen.rate, *seconds)
    with BenchHub(chosen.viewers) as hub:
        say(f"polling: the same, a request each {chosen.period:g} s")
        polling, = run_load("poll", *hub.arguments(), "--viewers", chosen.viewers, "--rate", chosen.rate, "--period", chosen.period, *seconds)
    if polling["skipped"]:
        say(f"polling: {polling['skipped']} polls were put off, since the last one was not answered")
    for server, line in (("hub", live), ("polling", polling)):
        lines.append(line)
        for figure in ("received_bytes_per_viewer_s", "sent_bytes_per_viewer_s"):
            figures.add(figure, "B/s", line[figure], server)
        figures.add("bytes_per_reading", "B", (line["received_bytes_per_viewer_s"] + line["sent_bytes_per_viewer_s"]) / chosen.rate, server)
        figures.add("cpu_percent", "%", line["server_cpu_percent"], server)
        figures.add("p50_ms", "ms", line["p50_ms"], server)
        figures.add("p99_ms", "ms", line["p99_ms"], server)
        figures.add("delivered_per_s", "1/s", line["delivered_per_s"], server, more_is_better=True)


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    leave_in_order()
    if chosen.quick:
        chosen.viewers, chosen.rounds, chosen.seconds = 100, 1, 3
    figures, lines = Figures("polling"), []
    for _ in range(chosen.rounds):
        one_round(chosen, figures, lines)
    figures.tell()
    tell_disturbance(lines)
    missed = figures.judge(BUDGETS)
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
