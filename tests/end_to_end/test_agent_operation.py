"""The agent as its owner runs it: under systemd, with another configuration, restarted, and at a hub that means no good."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from processes import BIN, Agent, Hub, Process, run, wait_until
from scripted_hub import ScriptedHub
from telemetry.v1 import device_pb2 as pb

ENDS = ("SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "CANCELLED", "UNCONFIRMED")


class Systemd:
    """What listens at $NOTIFY_SOCKET."""

    def __init__(self, folder, watchdog_s=2):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.env = {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(int(watchdog_s * 1e6))}
        self.heard = []

    def listen(self):
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.heard

    def count(self, what):
        return sum(line.startswith(what) for line in self.listen())


def execute(hub, name, command, arguments=None):
    made = hub.rest.post(f"/devices/{name}/executions", {"command": command, **({"arguments": arguments} if arguments else {})})
    return made["id"]


def ended(hub, id):
    def look():
        now = hub.rest.get(f"/executions/{id}")
        return now if now["state"] in ENDS else None
    return wait_until(look, f"the end of {id}")


def commands_of(hub, name):
    return {c["name"]: c for c in hub.rest.get(f"/devices/{name}/commands")["commands"]}


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class WithHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()
        cls.hub.close()

    def agent(self, name, config, env=None):
        agent = Agent(self.hub, name, config=config)
        self.addCleanup(agent.close)
        agent.env = env
        agent.start()
        self.online(name)
        return agent

    def online(self, name):
        wait_until(lambda: self.hub.rest.get(f"/devices/{name}")["presence"] == "online" and commands_of(self.hub, name), "the agent")

    def status(self, agent):
        return json.loads(run(BIN / "device-agent", "status", "--json", "--state-dir", agent.state, check=False).stdout or "{}")


class UnderSystemd(WithHub):
    def test_it_says_when_it_is_ready_alive_reloading_and_stopping(self):
        systemd = Systemd(pathlib.Path(tempfile.mkdtemp(prefix="notify-")))
        agent = self.agent("unit", "[agent]\n", env=systemd.env)
        wait_until(lambda: systemd.count("READY=1") == 1, "READY")
        wait_until(lambda: systemd.count("STATUS=connected;"), "the link's state")
        before = systemd.count("WATCHDOG=1")
        wait_until(lambda: systemd.count("WATCHDOG=1") > before + 1, "the watchdog fed")
        agent.process.child.send_signal(signal.SIGHUP)
        wait_until(lambda: systemd.count("RELOADING=1") == 1 and systemd.count("MONOTONIC_USEC=") == 1 and
                   systemd.count("READY=1") == 2, "RELOADING, then READY")
        agent.process.child.send_signal(signal.SIGSTOP)  # as a sensor that hangs: the work does not go on
        before = systemd.count("WATCHDOG=1")
        end = time.monotonic() + 2.5
        wait_until(lambda: time.monotonic() > end, "longer than WatchdogSec")
        self.assertEqual(systemd.count("WATCHDOG=1"), before)
        agent.process.child.send_signal(signal.SIGCONT)
        agent.stop()
        self.assertEqual(systemd.count("STOPPING=1"), 1)

    def test_restart_agent_ends_it_and_whoever_started_it_starts_it_again(self):
        systemd = Systemd(pathlib.Path(tempfile.mkdtemp(prefix="notify-")))
        agent = self.agent("restarted", '[commands]\nallow = ["restart-agent"]\n', env=systemd.env)
        declared = commands_of(self.hub, "restarted")["restart-agent"]
        self.assertEqual((declared["role"], declared["confirm"]), ("admin", True))
        id = execute(self.hub, "restarted", "restart-agent")
        self.assertEqual(agent.process.child.wait(60), 0, agent.log.read_text()[-2000:])
        self.assertNotIn(self.hub.rest.get(f"/executions/{id}")["state"], ("SUCCEEDED", "FAILED"), "nothing is true yet")
        agent.start()
        self.assertEqual(ended(self.hub, id)["state"], "SUCCEEDED")
        self.assertIsNone(agent.process.child.poll())
        agent.stop()

    def test_alone_it_becomes_its_own_successor(self):
        agent = self.agent("alone", '[commands]\nallow = ["restart-agent"]\n')
        id = execute(self.hub, "alone", "restart-agent")
        self.assertEqual(ended(self.hub, id)["state"], "SUCCEEDED")
        self.assertIsNone(agent.process.child.poll(), "the same process")
        self.assertEqual(agent.log.read_text().count("restarting"), 1)
        self.assertEqual(ended(self.hub, execute(self.hub, "alone", "ping"))["state"], "SUCCEEDED")
        agent.stop()


class Reload(WithHub):
    def test_another_configuration_counts_without_a_restart_and_a_wrong_one_does_not_count(self):
        agent = self.agent("reload", '[agent]\ninterval = "1s"\n')
        self.assertNotIn("hello", commands_of(self.hub, "reload"))
        wait_until(lambda: any(s["name"] == "uptime" and s["latest"] for s in self.hub.rest.get("/devices/reload/series")["series"]), "readings")
        agent.config.write_text('[agent]\ninterval = "500ms"\n[[command]]\nname = "hello"\nrun = ["/bin/echo", "hello"]\n')
        agent.process.child.send_signal(signal.SIGHUP)
        wait_until(lambda: "hello" in commands_of(self.hub, "reload"), "the new command")
        self.online("reload")
        self.assertEqual(ended(self.hub, execute(self.hub, "reload", "hello"))["output"], "hello\n")
        agent.config.write_text('[agent]\ninterval = "never"\nfoo = 1\n')
        agent.process.child.send_signal(signal.SIGHUP)
        problem = wait_until(lambda: self.status(agent).get("config_problem"), "what is wrong")
        for word in ("agent.toml:2", "agent.interval", "agent.toml:3", "agent.foo"):
            self.assertIn(word, problem)
        self.assertEqual(ended(self.hub, execute(self.hub, "reload", "hello"))["state"], "SUCCEEDED")
        agent.config.write_text('[agent]\ninterval = "500ms"\n[auto]\ndisable = ["net.*"]\n')
        agent.process.child.send_signal(signal.SIGHUP)
        wait_until(lambda: "hello" not in commands_of(self.hub, "reload"), "the command is gone")
        last = self.hub.readings("reload", "uptime")[-1][0]
        times = wait_until(lambda: [t for t in [r[0] for r in self.hub.readings("reload", "uptime")] if t > last + 2e6] and
                           [r[0] for r in self.hub.readings("reload", "uptime")], "readings after it")
        # Each sampling instant is there: every half second since the first change, every second before.
        steps = [(b - a) / 1e6 for a, b in zip(times, times[1:])]
        self.assertLessEqual(max(steps), 1.5, steps)
        self.assertEqual(len(times), len(set(times)))
        agent.stop()

    def test_set_interval_stays_over_a_restart_and_the_file_has_the_last_word(self):
        agent = self.agent("slow", '[agent]\ninterval = "1s"\n[commands]\nallow = ["set-interval"]\n')
        self.assertEqual(ended(self.hub, execute(self.hub, "slow", "set-interval", {"seconds": 0.2}))["state"], "SUCCEEDED")
        wait_until(lambda: self.status(agent).get("interval_us") == 200_000, "the status")
        agent.kill()
        agent.start()
        # The killed one's status is there until the new one has its own.
        wait_until(lambda: (s := self.status(agent)).get("pid") == agent.process.child.pid and s["interval_us"] == 200_000,
                   "the interval after a kill")
        agent.config.write_text('[agent]\ninterval = "2s"\n[commands]\nallow = ["set-interval"]\n')
        agent.process.child.send_signal(signal.SIGHUP)
        wait_until(lambda: self.status(agent).get("interval_us") == 2_000_000, "the file's interval")
        agent.stop()


class Commands(WithHub):
    def test_output_and_progress_come_while_it_runs(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="steps-"))
        os.mkfifo(folder / "go")
        script = f"echo progress 40; echo working; read x < {folder}/go; echo done"
        self.agent("steps", f'[[command]]\nname = "steps"\nrun = ["/bin/sh", "-c", "{script}"]\n')
        id = execute(self.hub, "steps", "steps")
        half = wait_until(lambda: (e := self.hub.rest.get(f"/executions/{id}"))["output"] and e, "output while it runs")
        self.assertEqual((half["state"], half["progress"]), ("RUNNING", 40))
        self.assertIn("working", half["output"])
        with open(folder / "go", "w") as go:
            go.write("x\n")
        done = ended(self.hub, id)
        self.assertEqual((done["state"], done["output"]), ("SUCCEEDED", "progress 40\nworking\ndone\n"))

    def test_output_is_whole_though_the_hub_is_killed_while_it_runs(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="steps-"))
        for step in ("first", "second"):
            os.mkfifo(folder / step)
        script = f"echo one; read x < {folder}/first; echo two; read x < {folder}/second; echo three"
        self.agent("cut", f'[[command]]\nname = "steps"\nrun = ["/bin/sh", "-c", "{script}"]\n')
        id = execute(self.hub, "cut", "steps")
        wait_until(lambda: self.hub.rest.get(f"/executions/{id}")["output"], "output")
        self.hub.kill()
        for step in ("first", "second"):
            with open(folder / step, "w") as go:
                go.write("x\n")
        self.hub.start()
        done = ended(self.hub, id)
        self.assertEqual((done["state"], done["output"]), ("SUCCEEDED", "one\ntwo\nthree\n"))

    def test_killed_while_a_command_runs_it_leaves_no_child_and_does_not_run_it_again(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="once-"))
        script = f"echo $$ >> {folder}/pids; exec sleep 600"
        agent = self.agent("killed", f'[[command]]\nname = "long"\nrun = ["/bin/sh", "-c", "{script}"]\n')
        id = execute(self.hub, "killed", "long")
        wait_until(lambda: (folder / "pids").exists() and (folder / "pids").read_text().endswith("\n"), "the child")
        child = int((folder / "pids").read_text())
        agent.kill()
        wait_until(lambda: not is_alive(child), "the child's end")
        agent.start()
        self.assertEqual(ended(self.hub, id)["state"], "UNCONFIRMED")
        self.assertEqual(len((folder / "pids").read_text().split()), 1)
        id = execute(self.hub, "killed", "long")
        wait_until(lambda: len((folder / "pids").read_text().split()) == 2, "another one")
        agent.stop()
        self.assertFalse(is_alive(int((folder / "pids").read_text().split()[1])))
        agent.start()
        self.assertEqual(ended(self.hub, id)["state"], "CANCELLED")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_a_command_runs_as_its_user(self):
        self.agent("user", '[[command]]\nname = "who"\nrun = ["/usr/bin/id", "-un"]\nuser = "nobody"\n')
        self.assertEqual(ended(self.hub, execute(self.hub, "user", "who"))["output"], "nobody\n")

    def test_what_people_read(self):
        agent = self.agent("people", '[[command]]\nname = "water"\ntitle = "Water the plants"\nrun = ["/bin/echo", "{seconds}"]\nconfirm = true\n'
                           'args.required = ["seconds"]\n[command.args.properties.seconds]\ntype = "integer"\nmaximum = 60\n')
        tool = lambda *words: run(BIN / "device-agent", *words, check=False)
        wait_until(lambda: "connected" in tool("status", "--state-dir", agent.state).stdout, "the status")
        said = tool("status", "--state-dir", agent.state).stdout
        self.assertRegex(said, r"(?m)^link +connected$")
        self.assertNotIn("{", said)
        listed = tool("command", "list", "--config", agent.config).stdout
        for word in ("ping", "sample-now", "water: Water the plants", "role operator, asks for confirmation", "seconds: integer maximum 60, required"):
            self.assertIn(word, listed)
        water = [c for c in json.loads(tool("command", "list", "--json", "--config", agent.config).stdout) if c["name"] == "water"][0]
        self.assertEqual(water["args"]["properties"]["seconds"]["maximum"], 60)
        agent.config.write_text('[agent]\ninterval = 1\nflush = 2\n[[output]]\nname = "x"\n')
        wrong = tool("config", "check", "--config", agent.config)
        self.assertEqual(wrong.returncode, 3)
        self.assertEqual(len(wrong.stderr.strip().split("\n")), 3, wrong.stderr)


class HostileHub(unittest.TestCase):
    def test_a_hub_that_means_no_good_gets_what_the_config_allows_and_nothing_else(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="effects-"))
        log = folder / "effects"
        agent = Agent(hub, "victim", config=f"""
