"""A device that has no token: it shows a code, an admin compares and approves, the device runs."""
import http.client
import http.server
import os
import pathlib
import pty
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

import known_secrets
from processes import BIN, DEADLINE_S, PASSWORD, Hub, Process, Rest, wait_until


class Waiting:
    """`device-agent enroll` without a token, as a child whose words are read."""

    def __init__(self, url, *args):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="waiting-"))
        self.child = subprocess.Popen([BIN / "device-agent", "enroll", url, "--state-dir", self.state, *args], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.said = ""

    def code(self):
        while not (found := re.search(r"this code:  ([0-9A-Z]{4}-[0-9A-Z]{4})\n", self.said)):
            line = self.child.stdout.readline()
            if not line:
                raise AssertionError(self.said + self.child.stderr.read())
            self.said += line
        return found.group(1)

    def end(self):
        """(exit code, stdout, stderr)"""
        out, err = self.child.communicate(timeout=DEADLINE_S)
        return self.child.returncode, self.said + out, err

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.communicate()
        shutil.rmtree(self.state, ignore_errors=True)


class Approval(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)

    def ask(self, *args, url=None):
        waiting = Waiting(url or self.hub.url(), *args)
        self.addCleanup(waiting.close)
        return waiting

    def request_of(self, code):
        request, = [one for one in self.hub.rest.get("/enrolments/requests")["requests"] if one["code"] == code]
        return request

    def decide(self, request, word, body=None):
        return self.hub.rest.call("POST", f"/api/v1/enrolments/requests/{request['id']}/{word}", body or {})

    def test_the_code_is_compared_the_device_approved_and_it_runs(self):
        waiting = self.ask("--name", "greenhouse")
        code = waiting.code()
        self.assertIn(f"/enrol?code={code}", waiting.said)
        request = self.request_of(code)
        self.assertEqual((request["name"], request["state"]), ("greenhouse", "pending"))
        self.assertEqual(request["attributes"]["arch"], os.uname().machine)
        approved = self.decide(request, "approve", {"tags": {"room": "south"}})
        self.assertEqual((approved.status, approved.json["state"]), (200, "approved"))
        self.assertEqual(self.decide(request, "approve").status, 409)
        status, out, err = waiting.end()
        self.assertEqual(status, 0, err)
        self.assertIn("enrolled as greenhouse", out)
        known_secrets.note_pem((waiting.state / "credential.toml").read_text().split("'''")[1])
        agent = Process([BIN / "device-agent", "run", "--state-dir", waiting.state], waiting.state / "log")
        self.addCleanup(agent.kill)
        device = wait_until(lambda: [d for d in self.hub.rest.get("/devices")["devices"] if d["presence"] == "online"], "it")[0]
        self.assertEqual((device["name"], device["tags"]), ("greenhouse", {"room": "south"}))
        agent.stop()
        actions = [entry["action"] for entry in self.hub.rest.get("/audit?limit=50")["entries"]]
        self.assertTrue([a for a in actions if "approve" in a], actions)

    def test_who_is_denied_ends_and_says_so(self):
        waiting = self.ask()
        request = self.request_of(waiting.code())
        self.assertEqual(self.decide(request, "deny").status, 204)
        status, _, err = waiting.end()
        self.assertEqual(status, 5)
        self.assertIn("said no", err)
        self.assertFalse((waiting.state / "credential.toml").exists())

    def test_a_name_that_is_taken_is_the_admin_s_to_change(self):
        self.hub.new_device("pump")
        waiting = self.ask("--name", "pump")
        request = self.request_of(waiting.code())
        self.assertEqual(self.decide(request, "approve").status, 409)
        self.assertEqual(self.decide(request, "approve", {"name": "pump two"}).status, 200)
        self.assertEqual(waiting.end()[0], 0)

    def test_only_admins_see_and_decide(self):
        waiting = self.ask()
        request = self.request_of(waiting.code())
        self.hub.rest.post("/users", {"username": "olga", "password": PASSWORD, "role": "operator", "groups": ["*"]})
        olga = Rest(self.hub.port, self.hub.ca_file).sign_in("olga")
        self.assertEqual(olga.call("GET", "/api/v1/enrolments/requests").status, 403)
        self.assertEqual(olga.call("POST", f"/api/v1/enrolments/requests/{request['id']}/approve", {}).status, 403)
        stranger = Rest(self.hub.port, self.hub.ca_file)
        self.assertEqual(stranger.call("GET", "/api/v1/enrolments/requests").status, 401)
        self.assertEqual(stranger.call("POST", "/api/v1/enrolments/requests/collect", {"secret": "x" * 43}).status, 404)

    def test_a_pinned_ca_is_kept_to(self):
        wrong = self.ask("--ca-sha256", "0" * 64)
        status, _, err = wrong.end()
        self.assertEqual(status, 5)
        self.assertIn("fingerprint", err)
        right = self.ask("--ca-sha256", self.hub.ca_sha256)
        self.assertEqual(self.decide(self.request_of(right.code()), "approve").status, 200)
        self.assertEqual(right.end()[0], 0)

    def test_somebody_in_between_is_noticed(self):
        middle = Middle(self.hub)
        self.addCleanup(middle.close)
        waiting = self.ask(url=f"https://localhost:{middle.port}")
        status, out, err = waiting.end()
        self.assertEqual(status, 5, out)
        self.assertIn("somebody may stand between", err)
        # One that writes another code into the answer: then device and page show two.
        middle.lie = True
        waiting = self.ask(url=f"https://localhost:{middle.port}")
        self.assertEqual(waiting.end()[0], 5)

    def test_the_terminal_shows_a_qr_code(self):
        shown, terminal = pty.openpty()
        state = tempfile.mkdtemp(prefix="waiting-")
        self.addCleanup(shutil.rmtree, state, True)
        child = subprocess.Popen([BIN / "device-agent", "enroll", self.hub.url(), "--state-dir", state], stdout=terminal,
                                 stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(terminal)
        said = b""
        while b"Waiting" not in said:
            said += os.read(shown, 4096)
        child.kill()
        child.wait()
        os.close(shown)
        self.assertGreater(said.decode().count("\u2588"), 100)

    def test_a_full_desk_is_told(self):
        waiting = [self.ask() for _ in range(8)]
        for one in waiting:
            one.code()
        status, _, err = self.ask().end()
        self.assertEqual(status, 5)
        self.assertIn("Too many devices wait", err)


class Middle:
    """Ends TLS with a CA of its own and passes everything on to the hub."""

    def __init__(self, hub):
        self.hub, self.lie = hub, False
        self.own = Hub()  # only for its CA
        middle = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                context = ssl.create_default_context(cafile=str(hub.ca_file))
                onward = http.client.HTTPSConnection("localhost", hub.port, context=context, timeout=DEADLINE_S)
                onward.request("POST", self.path, body, {"Content-Type": "application/json"})
                answer = onward.getresponse()
                told = answer.read()
                onward.close()
                if middle.lie:
                    told = re.sub(rb'"code":"[^"]*"', b'"code":"AAAA-AAAA"', told)
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("localhost", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.own.data / "tls" / "server.pem", self.own.data / "tls" / "server.key")
        context.set_alpn_protocols(["telemetry-device/1"])
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.own.close()


if __name__ == "__main__":
    unittest.main()
