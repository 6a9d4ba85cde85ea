"""A peer's server for one case: its own folder, its own port on loopback, ended by its own process id."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import with_parent

START_S = 60
STOP_S = 120
TICKS = os.sysconf("SC_CLK_TCK")
# On a disk, where /tmp may be memory; for everything this process makes.
tempfile.tempdir = os.environ.get("TMPDIR", "/var/tmp")


def find(*programs):
    """The first of these that is there; ends with 3, "left out", where none is."""
    for program in programs:
        found = shutil.which(program)
        if found:
            return found
    print(f"{programs[0]} is not installed", flush=True)
    raise SystemExit(3)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """What a process, its living descendants and those they have waited for took so far."""
    ticks, below = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        ticks[int(entry)] = sum(map(int, fields[11:15]))
        below.setdefault(int(fields[1]), []).append(int(entry))
    total, pending = 0, [pid]
    while pending:
        each = pending.pop()
        total += ticks.get(each, 0)
        pending += below.get(each, [])
    return total / TICKS


def disk_bytes(*folders):
    """Allocated, so that files of holes do not count."""
    total = 0
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.lstat(os.path.join(path, name)).st_blocks * 512
                except FileNotFoundError:  # compacted away meanwhile
                    pass
    return total


def settled(measure, quiet_s=8, limit_s=120):
    """`measure()` once it has not changed for `quiet_s`; what it is by then after `limit_s`."""
    end = time.monotonic() + limit_s
    value, since = measure(), time.monotonic()
    while time.monotonic() < min(end, since + quiet_s):
        time.sleep(0.5)
        now = measure()
        if now != value:
            value, since = now, time.monotonic()
    return value


def forget_cached(folder):
    """Of the files below, nothing stays in the system's page cache. Nobody may have one open."""
    for path, _, names in os.walk(folder):
        for name in names:
            each = os.path.join(path, name)
            if not os.path.isfile(each):
                continue
            file = os.open(each, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


class ServerProcess:
    """Subclasses give `command()`, `answers()` and the signal that stops them in order. A context manager: the folder goes at its end."""

    stop_signal = signal.SIGTERM

    def __init__(self, name, user=None):
        # A server that refuses root runs as its package's user; anyone else starts it as who they are.
        self.user = user if os.geteuid() == 0 else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=name + "-"))
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.log = self.folder / "server.log"
        self.child = None

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command):
        done = subprocess.run([str(each) for each in command], user=self.user, cwd=self.folder, capture_output=True,
                              text=True, timeout=START_S)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(each) for each in self.command()], user=self.user, cwd=self.folder,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          preexec_fn=with_parent.end_with_parent)
        end = time.monotonic() + START_S
        while not self.answers():
            if self.child.poll() is not None or time.monotonic() > end:
                raise SystemExit("the server did not start: " + self.log.read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self):
        if self.child is None:
            return
        if self.child.poll() is None:
            self.child.send_signal(self.stop_signal)
        try:
            self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None

    def restart_cold(self):
        self.stop()
        forget_cached(self.folder)
        self.start()

    def cpu_seconds(self):
        return cpu_seconds(self.child.pid)

    def prepare(self):
        pass
