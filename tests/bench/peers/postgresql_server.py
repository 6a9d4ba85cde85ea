"""A PostgreSQL cluster of our own, reached through a socket in its folder, and one psql that stays connected."""
import pathlib
import re
import signal
import subprocess

from server_process import ServerProcess, find

# To its favour: a bare table with a key and no other index. Settings are PostgreSQL's defaults, durability above all.
TABLE = "CREATE TABLE readings(series integer, time bigint, value double precision)"
KEY = "ALTER TABLE readings ADD PRIMARY KEY (series, time)"


def programs():
    newest = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
    return newest[-1] if newest else pathlib.Path(find("postgres")).parent


class PostgresServer(ServerProcess):
    stop_signal = signal.SIGINT  # "fast": clients are let go, everything is written

    def __init__(self):
        self.programs = programs()
        super().__init__("postgresql", user="postgres")
        self.data = self.folder / "data"

    def prepare(self):
        self.run(self.programs / "initdb", "--pgdata", self.data, "--username", "postgres", "--auth", "trust",
                 "--no-locale", "--encoding", "UTF8")

    def command(self):
        return [self.programs / "postgres", "-D", self.data, "-c", "listen_addresses=", "-c",
                f"unix_socket_directories={self.folder}"]

    def answers(self):
        probe = [self.programs / "psql", "-h", self.folder, "-U", "postgres", "-Atqc", "SELECT 1", "postgres"]
        done = subprocess.run([str(each) for each in probe], capture_output=True, text=True, timeout=60)
        return done.stdout == "1\n"

    def connect(self):
        return Psql(self)


class Psql:
    """psql with its clock on. Answers come unaligned, without headers."""

    def __init__(self, server):
        command = [server.programs / "psql", "-h", server.folder, "-U", "postgres", "-AtqX", "-v", "ON_ERROR_STOP=1",
                   "postgres"]
        self.child = subprocess.Popen([str(each) for each in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
        self.execute("\\timing on")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait(60)
        self.child.stdout.close()

    def execute(self, text):
        """Lines of the answer; the last command's own time in ms is kept in `took_ms`: sent to received, not printed."""
        self.child.stdin.write(text + "\n\\echo end-of-answer\n")
        self.child.stdin.flush()
        lines, self.took_ms = [], None
        for line in self.child.stdout:
            line = line.rstrip("\n")
            if line == "end-of-answer":
                return lines
            time = re.match(r"Time: ([0-9.]+) ms", line)
            if time:
                self.took_ms = float(time.group(1))
            else:
                lines.append(line)
        raise SystemExit("PostgreSQL: " + "\n".join(lines[-5:]))

    def took(self, text):
        self.execute(text)
        return self.took_ms

    def copy(self, files):
        """A transaction a file."""
        for path in files:
            self.execute(f"\\copy readings FROM '{path}' (FORMAT binary)")
