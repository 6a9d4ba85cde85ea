"""tests/bench/run connections: handshakes a second, the hub's CPU and its memory for idle live streams over wss."""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

BUDGET_BYTES = 22 * 1024
WARM = 200  # connections before the first figure: what the first ones allocate for all
DESCRIPTION = """Opens live streams at a hub on this machine and holds them, idle.
stdout: a JSON line for each figure; stderr: the same for people, and the budget.
  handshakes_per_s               TCP, TLS 1.3 and WebSocket upgrade, client on the same two cores
  hub_cpu_ms_per_handshake       of the hub's process alone
  idle_bytes_per_connection      growth of the hub's resident memory, the kernel's buffers not counted
  idle_cpu_percent               of the hub while all are held, of one core"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run connections", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--connections", type=int, default=10_000, metavar="N", help="how many (10000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="each with a hub of its own (3)")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where the budget is missed")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
    return parser


def resident(pid):
    fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize()


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    def __init__(self, hub, token, count):
        self.child = subprocess.Popen(
            [pathlib.Path(os.environ["TELEMETRY_BIN"]) / "connections_bench", "--port", str(hub.port), "--ca", hub.ca_file,
             "--token", token, "--connections", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.child.stdout.readline().split()
        if len(words) != 3:
            raise SystemExit("connections_bench did not open its connections")
        self.seconds = float(words[2])

    def end(self):
        self.child.stdin.close()
        self.child.wait(60)
        self.child.stdout.close()


def one_round(count):
    from processes import Hub
    import time
    folder = tempfile.TemporaryDirectory()
    config = pathlib.Path(folder.name) / "hub.toml"
    config.write_text(f"[web]\naddress_handshakes_per_s = 100000\naddress_connections = {count + 1000}\nconnections = {count + 1000}\n"
                      f"[live]\nviewers = {count + 1000}\n")
    hub = Hub(["--config", config]).start()
    try:
        token = hub.rest.post("/tokens", {"name": "bench", "scopes": ["read"]})["token"]
        pid = hub.process.child.pid
        warm = Client(hub, token, WARM)
        before_bytes, before_s = resident(pid), cpu_s(pid)
        client = Client(hub, token, count)
        after_s = cpu_s(pid)
        time.sleep(2)  # what was posted on the way is done then; and idle is idle
        idle_from = cpu_s(pid), time.monotonic()
        held_bytes = resident(pid)
        time.sleep(10)
        idle_s = (cpu_s(pid) - idle_from[0]) / (time.monotonic() - idle_from[1])
        client.end()
        warm.end()
        return {
            "handshakes_per_s": (count / client.seconds, "1/s"),
            "hub_cpu_ms_per_handshake": ((after_s - before_s) / count * 1e3, "ms"),
            "idle_bytes_per_connection": ((held_bytes - before_bytes) / count, "B"),
            "idle_cpu_percent": (idle_s * 100, "%"),
        }
    finally:
        hub.close()
        folder.cleanup()


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    needed = chosen.connections + 4 * WARM
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"{needed} descriptors are needed; the limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    rounds = []
    for number in range(chosen.rounds):
        say(f"round {number + 1}: {chosen.connections} connections")
        rounds.append(one_round(chosen.connections))
    values = {}
    for name, (_, unit) in rounds[0].items():
        values[name] = statistics.median(one[name][0] for one in rounds)
        print(json.dumps({"group": "connections", "figure": name, "value": values[name], "unit": unit, "rounds": len(rounds)}))
        say(f"{name:32} {values[name]:12,.2f} {unit}")
    is_met = values["idle_bytes_per_connection"] <= BUDGET_BYTES
    say(f"{'met' if is_met else 'missed'}: an idle wss connection <= {BUDGET_BYTES:,} B, is {values['idle_bytes_per_connection']:,.0f}")
    return 1 if chosen.strict and not is_met else 0


if __name__ == "__main__":
    sys.exit(main())
