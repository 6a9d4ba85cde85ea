"""The servers that tests/bench/run fanout measures beside the hub: each its own process, on loopback, with its own certificate."""
import pathlib
import socket
import subprocess

from server_process import ServerProcess, find, free_port

NODE = pathlib.Path(__file__).resolve().parent / "node"


def certificate(folder):
    """(certificate, key): P-256 for localhost, as the hub's own, signed by itself."""
    folder = pathlib.Path(folder)
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


class FanoutServer(ServerProcess):
    """`tls`: whether clients come over it. `protocol` is the load client's word."""

    protocol = ""

    def __init__(self, name, tls, user=None):
        super().__init__(name, user)
        self.tls, self.port = tls, free_port()
        self.cert = self.key = None

    def prepare(self):
        if self.tls:
            self.cert, self.key = certificate(self.folder)
            self.key.chmod(0o644)  # of a throw-away server on loopback, which may run as another user
        self.folder.chmod(0o755)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def install_node_peers():
    """npm ci, once a checkout and lock."""
    node, npm = find("node", "nodejs"), find("npm")
    done = NODE / "node_modules" / ".package-lock.json"
    if not done.exists() or done.stat().st_mtime < (NODE / "package-lock.json").stat().st_mtime:
        installed = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=NODE, capture_output=True, text=True)
        if installed.returncode != 0:
            raise SystemExit("npm ci failed: " + installed.stderr[-500:])
        done.touch()
    return node


class NodePeer(FanoutServer):
    script = ""

    def __init__(self, tls):
        self.node = install_node_peers()
        super().__init__(self.protocol, tls)

    def command(self):
        return [self.node, NODE / self.script, self.port] + ([self.cert, self.key] if self.tls else [])


class Ws(NodePeer):
    protocol, script = "ws", "ws_server.mjs"


class SocketIo(NodePeer):
    protocol, script = "socketio", "socketio_server.mjs"


class UWebSockets(NodePeer):
    """uWebSockets is neither on npm nor in Debian; Bun, which is, has it within. Speaks as the ws peer does."""

    protocol, script = "ws", "bun_server.mjs"

    def __init__(self, tls):
        super().__init__(tls)
        self.name = "uwebsockets"
        found = sorted(NODE.glob("node_modules/@oven/bun-*/bin/bun"))
        if not found:
            raise SystemExit("npm has no Bun for this machine")
        self.node = found[0]


class Mosquitto(FanoutServer):
    protocol = "mqtt"

    def __init__(self, tls):
        self.program = find("mosquitto", "/usr/sbin/mosquitto")
        super().__init__("mosquitto", tls, user="mosquitto")

    def prepare(self):
        super().prepare()
        tls = f"certfile {self.cert}\nkeyfile {self.key}\ntls_version tlsv1.3\n" if self.tls else ""
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n{tls}allow_anonymous true\nmax_connections -1\nset_tcp_nodelay true\nlog_type error\n")

    def command(self):
        return [self.program, "-c", self.folder / "mosquitto.conf"]


class Nats(FanoutServer):
    protocol = "nats"

    def __init__(self, tls):
        self.program = find("nats-server", "/usr/sbin/nats-server")
        super().__init__("nats", tls)

    def prepare(self):
        super().prepare()
        tls = f'tls {{ cert_file: "{self.cert}", key_file: "{self.key}", timeout: 30 }}\n' if self.tls else ""
        (self.folder / "nats.conf").write_text(f"host: 127.0.0.1\nport: {self.port}\nmax_connections: 70000\n{tls}")

    def command(self):
        return [self.program, "-c", self.folder / "nats.conf"]


PEERS = {"uwebsockets": UWebSockets, "ws": Ws, "socketio": SocketIo, "mosquitto": Mosquitto, "nats": Nats}
