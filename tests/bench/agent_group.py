"""tests/bench/run agent: the device agent's memory, CPU, bytes sent and bytes written, beside collectd and node_exporter."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATES = (10, 100, 1000)  # readings a second
FIELDS = 10              # a line of the program that makes them
DAY_S = 86_400
BUDGETS = {"stripped_bytes": 4_000_000, "resident_bytes": 12 * 1024 * 1024, "anonymous_bytes": 4 * 1024 * 1024, "cpu_percent_100": 0.5,
           "written_bytes_per_reading_flush_60s": 10, "written_bytes_per_reading_flush_10s": 50}
DESCRIPTION = """The agent of the Debian package for this machine (deploy/package) and a real hub on loopback.
stdout: a JSON line for each figure; stderr: the same for people, and the budgets.
  resident_bytes, anonymous_bytes   all sensors of this host, each second, connected; peers beside it
  cpu_percent_host                  of one core, the same
  cpu_percent_N, sent_bytes_per_reading_N, resident_bytes_N
                                    N readings a second from a program ([[execd]], ten values a line), host's sensors off; the program
                                    itself is not counted
  written_bytes_per_reading_flush_S, written_bytes_per_day_flush_S
                                    to disk, by the kernel's count, hub away, 10 readings a second, agent.flush = S
  package_bytes, installed_bytes    the .deb; what it and its dependencies take on a Debian that has none of them
  stripped_bytes                    the program"""
PRINTER = """import sys, time, math
period, fields = float(sys.argv[1]), int(sys.argv[2])
due, n = time.monotonic(), 0
while True:
    n += 1
    values = ",".join(f"v{i}={20 + i + round(math.sin(n / 50 + i), 2)}" for i in range(fields))
    print("bench " + values, flush=True)
    due += period
    time.sleep(max(0, due - time.monotonic()))
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run agent", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="of each figure that takes time (60)")
    parser.add_argument("--agent", metavar="FILE", help="this program instead of the package's; no package figures then")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a budget is missed")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
    return parser


def memory(pid):
    """(resident, anonymous) bytes."""
    rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(rows["Rss"].split()[0]) * 1024, int(rows["Anonymous"].split()[0]) * 1024


