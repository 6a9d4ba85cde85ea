"""The real hub and the real agent as processes of a test, and a REST client that verifies the hub's own CA."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import tomllib

import known_secrets

BIN = pathlib.Path(os.environ["TELEMETRY_BIN"])
PASSWORD = "correct horse battery"
DEADLINE_S = 60 if os.environ.get("TELEMETRY_PRESET") == "release" else 120


def wait_until(condition, what, deadline_s=None):
    """Polls `condition` until it gives something true, which is returned."""
    end = time.monotonic() + (deadline_s or DEADLINE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


def run(*args, check=True, stdin=None, env=None):
    done = subprocess.run([str(a) for a in args], input=stdin, text=True, capture_output=True, timeout=DEADLINE_S,
                          env={**os.environ, **(env or {})})
    known_secrets.check_text(f"what {args[0]} said on stderr", done.stderr)
    if check and done.returncode != 0:
        raise AssertionError(f"{args} ended with {done.returncode}: {done.stderr}")
    return done


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Rest:
    """A signed-in REST client: keeps its cookie, verifies the hub's CA."""

    def __init__(self, port, ca_file, origin=None):
        self.port, self.ca_file, self.cookie, self.origin = port, ca_file, None, origin

    def call(self, method, path, body=None, headers=None):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=DEADLINE_S)
        sent = dict(headers or {})
        if self.cookie and "Cookie" not in sent:
            sent["Cookie"] = self.cookie
        data = None
        if isinstance(body, (dict, list)):
            known_secrets.note_members(body)
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            result = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        cookie = result.headers.get("Set-Cookie")
        if cookie and cookie.startswith("hub_session="):
            self.cookie = cookie.split(";")[0]
            known_secrets.note(self.cookie.split("=")[1])
        if result.body and "json" in (result.headers.get("Content-Type") or ""):
            known_secrets.note_members(result.json)
        return result

    def get(self, path, **kw):
        answer = self.call("GET", "/api/v1" + path, **kw)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body[:400]}"
        return answer.json

    def post(self, path, body, expect=(200, 201), **kw):
        answer = self.call("POST", "/api/v1" + path, body, **kw)
        assert answer.status in expect, f"POST {path}: {answer.status} {answer.body[:400]}"
        return answer.json if answer.body else None

    def sign_in(self, username="admin", password=PASSWORD):
        self.post("/session", {"username": username, "password": password})
        return self


def shifted(by):
    """The environment of a process whose wall clock is wrong by `by` ("+20h", "-3d"); the boot clock stays right."""
    library, = pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class MovableClock:
    """The wall clock of one process, put forward while it runs."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "clock"
        self.put("+0")
        self.env = {**shifted(""), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_CACHE_DURATION": "1"}
        del self.env["FAKETIME"]

    def put(self, by):
        """Takes effect within a second."""
        beside = self.file.with_suffix(".new")
        beside.write_text(by + "\n")
        beside.rename(self.file)


class Process:
    """A child with its stderr in a file, in which no secret may be at its end; ended by its own id only."""

    def __init__(self, args, log, stdout=subprocess.DEVNULL, env=None):
        self.log = open(log, "ab")
        self.child = subprocess.Popen([str(a) for a in args], stdout=stdout, stderr=self.log, stdin=subprocess.DEVNULL,
                                      env={**os.environ, **(env or {})}, text=stdout == subprocess.PIPE)

    def kill(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self._end()

    def stop(self):
        """SIGTERM; what the process ended with."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self._end()
            raise AssertionError("the process did not stop on SIGTERM")
        self._end()
        return self.child.returncode

    def _end(self):
        self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()
        self.log.close()
        known_secrets.check_log(self.log.name)


