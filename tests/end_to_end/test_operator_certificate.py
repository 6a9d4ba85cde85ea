"""A certificate of the operator's own: browsers and programs see it, devices see the hub's, a renewal needs no restart."""
import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

from processes import BIN, DEADLINE_S, Agent, Hub, run, wait_until


class Authority:
    """A CA of this test, made by the openssl tool."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.pem = self.folder / "public-ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-keyout", "public-ca.key", "-out", "public-ca.pem", "-subj", "/CN=public CA")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True, timeout=DEADLINE_S)

    def issue(self, into, number):
        """A pair for localhost; its serial is `number`."""
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,DNS:hub.example")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "new.key",
                      "-out", "new.csr", "-subj", "/CN=localhost")
        self._openssl("x509", "-req", "-in", "new.csr", "-CA", "public-ca.pem", "-CAkey", "public-ca.key", "-days", "10",
                      "-set_serial", str(number), "-extfile", "names", "-out", "new.pem")
        (into / "site.pem").write_text((self.folder / "new.pem").read_text() + self.pem.read_text())
        (into / "site.key").write_text((self.folder / "new.key").read_text())


class OperatorCertificate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="site-")
        self.addCleanup(folder.cleanup)
        self.site = pathlib.Path(folder.name)
        self.authority = Authority(folder.name)
        self.authority.issue(self.site, 1)
        self.env = {"TELEMETRY_HUB_TLS_CERTIFICATE_FILE": str(self.site / "site.pem"),
                    "TELEMETRY_HUB_TLS_KEY_FILE": str(self.site / "site.key")}
        self.hub = Hub(env=self.env)
        self.addCleanup(self.hub.close)

    def start(self):
        self.hub.start()
        self.hub.ca_file = self.authority.pem  # what programs and browsers trust

    def connect(self):
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        raw = socket.create_connection(("localhost", self.hub.port), timeout=DEADLINE_S)
        return context.wrap_socket(raw, server_hostname="localhost")

    def serial(self):
        with self.connect() as tls:
            return int(tls.getpeercert()["serialNumber"], 16)

    def test_programs_see_it_and_devices_enrol_and_stream_as_ever(self):
        self.start()
        self.assertEqual(self.serial(), 1)
        agent = Agent(self.hub, "kitchen").start()
        self.addCleanup(agent.close)
        wait_until(lambda: self.hub.rest.get("/devices")["devices"][0]["presence"] == "online", "the device")
        agent.stop()

    def test_a_renewal_needs_no_restart_and_breaks_no_connection(self):
        self.start()
        page = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with self.connect() as open_before:
            self.authority.issue(self.site, 2)
            wait_until(lambda: self.serial() == 2, "the new certificate")
            open_before.sendall(page)
            self.assertIn(b"200 OK", open_before.recv(4096))
        (self.site / "site.key").write_text("half a key")
        wait_until(lambda: "site.key: not the private key" in self.hub.log.read_text(), "the complaint")
        self.assertEqual(self.serial(), 2)
        self.authority.issue(self.site, 3)
        wait_until(lambda: self.serial() == 3, "the mended certificate")

    def test_a_bad_one_at_the_start_is_an_error_that_names_the_file(self):
        (self.site / "site.pem").write_text("nonsense")
        done = run(BIN / "telemetry-hub", "serve", "--port", 0, "--data-dir", self.hub.data, env=self.env, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("site.pem: no certificate", done.stderr)


if __name__ == "__main__":
    unittest.main()