[[command]]
name = "mark"
run = ["/bin/sh", "-c", 'echo "$1" >> {log}', "mark", "{{text}}"]
[command.args]
additionalProperties = false
[command.args.properties.text]
type = "string"
default = "none"
maxLength = 60
""")
        self.addCleanup(agent.close)
        hub.stop()
        agent.start()
        with ScriptedHub(hub) as evil:
            wait_until(lambda: evil.socket, "the agent")
            self.assertEqual({c.name for c in evil.hellos[0].commands}, {"ping", "sample-now", "mark"})
            refused = []

            def ask(command, arguments="{}", **more):
                refused.append(f"n{len(refused)}")
                evil.ask(refused[-1], command, arguments, **more)

            for command in ("reboot", "restart-agent", "set-interval", "set-output", "/bin/sh", "mark;mark", "MARK", "", "n" * 30_000):
                ask(command)
            for arguments in ('{"text":1}', '{"other":"x"}', "[]", "nonsense", "[" * 20_000, '{"text":' + "{" * 4_000, '{"text":"' + "y" * 40_000 + '"}',
                              json.dumps({"text": "z" * 61}), '{"text":"--help"}', '{"text":"a\\u0000b"}'):
                ask("mark", arguments)
            ask("mark", lives_s=-1)
            ask("mark", not_after_us=float("nan"))
            ask("mark", not_after_us=-5)
            wait_until(lambda: all(evil.state_of(id) for id in refused), "an answer to each")
            self.assertEqual({evil.state_of(id) for id in refused}, {pb.EXECUTION_STATE_REJECTED, pb.EXECUTION_STATE_EXPIRED})
            evil.ask("", "mark")
            evil.ask("i" * 129, "mark")
            self.assertFalse(log.exists())
            text = f"$(touch {folder}/a); `touch {folder}/b` | \\ ' "
            for _ in range(1_000):
                evil.ask("once", "mark", json.dumps({"text": text[:60]}))
            wait_until(lambda: evil.state_of("once") == pb.EXECUTION_STATE_SUCCEEDED, "one effect")
            evil.ask("last", "ping")
            wait_until(lambda: evil.state_of("last") == pb.EXECUTION_STATE_SUCCEEDED, "all of them")
            self.assertEqual(log.read_text(), text[:60] + "\n")
            agent.kill()  # what it has done it knows after a power cut
            evil.socket = None
            agent.start()
            wait_until(lambda: evil.socket, "the agent again")
            evil.updates.clear()
            evil.ask("once", "mark")
            wait_until(lambda: evil.state_of("once") == pb.EXECUTION_STATE_SUCCEEDED, "its memory")
            self.assertEqual(log.read_text(), text[:60] + "\n")
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["effects"])
            agent.stop()


if __name__ == "__main__":
    unittest.main()