class Hub:
    """A hub with a folder of its own, or with `data` elsewhere. start() and kill() any number of times: the port stays."""

    def __init__(self, serve_args=(), env=None, data=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hub-"))
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.log = self.folder / "hub.log"
        self.serve_args, self.env = list(serve_args), env
        self.port, self.process, self._rest = 0, None, None
        known_secrets.note(PASSWORD)
        info = json.loads(run(BIN / "telemetry-hub", "init", "--data-dir", self.data, "--json").stdout)
        self.ca_sha256 = info["ca_sha256"]
        self.ca_file = self.data / "tls" / "ca.pem"
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        run(BIN / "telemetry-hub", "user", "add", "admin", "--role", "admin", "--password-file", password,
            "--data-dir", self.data)

    def start(self):
        for key in (self.data / "tls").glob("*.key"):
            known_secrets.note_pem(key.read_text())
        self.process = Process([BIN / "telemetry-hub", "serve", "--port", self.port, "--data-dir", self.data,
                                *self.serve_args], self.log, stdout=subprocess.PIPE,
                               env={"TELEMETRY_HUB_LOG_LEVEL": "debug", **(self.env or {})})
        line = self.process.child.stdout.readline()
        assert line.startswith("ready https://"), f"hub did not start: {line!r} {self.log.read_text()[-2000:]}"
        self.port = int(line.strip().rsplit(":", 1)[1])
        return self

    @property
    def rest(self):
        if self._rest is None or self._rest.port != self.port:
            self._rest = Rest(self.port, self.ca_file).sign_in()
        return self._rest

    def kill(self):
        self.process.kill()

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"hub ended with {code}: {self.log.read_text()[-3000:]}"

    def restart(self):
        self.kill()
        return self.start()

    def url(self):
        return f"https://localhost:{self.port}"

    def new_device(self, name):
        """Enrols a device over REST; (id, token)."""
        grant = self.rest.post("/enrolments", {"name": name})
        made = self.rest.post("/enrolments/redeem", {"token": grant["token"]})
        return made["device_id"], made["token"]

    def readings(self, device, series, start=0, end=None):
        """All readings of a series as (time, value), through the pages."""
        rows, cursor = [], None
        end = end or 4_000_000_000_000_000
        while True:
            path = f"/devices/{device}/series/{series}/readings?from={start}&to={end}"
            page = self.rest.get(path + (f"&cursor={cursor}" if cursor else ""))
            rows += [tuple(row) for row in page["rows"]]
            cursor = page["next"]
            if not cursor:
                return rows

    def close(self):
        if self.process and self.process.child.poll() is None:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Agent:
    """A device agent enrolled at a hub."""

    def __init__(self, hub, name, run_args=(), config=None, url=None, state=None, env=None):
        """`state`: a folder elsewhere, which stays; its log is beside it. `env`: of enrolling as well."""
        self.hub, self.name, self.run_args = hub, name, list(run_args)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agent-"))
        self.state = pathlib.Path(state) if state else self.folder
        self.log = self.folder / "agent.log"
        self.config = None
        if config:
            self.config = self.folder / "agent.toml"
            self.config.write_text(config)
        token = hub.rest.post("/enrolments", {"name": name})["token"]
        run(BIN / "device-agent", "enroll", url or hub.url(), "-", "--name", name, "--ca-sha256", hub.ca_sha256,
            "--state-dir", self.state, *(["--config", self.config] if config else []), stdin=token + "\n", env=env)
        known_secrets.note_pem(tomllib.loads((self.state / "credential.toml").read_text())["key_pem"])
        self.process, self.env = None, env

    def start(self):
        args = [BIN / "device-agent", "run", "--log-level", "debug", "--state-dir", self.state]
        if self.config:
            args += ["--config", self.config]
        # As systemd gives it: without one, status is written at most once a minute.
        env = {"RUNTIME_DIRECTORY": str(self.folder / "run"), **(self.env or {})}
        self.process = Process(args + self.run_args, self.log, env=env)
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"agent ended with {code}: {self.log.read_text()[-3000:]}"

    def close(self):
        if self.process and self.process.child.poll() is None:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self):
        """What the running agent says of itself; {} where it says nothing yet."""
        try:
            return json.loads((self.state / "status.json").read_text())
        except (OSError, ValueError):
            return {}


def drain(stream, into):
    """Reads a child's stream in a thread so that its pipe never fills."""
    thread = threading.Thread(target=lambda: into.extend(stream), daemon=True)
    thread.start()
    return thread
