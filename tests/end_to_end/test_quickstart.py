"""deploy/quickstart as a user runs it, on binaries that are built."""
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

from processes import PASSWORD, Rest, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Quickstart(unittest.TestCase):
    def start(self, folder, *more):
        child = subprocess.Popen([str(ROOT / "deploy/quickstart"), "--no-install", "--no-build", "--port", str(self.port),
                                  "--data-dir", folder, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 # A shell that runs the tests in the background ignores SIGINT for all of them.
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        line = child.stdout.readline()
        self.assertTrue(line.startswith("ready https://"), line)
        self.assertEqual(int(line.strip().rsplit(":", 1)[1]), self.port)
        return child

    def end(self, child):
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
        self.assertEqual(child.wait(60), 0)
        child.stdout.close()
        self.assertEqual(rest, "", "one line on stdout, no more")

    def setUp(self):
        import socket
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]

    def test_real_readings_grow_and_a_second_run_keeps_them(self):
        with tempfile.TemporaryDirectory() as folder:
            password = pathlib.Path(folder) / "password"
            password.write_text(PASSWORD)
            started = time.monotonic()
            child = self.start(folder, "--admin-password-file", str(password))
            print(f"ready after {time.monotonic() - started:.1f} s")
            rest = Rest(self.port, pathlib.Path(folder) / "hub/tls/ca.pem").sign_in()
            device = wait_until(lambda: rest.get("/devices")["devices"], "the local device")[0]
            def uptime():
                series = rest.get(f"/devices/{device['id']}/series")["series"]
                return next((s["latest"] for s in series if s["name"] == "uptime" and s["latest"]), None)
            first = wait_until(uptime, "readings")
            print(f"first reading visible after {time.monotonic() - started:.1f} s")
            wait_until(lambda: uptime()["time"] > first["time"], "growing readings")
            self.end(child)

            child = self.start(folder, "--admin-password-file", str(password), "--simulate", "3")
            rest = Rest(self.port, pathlib.Path(folder) / "hub/tls/ca.pem").sign_in()
            wait_until(lambda: len(rest.get("/devices")["devices"]) == 4, "one real and three simulated devices")
            rows = rest.get(f"/devices/{device['id']}/series/uptime/readings?from={first['time']}&to=now")["rows"]
            self.assertEqual(rows[0][0], first["time"])
            self.end(child)

    def test_without_a_password_file_a_set_up_code_is_printed(self):
        with tempfile.TemporaryDirectory() as folder:
            child = self.start(folder)
            url = (pathlib.Path(folder) / "hub/setup-url").read_text().strip()
            code = url.rsplit("code=", 1)[1]
            rest = Rest(self.port, pathlib.Path(folder) / "hub/tls/ca.pem")
            self.assertTrue(rest.get("/setup")["needed"])
            wrong = rest.call("POST", "/api/v1/setup", {"code": "x" * len(code), "username": "me", "password": PASSWORD})
            self.assertEqual(wrong.status, 401)
            rest.post("/setup", {"code": code, "username": "me", "password": PASSWORD})
            self.assertEqual(rest.get("/session")["user"]["role"], "admin")
            again = rest.call("POST", "/api/v1/setup", {"code": code, "username": "two", "password": PASSWORD})
            self.assertEqual(again.status, 409)
            self.end(child)

    def test_wrong_options_are_named(self):
        for args in (["--prot", "1"], ["--port"], ["--port", "many"], ["--simulate", "-1"],
                     ["--admin-password-file", "/nonexistent"]):
            done = subprocess.run([str(ROOT / "deploy/quickstart"), *args], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(args[0].lstrip("-").split("-")[0], done.stderr)


if __name__ == "__main__":
    unittest.main()
