"""An InfluxDB 1.x of our own and one keep-alive connection to it."""
import http.client
import json
import ssl
import urllib.parse

from server_process import ServerProcess, find, free_port

# What is not said here is as Debian ships it, durability above all: every write is flushed before it is answered.
# To its favour: no log of requests, no statistics of its own; files are compacted soon after the last write, not hours
# later; and a stalled disk may delay a write by more than 10 s without failing it.
CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "3s"
  compact-full-write-cold-duration = "4s"
[coordinator]
  write-timeout = "60s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  https-enabled = {https}
  https-certificate = "{folder}/server.pem"
[logging]
  level = "warn"
"""


class InfluxServer(ServerProcess):
    def __init__(self, tls=False):
        self.program = find("influxd")
        super().__init__("influxdb")
        self.tls, self.port = tls, free_port()

    def prepare(self):
        config = CONFIG.format(folder=self.folder, port=self.port, rpc_port=free_port(), https=str(self.tls).lower())
        (self.folder / "influxdb.conf").write_text(config)
        if self.tls:
            pem = self.folder / "server.pem"
            self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                     "-keyout", self.folder / "key.pem", "-out", self.folder / "ca.pem")
            pem.write_text((self.folder / "ca.pem").read_text() + (self.folder / "key.pem").read_text())

    def command(self):
        return [self.program, "run", "-config", self.folder / "influxdb.conf"]

    def answers(self):
        try:
            self.connect().get("/ping", expect=204)
            return True
        except OSError:
            return False

    def connect(self):
        return Connection(self.port, self.folder / "ca.pem" if self.tls else None)


class Connection:
    def __init__(self, port, ca_file=None):
        if ca_file:
            context = ssl.create_default_context(cafile=str(ca_file))
            self.http = http.client.HTTPSConnection("localhost", port, context=context, timeout=600)
        else:
            self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def get(self, path, expect=200):
        return self._call("GET", path, None, expect)

    def _call(self, method, path, body, expect):
        self.http.request(method, path, body)
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status != expect:
            raise SystemExit(f"InfluxDB: {method} {path[:200]}: {answer.status} {data[:400]!r}")
        return data

    def write(self, batch):
        self._call("POST", "/write?db=bench&precision=ms", batch, 204)

    def send(self, files):
        for path in files:
            with open(path, "rb") as file:
                self.write(file.read())

    def command(self, text):
        self._call("POST", "/query?" + urllib.parse.urlencode({"q": text}), None, 200)

    def query(self, text):
        """The body as it comes; parsing it is not what is measured."""
        return self.get("/query?" + urllib.parse.urlencode({"db": "bench", "epoch": "u", "q": text}))


def series_of(body):
    result = json.loads(body)["results"][0]
    if "error" in result:
        raise SystemExit("InfluxDB: " + result["error"])
    return result.get("series", [])