def cpu_s(pid):
    """Of all threads, by the scheduler's nanoseconds."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def written(pid):
    rows = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(rows["write_bytes"])


def cpu_percent(pid, seconds):
    begun, at = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(pid) - begun) / (time.monotonic() - at) * 100


class Figures:
    def __init__(self):
        self.values = {}

    def add(self, figure, value, unit, **peers):
        """`peers`: name=value of the same figure."""
        self.values[figure] = value
        line = {"group": "agent", "figure": figure, "value": value, "unit": unit}
        say(f"{figure:40} {value:16,.2f} {unit}" + "".join(f"   {n} {v:,.2f}" for n, v in peers.items() if v is not None))
        given = {name: v for name, v in peers.items() if v is not None}
        if not given:
            print(json.dumps(line), flush=True)
        for name, peer in given.items():
            print(json.dumps({**line, "peer": name, "peer_value": peer, "ratio": peer / value if value else None}), flush=True)


class RunningAgent:
    """An agent of its own configuration, enrolled at the hub and connected."""

    def __init__(self, hub, name, config):
        from processes import Agent, BIN, Process, wait_until
        self.agent = Agent(hub, name, config=config)
        # As systemd gives it: a folder in memory, where the status is new every two seconds. The log at its usual level, there too:
        # a service's goes to the journal, and is no write of the agent.
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="bench-agent-", dir="/dev/shm"))
        self.agent.process = Process([BIN / "device-agent", "run", "--state-dir", self.agent.state, "--config", self.agent.config],
                                     self.runtime / "agent.log", env={"RUNTIME_DIRECTORY": str(self.runtime)})
        self.pid = self.agent.process.child.pid
        wait_until(lambda: hub.rest.get(f"/devices/{name}")["presence"] == "online", f"{name} online")

    def status(self):
        return json.loads((self.agent.state / "status.json").read_text())

    def close(self):
        self.agent.close()
        shutil.rmtree(self.runtime, ignore_errors=True)


def own_readings(rate, printer, flush="10s"):
    period = FIELDS / rate
    from processes import BIN, run
    host = [line.split()[0] for line in run(BIN / "device-agent", "sensors", "list").stdout.splitlines() if line]
    return (f'[agent]\nflush = "{flush}"\n[auto]\ndisable = {json.dumps(host)}\n'
            f'[[execd]]\nname = "bench"\nrun = ["/usr/bin/python3", "{printer}", "{period}", "{FIELDS}"]\n')


def host(hub, figures, seconds, peers):
    agent = RunningAgent(hub, "host", '[agent]\ninterval = "1s"\n')
    try:
        time.sleep(min(20, seconds))  # caches, the first frames
        cpu = cpu_percent(agent.pid, seconds)
        resident, anonymous = memory(agent.pid)
    finally:
        agent.close()
    beside = {}
    for name, make in peers.items():
        say(f"{name}: a minute")
        try:
            with make() as peer:
                time.sleep(min(20, seconds))
                beside[name] = (cpu_percent(peer.child.pid, seconds), *memory(peer.child.pid))
        except SystemExit as left_out:
            say(f"{name} is left out: {left_out}")
    figures.add("cpu_percent_host", cpu, "%", **{n: v[0] for n, v in beside.items()})
    figures.add("resident_bytes", resident, "B", **{n: v[1] for n, v in beside.items()})
    figures.add("anonymous_bytes", anonymous, "B", **{n: v[2] for n, v in beside.items()})


def at_rate(hub, figures, seconds, printer, rate):
    from processes import wait_until
    name = f"rate-{rate}"
    agent = RunningAgent(hub, name, own_readings(rate, printer))
    try:
        wait_until(lambda: any(s["name"].startswith("bench.") for s in hub.rest.get(f"/devices/{name}/series")["series"]), "its first reading")
        time.sleep(max(5, min(10, seconds)))
        before, begun_us = agent.status(), time.time() * 1e6
        cpu = cpu_percent(agent.pid, seconds)
        after, ended_us = agent.status(), time.time() * 1e6
        resident, _ = memory(agent.pid)
        time.sleep(3)  # what is on its way arrives
        series = [s["name"] for s in hub.rest.get(f"/devices/{name}/series")["series"] if s["name"].startswith("bench.")]
        told_s = (after["time_us"] - before["time_us"]) / 1e6
        rows = hub.readings(name, series[0], int(begun_us), int(ended_us))
        got = len(rows) * len(series) / seconds
        if abs(got / rate - 1) > 0.1:
            say(f"rate {rate}: the hub got {got:,.1f} readings a second")
        figures.add(f"cpu_percent_{rate}", cpu, "%")
        figures.add(f"resident_bytes_{rate}", resident, "B")
        figures.add(f"sent_bytes_per_reading_{rate}", (after["sent_bytes"] - before["sent_bytes"]) / told_s / got, "B")
    finally:
        agent.close()


def hub_away(hub, figures, seconds, printer, flush_s):
    rate = 10
    agent = RunningAgent(hub, f"away-{flush_s}", own_readings(rate, printer, f"{flush_s}s"))
    try:
        time.sleep(3)
        hub.kill()
        time.sleep(2 * flush_s + 5)  # the spool's tail file, a MiB made once with its second flush, is not what a day costs
        window = max(seconds, 3 * flush_s)
        begun, at = written(agent.pid), time.monotonic()
        time.sleep(window)
        a_second = (written(agent.pid) - begun) / (time.monotonic() - at)
        figures.add(f"written_bytes_per_reading_flush_{flush_s}s", a_second / rate, "B")
        figures.add(f"written_bytes_per_day_flush_{flush_s}s", a_second * DAY_S, "B")
    finally:
        agent.close()
        hub.start()


def sizes(figures, package, program):
    from host_agents import Collectd, NodeExporter, closure, deb_field, download_bytes, installed_bytes
    figures.add("stripped_bytes", program.stat().st_size, "B")
    if package is None:
        return
    peers = {"collectd": Collectd.package, "node_exporter": NodeExporter.package}
    figures.add("package_bytes", package.stat().st_size, "B", **{name: download_bytes(each) for name, each in peers.items()})
    own = int(deb_field(package, "Installed-Size")) * 1024 + installed_bytes(closure(deb_field(package, "Depends")))
    figures.add("installed_bytes", own, "B", **{name: installed_bytes(closure(each)) or None for name, each in peers.items()})


def packaged(folder):
    """(the package, its program), built where that is not done yet."""
    subprocess.run([ROOT / "deploy/package", "--no-install", "--arch", "amd64", "--hub", "none", "--output", folder], check=True,
                   stdout=sys.stderr)
    package, = folder.glob("device-agent_*_amd64.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "tree"], check=True)
    return package, folder / "tree/usr/bin/device-agent"


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    sys.path.insert(0, str(ROOT / "tests/bench/peers"))
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="bench-agent-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        folder = pathlib.Path(name)
        package, program = (None, pathlib.Path(chosen.agent).resolve()) if chosen.agent else packaged(folder)
        # Tests run what lies in one folder; the agent there is the packaged one.
        programs = folder / "bin"
        programs.mkdir()
        (programs / "telemetry-hub").symlink_to(pathlib.Path(os.environ["TELEMETRY_BIN"]).resolve() / "telemetry-hub")
        (programs / "device-agent").symlink_to(program)
        os.environ["TELEMETRY_BIN"] = str(programs)
        tempfile.tempdir = name  # on a disk, where /tmp may be memory: bytes written there would be none
        printer = folder / "printer.py"
        printer.write_text(PRINTER)
        folder.chmod(0o755)
        from host_agents import Collectd, NodeExporter
        from processes import Hub
        hub = Hub().start()
        try:
            sizes(figures, package, program)
            host(hub, figures, chosen.seconds, {"collectd": Collectd, "node_exporter": NodeExporter})
            if "execd" in subprocess.run([program, "config", "default"], capture_output=True, text=True, check=True).stdout:
                for rate in RATES:
                    at_rate(hub, figures, chosen.seconds, printer, rate)
                for flush_s in (10, 60):
                    hub_away(hub, figures, chosen.seconds, printer, flush_s)
            else:
                say("this agent has no [[execd]]: the figures of given rates are left out")
        finally:
            hub.close()
            shutil.rmtree(folder / "tree", ignore_errors=True)
    missed = 0
    for figure, budget in BUDGETS.items():
        value = figures.values.get(figure)
        if value is None:
            say(f"not measured: {figure} <= {budget:,}")
            continue
        is_met = value <= budget
        missed += not is_met
        say(f"{'met' if is_met else 'missed'}: {figure} <= {budget:,}, is {value:,.2f}")
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
