"""Bytes an agent sends and receives for each reading, at a real hub on loopback."""
import argparse
import concurrent.futures
import json
import subprocess
import sys

CASES = [  # readings a second, series, interval, latency
    (10, 10, 1000, 1000), (10, 10, 1000, 10_000), (100, 100, 1000, 1000), (100, 10, 100, 1000), (100, 10, 100, 10_000),
    (1000, 100, 100, 1000), (1000, 100, 100, 10_000)]


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run agent_wire", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long each case is measured (they run side by side)")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check_flags:
        return 0
    from processes import BIN, Agent, Hub
    hub = Hub().start()
    agents = [Agent(hub, f"wire-{i}") for i in range(len(CASES))]

    def measure(case, agent):
        _, series, interval, latency = case
        done = subprocess.run([BIN / "agent_wire_bench", "--state-dir", agent.state, "--series", str(series), "--interval-ms",
                               str(interval), "--latency-ms", str(latency), "--seconds", str(options.seconds)],
                              capture_output=True, text=True, timeout=options.seconds + 60, check=True)
        return json.loads(done.stdout)

    try:
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
            figures = list(pool.map(measure, CASES, agents))
    finally:
        for agent in agents:
            agent.close()
        hub.close()
    print(f"{'readings/s':>10} {'series':>6} {'interval':>8} {'latency':>8} {'sent B':>7} {'received B':>10}", file=sys.stderr)
    for (rate, series, interval, latency), figure in zip(CASES, figures):
        name = f"{rate}_per_s_{series}_series_latency_{latency}_ms"
        for what in ("sent", "received"):
            print(json.dumps({"group": "agent_wire", "figure": f"{name}.{what}", "value": figure[what], "unit": "B/reading"}))
        print(f"{rate:>10} {series:>6} {interval:>8} {latency:>8} {figure['sent']:>7} {figure['received']:>10}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
