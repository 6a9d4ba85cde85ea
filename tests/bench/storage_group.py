"""tests/bench/run storage: the engines in turn, several rounds; medians, ratios and budgets."""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys

import storage_budgets
from peers import with_parent

HERE = pathlib.Path(__file__).resolve().parent
LEFT_OUT = 3  # an engine's exit code: what it needs is not installed
ENGINE_LIMIT_S = 1_800
ENGINES = ("hub", "rows", "influxdb", "postgresql")
ROUNDS = 3
CASES = {  # case: engines
    "ingest_in_order": ENGINES,
    "ingest_late": ENGINES,
    "ingest_wide": ENGINES,
    "bytes_adversarial": ("hub", "rows"),
    "seal_pauses": ("hub",),
    "queries": ENGINES,
    "expiry": ENGINES,
    "rest": ("hub", "influxdb"),
}
DESCRIPTION = """Measures the store beside InfluxDB, PostgreSQL and plain SQLite rows, one engine after the other on the same machine.
stdout: a JSON line for each figure and peer; `ratio` says how many times better the hub is (median of the rounds' ratios).
stderr: what is being run, a table, and whether each budget is met."""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run storage", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--rounds", type=positive, metavar="N", help="each case so often (3)")
    parser.add_argument("--cases", type=case_list, default=list(CASES), metavar="A,B", help="of " + ", ".join(CASES))
    parser.add_argument("--engines", type=engine_list, default=list(ENGINES), metavar="A,B",
                        help="of " + ", ".join(ENGINES))
    parser.add_argument("--quick", action="store_true", help="little data, one round: whether it works, not how fast it is")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a budget is missed or not measured")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
    return parser


def positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rounds")
    return int(text)


def known(text, names, what):
    chosen = text.split(",")
    for each in chosen:
        if each not in names:
            raise argparse.ArgumentTypeError(f"unknown {what} '{each}' ({', '.join(names)})")
    return chosen


def case_list(text):
    return known(text, CASES, "case")


def engine_list(text):
    return known(text, ENGINES, "engine")


def say(text):
    print(text, file=sys.stderr, flush=True)


def command(engine, case):
    if case == "rest" and engine == "hub":
        return [sys.executable, HERE / "peers" / "hub_over_rest.py", case]
    if engine in ("hub", "rows"):
        return [pathlib.Path(os.environ["TELEMETRY_BIN"]) / "storage_bench", engine, case]
    return [sys.executable, HERE / "peers" / f"{engine}.py", case]


def run_engine(words, env):
    """(exit code, what it printed)"""
    child = subprocess.Popen([str(each) for each in words], stdout=subprocess.PIPE, text=True, env=env,
                             preexec_fn=with_parent.end_with_parent)
    try:
        output, _ = child.communicate(timeout=ENGINE_LIMIT_S)
        return child.returncode, output
    finally:
        if child.poll() is None:  # too slow, or we are being ended: it has a server to stop first
            child.terminate()
            try:
                child.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()


class Runs:
    """What the engines said: values[figure][engine][round]."""

    def __init__(self):
        self.values = collections.defaultdict(lambda: collections.defaultdict(dict))
        self.units, self.left_out, self.broken = {}, {}, []

    def run(self, engine, case, round_, env):
        say(f"round {round_ + 1}: {case}, {engine}")
        try:
            code, output = run_engine(command(engine, case), env)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.broken.append(f"{engine} {case}: {error}")
            say(f"  {error}")
            return
        if code == LEFT_OUT:
            self.left_out[engine] = output.strip() or "it cannot run here"
            return
        if code != 0:
            self.broken.append(f"{engine} {case}: exit code {code}")
            say(f"  ended with {code}")
            return
        for line in output.splitlines():
            figure = json.loads(line)
            name = f"{figure['case']}.{figure['figure']}"
            self.units[name] = figure["unit"]
            self.values[name][figure["engine"]][round_] = figure["value"]

    def median(self, name, engine):
        found = self.values[name].get(engine)
        return statistics.median(found.values()) if found else None

    def ratio(self, name, peer):
        """How many times better the hub is than the peer: for rates its value over the peer's, for costs the inverse."""
        if not name.endswith(("_per_s", "_ms", "_per_reading")):  # a count, which is neither
            return None
        ours, theirs = self.values[name].get("hub", {}), self.values[name].get(peer, {})
        each = []
        for round_ in ours.keys() & theirs.keys():
            better, worse = ours[round_], theirs[round_]
            if not self.units[name].endswith("/s"):
                better, worse = worse, better
            if better > 0 and worse > 0:
                each.append(better / worse)
        return statistics.median(each) if each else None


def print_json(runs):
    for name in sorted(runs.values):
        engines = runs.values[name]
        value = runs.median(name, "hub")
        line = {"group": "storage", "figure": name, "value": value, "unit": runs.units[name],
                "rounds": len(engines.get("hub", {}))}
        peers = sorted(engines.keys() - {"hub"})
        for peer in peers:
            print(json.dumps({**line, "peer": peer, "peer_value": runs.median(name, peer), "ratio": runs.ratio(name, peer)}))
        if not peers:
            print(json.dumps(line))
    sys.stdout.flush()


def shown(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def print_table(runs, engines):
    peers = [each for each in engines if each != "hub"]
    rows = [["figure", "unit", *engines, *("x " + peer for peer in peers)]]
    for name in sorted(runs.values):
        rows.append([name, runs.units[name], *(shown(runs.median(name, each)) for each in engines),
                     *(shown(runs.ratio(name, each)) for each in peers)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    say("")
    for row in rows:
        texts = [cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        say("  ".join(texts).rstrip())


def print_budgets(runs, cases):
    """How many of these cases' budgets are missed or not measured."""
    names = list(runs.values)
    values = {name: runs.median(name, "hub") for name in names}
    ratios = {(name, peer): runs.ratio(name, peer) for name in names for peer in runs.values[name]}
    verdicts = [storage_budgets.verdict(each, values, ratios) for each in storage_budgets.BUDGETS
                if each.figure.split(".")[0] in cases]
    say("")
    for _, line in verdicts:
        say(line)
    return sum(word != "met" for word, _ in verdicts)


def measure(runs, chosen, env):
    for round_ in range(chosen.rounds or (1 if chosen.quick else ROUNDS)):
        for case in chosen.cases:
            engines = [each for each in CASES[case] if each in chosen.engines]
            # Who goes first changes: what one engine leaves to the machine does not always meet the same next one.
            turn = round_ % max(1, len(engines))
            for engine in engines[turn:] + engines[:turn]:
                if engine not in runs.left_out:
                    runs.run(engine, case, round_, env)


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    env = dict(os.environ)
    if chosen.quick:
        env["TELEMETRY_BENCH_QUICK"] = "1"
    runs, ended_early = Runs(), False
    try:
        measure(runs, chosen, env)
    except (KeyboardInterrupt, SystemExit):
        ended_early = True  # what was measured until then may have taken long
    print_json(runs)
    print_table(runs, chosen.engines)
    not_met = print_budgets(runs, chosen.cases)
    if chosen.quick:
        say("a quick run: the figures say that it works, not how fast it is")
    for engine, reason in runs.left_out.items():
        say(f"left out: {engine} ({reason})")
    for each in runs.broken:
        say(f"broken: {each}")
    if ended_early:
        say("ended early: not every round was run")
    return 1 if ended_early or runs.broken or (chosen.strict and not_met) else 0


if __name__ == "__main__":
    with_parent.leave_in_order()
    sys.exit(main())
