"""tests/bench/run latency: from a sensor, or from a device's frame, to a viewer's socket."""
import argparse
import json
import pathlib
import sys

from live_bench import BenchHub, Figures, Load, add_common_flags, run_load, say, tell_disturbance
from storage_budgets import at_most
from with_parent import leave_in_order

BUDGETS = [at_most("frame to viewer, idle, p99, ms", "idle_p99_ms", 20), at_most("frame to viewer at half load, p99, ms", "half_load_p99_ms", 100)]
CLOCK = """import sys, time
while True:
    time.sleep(1)
    print(f"clock t={time.monotonic():.6f}", flush=True)
"""
DESCRIPTION = """How late a reading is at a viewer's socket, decrypted. The clock is the machine's monotonic one, the same in every process.
stdout: a JSON line a figure; stderr: a table, and the budgets.
  idle_*         a device sends a frame a second, one viewer: from when the frame is due, over the device link, through the commit (fsync)
  agent_*        a device-agent whose [[execd]] program prints the time each second: pipe, agent, its frame (agent.interval and agent.latency at their defaults), the same way
  agent_quick_*  the same with both at their least, 100 ms and 0 s
  saturation_delivered_per_s   the most messages a second, of --ladder to --subscribers viewers, with p99 <= --bound-ms
  half_load_*    all of these viewers at half of that rate
  beside_*       meanwhile another device's single viewer, ten readings a second"""


def flags():
    parser = argparse.ArgumentParser(prog="tests/bench/run latency", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=60, metavar="S", help="of the idle cases: as many readings (60)")
    parser.add_argument("--load-seconds", type=float, default=20, metavar="S", help="of the case at half load (20)")
    parser.add_argument("--subscribers", type=int, default=1_000, metavar="N", help="of the load (1000)")
    parser.add_argument("--ladder", default="50,100,200,400,800,1200", metavar="R,…", help="rates tried to find the most (50,100,200,400,800,1200)")
    parser.add_argument("--bound-ms", type=float, default=100, metavar="MS", help="p99 that counts as keeping up (100)")
    parser.add_argument("--quick", action="store_true", help="whether it works: 5 readings, 100 subscribers, one rate")
    add_common_flags(parser)
    return parser


class Latency:
    def __init__(self, chosen, hub):
        self.chosen, self.hub, self.figures, self.lines = chosen, hub, Figures("latency"), []

    def note(self, name, step):
        self.lines.append(step)
        for quantile in ("p50_ms", "p99_ms", "max_ms"):
            self.figures.add(f"{name}_{quantile}", "ms", step[quantile])

    def idle(self):
        say("idle: one device, one viewer")
        _, step = run_load("fan", "--protocol", "hub", *self.hub.arguments(), "--subscribers", 1, "--rates", 1, "--warm", 3,
                           "--seconds", self.chosen.seconds)
        self.note("idle", step)

    def through_agent(self, name, settings):
        from processes import BIN, Agent, run, wait_until
        say(f"through an agent{': ' if settings else ''}{settings.replace(chr(10), ', ')}")
        program = pathlib.Path(self.hub.folder.name) / "clock.py"
        program.write_text(CLOCK)
        host = [line.split()[0] for line in run(BIN / "device-agent", "sensors", "list").stdout.splitlines() if line]
        agent = Agent(self.hub.hub, name, config=f'[agent]\n{settings}\n[auto]\ndisable = {json.dumps(host)}\n[[execd]]\nname = "bench"\n'
                                                 f'run = ["/usr/bin/python3", "{program}"]\n').start()
        try:
            series = "bench.clock.t"
            wait_until(lambda: any(each["name"] == series for each in self.hub.hub.rest.get(f"/devices/{name}/series")["series"]), "its first reading")
            _, step = run_load("fan", "--protocol", "hub", *self.hub.arguments(name), "--subscribers", 1, "--series", series, "--warm", 3,
                               "--seconds", self.chosen.seconds)
            self.note(name, step)
        finally:
            agent.close()

    def half_load(self):
        say(f"saturation: {self.chosen.subscribers} viewers, {self.chosen.ladder} messages a second")
        arguments = ["--protocol", "hub", *self.hub.arguments(), "--subscribers", self.chosen.subscribers]
        _, *steps = run_load("fan", *arguments, "--rates", self.chosen.ladder, "--seconds", 3, "--bound-ms", self.chosen.bound_ms)
        self.lines += steps
        kept_up = [step for step in steps if step["keeps_up"]]
        if not kept_up:
            say("the hub did not keep up at any rate: no half of it is measured")
            return
        self.figures.add("saturation_delivered_per_s", "1/s", kept_up[-1]["delivered_per_s"], more_is_better=True)
        rate = kept_up[-1]["rate"] / 2
        say(f"at half of it: {rate:g} messages a second, and another device beside")
        _, token = self.hub.hub.new_device("beside")
        load = Load("fan", *arguments, "--rates", rate, "--warm", 4, "--seconds", self.chosen.load_seconds, yields=True)
        try:
            if load.line() is None:
                raise SystemExit("fanout_load did not open its connections")
            _, beside = run_load("fan", "--protocol", "hub", *self.hub.arguments("beside", token), "--subscribers", 1, "--rates", 10,
                                 "--warm", 1, "--seconds", max(1, self.chosen.load_seconds - 1))
            step, = load.end()
        finally:
            load.kill()
        self.figures.add("half_load_rate", "1/s", rate)
        self.note("half_load", step)
        self.note("beside", beside)


def main():
    chosen = flags().parse_args()
    if chosen.check_flags:
        return 0
    leave_in_order()
    if chosen.quick:
        chosen.seconds, chosen.load_seconds, chosen.subscribers, chosen.ladder, chosen.bound_ms = 5, 3, 100, "50", 2_000
    with BenchHub(chosen.subscribers + 100) as hub:
        latency = Latency(chosen, hub)
        latency.idle()
        latency.through_agent("agent", "")
        latency.through_agent("agent_quick", 'interval = "100ms"\nlatency = "0s"')
        latency.half_load()
    latency.figures.tell()
    tell_disturbance(latency.lines)
    missed = latency.figures.judge(BUDGETS)
    return 1 if chosen.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
