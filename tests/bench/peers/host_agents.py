"""collectd and node_exporter as Debian has them, measuring this host once a second: what the device agent stands beside."""
import pathlib
import shutil
import subprocess
import threading
import urllib.request

from server_process import ServerProcess, find, free_port

# The host's own values, about as many as the agent finds by itself.
COLLECTD_PLUGINS = ("cpu", "df", "interface", "load", "memory", "swap", "thermal", "uptime")


class Collectd(ServerProcess):
    """Reads each second and sends to a UDP port of loopback on which nobody listens: no encryption, no acknowledgement."""

    package = "collectd-core"

    def __init__(self):
        super().__init__("collectd")
        self.program = find("collectd", "/usr/sbin/collectd")

    def prepare(self):
        plugins = "\n".join(f"LoadPlugin {name}" for name in COLLECTD_PLUGINS + ("network",))
        (self.folder / "collectd.conf").write_text(
            f'BaseDir "{self.folder}"\nPIDFile "{self.folder}/pid"\nTypesDB "/usr/share/collectd/types.db"\nInterval 1\nFQDNLookup false\n'
            f'Hostname "bench"\n{plugins}\n<Plugin network>\n  Server "127.0.0.1" "{free_port()}"\n</Plugin>\n')

    def command(self):
        return [self.program, "-f", "-C", self.folder / "collectd.conf"]

    def answers(self):
        return "entering read-loop" in self.log.read_text(errors="replace")


class NodeExporter(ServerProcess):
    """Asked for its metrics each second, over HTTP on loopback; the asking is not counted."""

    package = "prometheus-node-exporter"

    def __init__(self):
        super().__init__("node-exporter")
        self.program = find("prometheus-node-exporter")
        self.port = free_port()
        self.ended = threading.Event()
        self.scraper = threading.Thread(target=self.scrape, daemon=True)

    def command(self):
        return [self.program, f"--web.listen-address=127.0.0.1:{self.port}", f"--collector.textfile.directory={self.folder}"]

    def ask(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return len(answer.read())

    def answers(self):
        try:
            return self.ask() > 0
        except OSError:
            return False

    def start(self):
        super().start()
        self.scraper.start()

    def scrape(self):
        while not self.ended.wait(1):
            self.answers()

    def stop(self):
        self.ended.set()
        if self.scraper.is_alive():
            self.scraper.join()
        super().stop()


def field(package, name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${%s}" % name, package], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def closure(depends):
    """Installed packages that these dependencies bring to a Debian without any of them: not what every Debian has."""
    found, pending = set(), [depends]
    while pending:
        for clause in pending.pop().split(","):
            names = [part.split("(")[0].split(":")[0].strip() for part in clause.split("|")]
            name = next((each for each in names if each and field(each, "Package")), None)
            if name is None or name in found or field(name, "Priority") in ("required", "important") or field(name, "Essential") == "yes":
                continue
            found.add(name)
            pending += [field(name, "Depends"), field(name, "Pre-Depends")]
    return found


def installed_bytes(packages):
    return sum(int(field(each, "Installed-Size") or 0) * 1024 for each in packages)


def download_bytes(package):
    """Of a package that apt knows; None where it does not any more."""
    apt = shutil.which("apt-cache")
    said = subprocess.run([apt, "show", "--no-all-versions", package], capture_output=True, text=True).stdout if apt else ""
    sizes = [int(line.split()[1]) for line in said.splitlines() if line.startswith("Size: ")]
    return sizes[0] if sizes else None


def deb_field(path, name):
    return subprocess.run(["dpkg-deb", "-f", pathlib.Path(path), name], capture_output=True, text=True, check=True).stdout.strip()
