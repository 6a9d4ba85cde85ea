"""Starting the hub in bad places: a clear error that names the cause, and no harm."""
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

from processes import BIN, DEADLINE_S, PASSWORD, Agent, Hub, Rest, run


def serve(*args, env=None):
    """Runs `serve` until it ends by itself."""
    return subprocess.run([str(BIN / "telemetry-hub"), "serve", *map(str, args)], capture_output=True, text=True,
                          timeout=DEADLINE_S, env={**os.environ, **(env or {})})


class BadStart(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.data = pathlib.Path(self.folder.name) / "data"

    def test_busy_port(self):
        with socket.socket(socket.AF_INET6) as taken:
            taken.bind(("::", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = serve("--port", port, "--data-dir", self.data)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(port), done.stderr)
        self.assertIn("in use", done.stderr.lower() + " taken in use" * ("taken" in done.stderr.lower()))
        self.assertEqual(done.stdout, "")

    def test_data_folder_that_cannot_be_written(self):
        blocker = pathlib.Path(self.folder.name) / "file"
        blocker.write_text("not a folder")
        done = serve("--port", 0, "--data-dir", blocker / "data")
        self.assertIn(done.returncode, (1, 3))
        self.assertIn(str(blocker), done.stderr)

    def test_two_hubs_cannot_share_a_folder(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        done = serve("--port", 0, "--data-dir", hub.data)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(hub.process.child.pid), done.stderr)
        self.assertEqual(hub.rest.call("GET", "/readyz").status, 200)

    def test_configuration_mistakes_name_file_line_key_and_what_is_allowed(self):
        cases = [('prot = 1\n', ["hub.toml", "1", "prot"]),
                 ('port = "many"\n', ["hub.toml", "1", "port"]),
                 ('port = 70000\n', ["hub.toml", "port", "65535"]),
                 ('port = \n', ["hub.toml", "1"])]
        for text, words in cases:
            config = pathlib.Path(self.folder.name) / "hub.toml"
            config.write_text(text)
            done = serve("--config", config, "--data-dir", self.data)
            self.assertEqual(done.returncode, 3, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)

    def test_wrong_flags_are_usage_errors(self):
        self.assertEqual(serve("--prot", "1").returncode, 2)
        self.assertEqual(serve("--port", "many").returncode, 2)

    def test_a_newer_file_is_refused(self):
        run(BIN / "telemetry-hub", "init", "--data-dir", self.data)
        import sqlite3
        db = sqlite3.connect(self.data / "hub.db")
        tables = [r[0] for r in db.execute("select name from sqlite_master where name like '%version%' or name like '%migration%'")]
        self.assertTrue(tables, "hub.db says no version")
        table = tables[0]
        columns = [r[1] for r in db.execute(f"pragma table_info({table})")]
        row = list(db.execute(f"select * from {table}"))[-1]
        key = next(i for i, c in enumerate(columns) if "version" in c or c in ("number", "id"))
        values = list(row)
        values[key] = 9999
        db.execute(f"delete from {table} where {columns[key]} = 9999")
        db.execute(f"insert into {table} values ({','.join('?' * len(values))})", values)
        db.commit()
        db.close()
        done = serve("--port", 0, "--data-dir", self.data)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("hub.db", done.stderr)
        self.assertIn("newer", done.stderr)


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()
        cls.hub.close()

    def rest(self):
        return Rest(self.hub.port, self.hub.ca_file)

    def test_wrong_password_is_refused_as_a_problem(self):
        for body in ({"username": "admin", "password": "wrong"}, {"username": "nobody", "password": PASSWORD}):
            answer = self.rest().call("POST", "/api/v1/session", body)
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/problem+json")
            self.assertEqual(answer.json["status"], 401)
            self.assertNotIn("Set-Cookie", answer.headers)

    def test_without_a_session_nothing_is_shown(self):
        for path in ("/devices", "/hub", "/alerts", "/users", "/alert-rules"):
            self.assertEqual(self.rest().call("GET", "/api/v1" + path).status, 401, path)

    def test_sign_out_ends_the_session(self):
        rest = self.rest().sign_in()
        self.assertEqual(rest.call("GET", "/api/v1/devices").status, 200)
        self.assertEqual(rest.call("DELETE", "/api/v1/session").status, 204)
        self.assertEqual(rest.call("GET", "/api/v1/devices").status, 401)

    def test_bad_bodies_and_parameters_name_the_field(self):
        rest = self.hub.rest
        bad = rest.call("POST", "/api/v1/enrolments", "{not json")
        self.assertEqual(bad.status, 400)
        bad = rest.call("POST", "/api/v1/enrolments", {"uses": -1})
        self.assertEqual(bad.status, 400)
        self.assertIn("uses", bad.json["field"])
        self.hub.new_device("for-parameters")
        self.assertEqual(rest.call("GET", "/api/v1/devices/none").status, 404)
        self.assertEqual(rest.call("GET", "/api/v1/devices/for-parameters/series/none/readings?from=0&to=1").status, 404)
        self.assertEqual(rest.call("PUT", "/api/v1/devices").status, 405)
        self.assertEqual(rest.call("GET", "/api/v1/nothing").status, 404)

    def test_a_foreign_origin_cannot_write_or_listen(self):
        rest = self.hub.rest
        port = self.hub.port
        origins = ("https://evil.example", "null", "", f"http://localhost:{port}", "https://localhost", f"https://localhost:{port + 1}",
                   f"https://localhost:{port}.evil.example", f"https://evil.localhost:{port}", f"https://127.0.0.1:{port}",
                   f"https://localhost:{port}/", f"https://user@localhost:{port}", f"HTTPS://localhost:{port}", "file://", f"localhost:{port}")
        for origin in origins:
            answer = rest.call("POST", "/api/v1/enrolments", {}, headers={"Origin": origin})
            self.assertEqual(answer.status, 403, origin)
            upgrade = rest.call("GET", "/api/v1/live", headers={
                "Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "telemetry.live.v1"})
            self.assertEqual(upgrade.status, 403, origin)

    def test_an_expired_or_used_token_says_so(self):
        token = self.hub.rest.post("/enrolments", {"name": "once"})["token"]
        self.rest().post("/enrolments/redeem", {"token": token})
        again = self.rest().call("POST", "/api/v1/enrolments/redeem", {"token": token})
        self.assertEqual(again.status, 410)
        unknown = self.rest().call("POST", "/api/v1/enrolments/redeem", {"token": "nonsense"})
        self.assertEqual(unknown.status, 401)
        taken = self.hub.rest.post("/enrolments", {"name": "once"})["token"]
        conflict = self.rest().call("POST", "/api/v1/enrolments/redeem", {"token": taken})
        self.assertEqual(conflict.status, 409)
        self.assertIn("once", conflict.json["detail"])

    def test_openapi_is_served_and_metrics_are_prometheus_text(self):
        document = self.rest().call("GET", "/api/v1/openapi.json")
        self.assertEqual(document.status, 200)
        self.assertTrue(document.json["openapi"].startswith("3.1"))
        metrics = self.rest().call("GET", "/metrics")
        self.assertEqual(metrics.status, 200)
        self.assertIn(b"# TYPE", metrics.body)
        self.assertEqual(self.rest().call("GET", "/healthz").status, 200)
        self.assertEqual(self.rest().call("GET", "/readyz").status, 200)


if __name__ == "__main__":
    unittest.main()
