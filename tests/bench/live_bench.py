"""What the groups fanout, latency, storm and polling share: a hub with room for all, the load client, figures."""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))

import with_parent

BIN = pathlib.Path(os.environ.get("TELEMETRY_BIN", "."))
DEVICE = "bench"


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def on_core(which):
    """What is started within runs on one core: the server on the first, the load client on the last. A hub starts one I/O thread there."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0] if which == "server" else cores[-1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def raise_descriptors(needed):
    """For this process and what it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"{needed} descriptors are needed; the limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


class BenchHub:
    """A hub of its own data folder, with limits for `connections`; a device enrolled, a token for viewers."""

    def __init__(self, connections):
        from processes import Hub
        raise_descriptors(connections + 1_000)
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp"))
        config = pathlib.Path(self.folder.name) / "hub.toml"
        room = connections + 1_000
        config.write_text(f"[web]\naddress_handshakes_per_s = 100000\naddress_connections = {room}\nconnections = {room}\n"
                          f"[live]\nviewers = {room}\n[ingest]\ndevice_messages_per_s = 100000\ndevice_kb_per_s = 1000000\n")
        # On a disk, as a hub's data is; at the log level that it has without a word.
        self.hub = Hub(["--config", config], env={"TELEMETRY_HUB_LOG_LEVEL": "info"}, data=pathlib.Path(self.folder.name) / "data")
        self.start()
        self.viewer_token = self.hub.rest.post("/tokens", {"name": "bench", "scopes": ["read"]})["token"]
        _, self.device_token = self.hub.new_device(DEVICE)

    def start(self):
        with on_core("server"):
            self.hub.start()

    @property
    def pid(self):
        return self.hub.process.child.pid

    def arguments(self, device=DEVICE, device_token=None):
        return ["--port", self.hub.port, "--pid", self.pid, "--ca", self.hub.ca_file, "--viewer-token", self.viewer_token,
                "--device", device, "--device-token", device_token or self.device_token]

    def close(self):
        self.hub.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Load:
    """One run of the load client; its lines as they come. `yields`: to another one on the same core, whose latency is not to be this one's work."""

    def __init__(self, case, *arguments, yields=False):
        def begin():
            with_parent.end_with_parent()
            if yields:
                os.nice(10)

        with on_core("client"):
            self.child = subprocess.Popen([str(each) for each in (BIN / "fanout_load", case, *arguments)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True, preexec_fn=begin)

    def line(self):
        """The next object; None at the end."""
        text = self.child.stdout.readline()
        return json.loads(text) if text else None

    def event(self, name):
        line = self.line()
        if line is None or line.get("event") != name:
            raise SystemExit(f"fanout_load: no {name}, but {line}")
        return line

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def end(self):
        """What is left to be said; the client must end well."""
        rest = list(iter(self.line, None))
        code = self.child.wait(60)
        self.child.stdin.close()
        self.child.stdout.close()
        if code != 0:
            raise SystemExit(f"fanout_load ended with {code}")
        return rest

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def run_load(case, *arguments):
    load = Load(case, *arguments)
    try:
        return load.end()
    finally:
        load.kill()


class Figures:
    """Medians of rounds: the hub's, and beside it the peers'. `ratio`: how many times better the hub is, round by round, then the median."""

    def __init__(self, group):
        self.group = group
        self.units, self.rounds = {}, {}
        self.values, self.ratios = {}, {}

    def add(self, figure, unit, value, server="hub", more_is_better=False):
        self.units[figure] = (unit, more_is_better)
        self.rounds.setdefault(figure, {}).setdefault(server, []).append(value)

    def _ratio(self, figure, peer):
        ours, theirs = self.rounds[figure]["hub"], self.rounds[figure][peer]
        _, more_is_better = self.units[figure]
        each = [(a / b if more_is_better else b / a) for a, b in zip(ours, theirs) if a and b]
        return statistics.median(each) if each else None

    def tell(self):
        """JSON lines on stdout, the table on stderr."""
        for figure, (unit, _) in self.units.items():
            servers = self.rounds[figure]
            medians = {name: statistics.median(values) for name, values in servers.items()}
            line = {"group": self.group, "figure": figure, "value": medians.get("hub"), "unit": unit, "rounds": max(map(len, servers.values()))}
            self.values[figure] = medians.get("hub")
            text = f"{figure:44} {unit:6}" + (f" hub {medians['hub']:,.4g}" if "hub" in medians else " hub –")
            peers = [name for name in medians if name != "hub"]
            if not peers:
                print(json.dumps(line), flush=True)
            for name in peers:
                ratio = self._ratio(figure, name) if "hub" in servers else None
                self.ratios[(figure, name)] = ratio
                print(json.dumps({**line, "peer": name, "peer_value": medians[name], "ratio": ratio}), flush=True)
                text += f"  {name} {medians[name]:,.4g}" + (f" ({ratio:.2g}×)" if ratio else "")
            say(text)

    def judge(self, budgets):
        """How many are missed."""
        from storage_budgets import verdict
        missed = 0
        for budget in budgets:
            values = {name: value for name, value in self.values.items() if value is not None}
            ratios = {name: value for name, value in self.ratios.items() if value is not None}
            word, text = verdict(budget, values, ratios)
            missed += word == "missed"
            say(text)
        return missed


def tell_disturbance(lines):
    """Figures of a busy machine are not to be compared: how busy it was is said beside them."""
    others = [line["others_cpu_percent"] for line in lines if "others_cpu_percent" in line]
    if others:
        say(f"the machine beside server and client: {statistics.median(others):.0f} % of one core (median of {len(others)} windows)"
            + ("" if statistics.median(others) < 10 else "; NOT QUIET, these figures are not to be kept"))


def add_common_flags(parser):
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a budget is missed")
    parser.add_argument("--check-flags", action="store_true", help=argparse.SUPPRESS)
