"""Whom the hub's TLS lets in, and whom it asks: client certificates, old versions, resumed sessions. Certificates that
have ended are in test_device_certificates.py."""
import base64
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import tomllib
import unittest
import warnings

from processes import DEADLINE_S, Agent, Hub

DEVICE_ALPN, WEB_ALPN = "telemetry-device/1", "http/1.1"


def upgrade_request():
    key = base64.b64encode(os.urandom(16)).decode()
    return ("GET /api/v1/device HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: telemetry.device.v1\r\n\r\n").encode()


class Client:
    """A TLS client of one hub; its context lives on, so that a session can be offered again."""

    def __init__(self, port, ca_file, version=None, credential=None):
        self.port = port
        self.context = ssl.create_default_context(cafile=str(ca_file))
        self.context.check_hostname = False  # devices meet another name than browsers
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        if credential:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(credential["certificate_pem"] + credential["key_pem"])
                file.flush()
                self.context.load_cert_chain(file.name)

    def visit(self, alpn, request, session=None):
        """(status line or why there is none, the session, whether it was resumed)."""
        self.context.set_alpn_protocols([alpn])
        try:
            with socket.create_connection(("localhost", self.port), timeout=DEADLINE_S) as raw:
                with self.context.wrap_socket(raw, server_hostname="localhost", session=session) as tls:
                    tls.sendall(request)
                    status = tls.recv(4096).split(b"\r\n")[0].decode()  # tickets of TLS 1.3 come with it
                    return status, tls.session, tls.session_reused
        except ssl.SSLError as refused:
            return refused.reason or str(refused), None, False
        except ConnectionResetError:
            return "reset", None, False


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        cls.agent = Agent(cls.hub, "kitchen")

    @classmethod
    def tearDownClass(cls):
        cls.agent.close()
        cls.hub.close()

    def credential(self, agent):
        return tomllib.loads((agent.state / "credential.toml").read_text())

    def client(self, **more):
        return Client(self.hub.port, self.hub.ca_file, **more)

    def upgrade(self, credential, port=None):
        client = Client(port or self.hub.port, self.hub.ca_file, credential=credential)
        return client.visit(DEVICE_ALPN, upgrade_request())[0]

    def test_its_own_devices_are_let_in(self):
        self.assertEqual(self.upgrade(self.credential(self.agent)), "HTTP/1.1 101 Switching Protocols")

    def test_a_certificate_of_another_hub_is_refused(self):
        other = Hub().start()
        self.addCleanup(other.close)
        stranger = Agent(other, "kitchen")
        self.addCleanup(stranger.close)
        self.assertEqual(self.upgrade(self.credential(stranger)), "TLSV1_ALERT_UNKNOWN_CA")

    def test_a_revoked_certificate_is_refused_and_its_session_not_resumed(self):
        agent = Agent(self.hub, "cellar")
        self.addCleanup(agent.close)
        credential = self.credential(agent)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.client(version=version, credential=credential)
            status, session, _ = client.visit(DEVICE_ALPN, upgrade_request())
            self.assertIn("101", status)
            if version == ssl.TLSVersion.TLSv1_2:
                kept = client, session
        self.hub.rest.call("DELETE", f"/api/v1/devices/{credential['device_id']}/credentials")
        for tried, session in (kept, (client, session)):
            status, _, resumed = tried.visit(DEVICE_ALPN, upgrade_request(), session)
            self.assertIn("401", status)
            self.assertFalse(resumed)

    def test_a_browser_s_session_does_not_open_the_door_for_devices(self):
        page = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.client(version=version)
            status, session, _ = client.visit(WEB_ALPN, page)
            self.assertIn("200", status)
            for alpn in (DEVICE_ALPN, WEB_ALPN):
                status, _, resumed = client.visit(alpn, page, session)
                self.assertIn("200", status)
                self.assertFalse(resumed, (version, alpn))

    def test_the_client_of_this_test_would_resume_where_a_server_does(self):
        tls = self.hub.data / "tls"
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(tls / "server.pem", tls / "server.key")
        listener = socket.create_server(("localhost", 0))
        self.addCleanup(listener.close)

        def serve():
            for _ in range(2):
                raw, _ = listener.accept()
                with server.wrap_socket(raw, server_side=True) as peer:
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        client = Client(listener.getsockname()[1], self.hub.ca_file)
        _, session, first = client.visit(WEB_ALPN, b"x")
        _, _, second = client.visit(WEB_ALPN, b"x", session)
        self.assertEqual((first, second), (False, True))

    def test_versions_before_tls_1_2_are_refused_by_the_hub(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                client = self.client(version=version)
                client.context.set_ciphers("ALL:@SECLEVEL=0")  # this side would
                self.assertEqual(client.visit(WEB_ALPN, b"")[0], "TLSV1_ALERT_PROTOCOL_VERSION", version)

    def test_nobody_but_a_device_is_asked_for_a_certificate(self):
        def asked(*alpn):
            done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{self.hub.port}", *alpn], text=True,
                                  input="", capture_output=True, timeout=DEADLINE_S)
            self.assertIn("Server certificate", done.stdout)
            return "Acceptable client certificate CA names" in done.stdout
        self.assertTrue(asked("-alpn", DEVICE_ALPN))
        self.assertFalse(asked("-alpn", WEB_ALPN))
        self.assertFalse(asked("-alpn", "h2,http/1.1"))
        self.assertFalse(asked())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
