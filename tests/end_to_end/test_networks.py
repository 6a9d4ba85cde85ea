"""The real agent in the networks people have: proxies, IPv6, captive portals, peers that vanish, and hubs gone mad."""
import pathlib
import signal
import tempfile
import time
import unittest

import known_secrets
from networks import ConnectProxy, MadHub, Portal, make_certificate
from processes import BIN, Agent, Hub, run, wait_until

# Without a runtime folder the status is written once a minute at most.
RUNTIME = {"RUNTIME_DIRECTORY": tempfile.mkdtemp(prefix="networks-run-")}
PASSWORD = "pr0xy:pass w%rd"
QUOTED = "pr0xy%3Apass%20w%25rd"


class Networks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().start()
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="networks-"))
        known_secrets.note(PASSWORD)
        known_secrets.note(QUOTED)

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()
        cls.hub.close()

    def proxy(self, **kw):
        made = ConnectProxy(**kw)
        self.addCleanup(made.close)
        return made

    def agent(self, name, proxy=None, user="", url=None, env=None):
        config = f'[hub]\nproxy = "http://{user}127.0.0.1:{proxy.port}"\n' if proxy else None
        made = Agent(self.hub, name, config=config, url=url, env={**RUNTIME, **(env or {})})
        self.addCleanup(made.close)
        return made

    def online(self, name):
        return self.hub.rest.get(f"/devices/{name}")["presence"] == "online"

    def waits_with(self, agent, words, deadline_s=None):
        state = lambda: agent.status().get("state", "")
        try:
            wait_until(lambda: state().startswith("waiting") and words in state(), words, deadline_s)
        except AssertionError:
            self.fail(f"expected {words!r}, the status says {agent.status()}")

    def test_enrolment_and_link_go_through_a_proxy_with_a_password(self):
        proxy = self.proxy(credentials="anna:" + PASSWORD)
        agent = self.agent("behind-proxy", proxy, f"anna:{QUOTED}@").start()
        wait_until(lambda: self.online("behind-proxy"), "the agent behind its proxy")
        self.assertEqual(set(proxy.asked), {f"localhost:{self.hub.port}"})
        self.assertGreaterEqual(proxy.tunnels, 2)
        wait_until(lambda: agent.status().get("link_address") == "proxy 127.0.0.1", "the status")
        self.assertIn("proxy 127.0.0.1", agent.log.read_text())
        agent.stop()  # searches its log for the password

    def test_the_environment_names_a_proxy_and_only_it_knows_the_hub_s_name(self):
        proxy = self.proxy(names={"hub.test": "127.0.0.1"})
        env = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "https_proxy": "", "no_proxy": "", "NO_PROXY": "other.test"}
        agent = self.agent("by-environment", url=f"https://hub.test:{self.hub.port}", env=env).start()
        wait_until(lambda: self.online("by-environment"), "the agent behind its proxy")
        self.assertEqual(set(proxy.asked), {f"hub.test:{self.hub.port}"})
        agent.stop()
        agent.env = {**RUNTIME, **env, "NO_PROXY": ".test"}
        agent.start()
        self.waits_with(agent, "DNS")
        agent.stop()

    def test_what_is_wrong_with_a_proxy_is_said(self):
        cases = {
            "HTTP/1.1 407 No\r\n\r\n": "wants a user and a password (407)",
            "HTTP/1.1 403 Forbidden\r\n\r\n": f"does not allow connections to localhost:{self.hub.port} (403)",
            "HTTP/1.1 502 Bad Gateway\r\n\r\n": f"cannot reach the hub at localhost:{self.hub.port} (502)",
            "SSH-2.0-OpenSSH_9.2p1\r\n": "does not answer as an HTTP proxy",
            "HTTP/1.1 200 OK\r\nX-Endless: " + "x" * 100_000: "does not answer as an HTTP proxy",
            "": "took the connection and did not answer in time",
        }
        agents = []
        for i, (answer, words) in enumerate(cases.items()):
            agent = self.agent(f"wrong-proxy-{i}")
            proxy = self.proxy(answer=answer.encode())
            agent.config = agent.state / "agent.toml"
            agent.config.write_text(f'[hub]\nproxy = "http://127.0.0.1:{proxy.port}"\n')
            agents.append((agent.start(), proxy, words))
        for agent, proxy, words in agents:
            self.waits_with(agent, f"the proxy 127.0.0.1:{proxy.port} {words}")
        for agent, _, _ in agents:
            begun = time.monotonic()
            agent.stop()
            self.assertLess(time.monotonic() - begun, 5)
        wrong = self.proxy(credentials="anna:other")
        done = run(BIN / "device-agent", "enroll", self.hub.url(), "-", "--ca-sha256", self.hub.ca_sha256, "--state-dir",
                   self.folder / "never", "--proxy", f"http://anna:{QUOTED}@127.0.0.1:{wrong.port}", stdin="token\n",
                   check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn("does not take the user and password it was given (407)", done.stderr)
        self.assertNotIn(QUOTED, done.stderr)

    def test_a_reload_brings_another_proxy(self):
        agent = self.agent("reloaded")
        agent.config = agent.state / "agent.toml"
        strict, kind = self.proxy(answer=b"HTTP/1.1 403 No\r\n\r\n"), self.proxy()
        agent.config.write_text(f'[hub]\nproxy = "http://127.0.0.1:{strict.port}"\n')
        agent.start()
        self.waits_with(agent, "does not allow connections")
        agent.config.write_text(f'[hub]\nproxy = "http://127.0.0.1:{kind.port}"\n')
        agent.process.child.send_signal(signal.SIGHUP)
        wait_until(lambda: self.online("reloaded"), "the agent behind the new proxy")
        agent.stop()

    def test_an_agent_that_is_connecting_stops_at_once(self):
        agent = self.agent("impatient")
        proxy = self.proxy(answer=b"")
        agent.config = agent.state / "agent.toml"
        agent.config.write_text(f'[hub]\nproxy = "http://127.0.0.1:{proxy.port}"\n')
        agent.start()
        wait_until(lambda: proxy.asked, "the CONNECT that nobody answers")
        begun = time.monotonic()
        agent.stop()
        self.assertLess(time.monotonic() - begun, 3)

    def test_a_peer_that_vanishes_without_a_word_is_noticed_and_nothing_is_lost(self):
        proxy = self.proxy()
        agent = self.agent("half-open", proxy).start()
        wait_until(lambda: agent.status().get("state") == "connected", "the agent behind its proxy")
        wait_until(lambda: "uptime" in str(self.hub.rest.get("/devices/half-open/series")), "its first readings")
        tunnels = proxy.tunnels
        proxy.swallows = True
        begun = time.time()
        wait_until(lambda: agent.status().get("link_last_error"), "the end of the silent link", 60)
        self.assertLess(time.time() - begun, 40)
        self.assertEqual(agent.status()["link_last_error"], "the hub has been silent for too long")
        proxy.swallows = False
        wait_until(lambda: proxy.tunnels > tunnels, "a new tunnel")
        def covered():
            times = [t for t, _ in self.hub.readings("half-open", "uptime") if t > begun * 1e6]
            return times and max(times) > (begun + 31) * 1e6 and all(b - a < 2.5e6 for a, b in zip(times, times[1:]))
        wait_until(covered, "all readings of the silence")
        agent.stop()

    def test_an_ipv6_literal_is_an_address(self):
        proxy = self.proxy()
        agent = self.agent("six", proxy, url=f"https://[::1]:{self.hub.port}").start()
        wait_until(lambda: self.online("six"), "the agent by IPv6")
        self.assertEqual(set(proxy.asked), {f"[::1]:{self.hub.port}"})
        agent.stop()
        agent.config = None
        agent.start()
        wait_until(lambda: agent.status().get("link_address") == "::1", "the agent by IPv6, straight ahead")
        agent.stop()


class Captive(unittest.TestCase):
    def test_a_captive_portal_is_named_hears_no_credential_and_is_outlived(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        agent = Agent(hub, "hotel", env=RUNTIME)
        self.addCleanup(agent.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="portal-"))
        hub.stop()
        agent.start()
        for certificate in (make_certificate(folder, "portal"), None):
            portal = Portal(hub.port, certificate)
            state = lambda: agent.status().get("state", "")
            why = "the certificate is not trusted" if certificate else "what answers does not speak TLS"
            wait_until(lambda: "a captive portal or proxy answers instead of the hub: " + why in state(), why)
            if certificate:
                self.assertEqual(portal.heard, b"", "not a byte through the portal's TLS")
            portal.close()
        hub.start()
        wait_until(lambda: hub.rest.get("/devices/hotel")["presence"] == "online", "the agent after the portal", 120)
        agent.stop()
        hub.stop()

    def test_a_hub_that_speaks_nonsense_is_told_so_and_tried_again(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mad-"))
        certificate = make_certificate(folder, "mad")
        hub = MadHub(certificate, [b"\x82\x7f" + (1 << 30).to_bytes(8, "big") + b"x" * 1000,  # a message of 1 GB
                                   b"\xff" * 64, b"\x82\x03\xff\xff\xff", b"\x81\x02hi", b"\x82\x00",
                                   b"\x82\x04\x12\x02\x0a\x00"])
        self.addCleanup(hub.close)
        agent = Agent.__new__(Agent)  # enrolled at nobody
        agent.state, agent.config, agent.run_args, agent.process, agent.env = folder, None, [], None, RUNTIME
        agent.folder, agent.log = folder, folder / "agent.log"
        known_secrets.note("a-token-of-no-hub")
        credential = folder / "credential.toml"
        credential.write_text(f'host = "localhost"\nport = {hub.port}\ndevice_id = "d"\ndevice_name = "d"\n'
                              f'token = "a-token-of-no-hub"\nca_pem = """\n{certificate[0].read_text()}"""\n')
        credential.chmod(0o600)
        agent.start()
        self.addCleanup(agent.close)
        wait_until(lambda: len(hub.codes) >= 4, "four sessions of nonsense", 60)
        self.assertEqual(hub.codes[:4], [1009, 1002, 1002, 1003], agent.log.read_text()[-3000:])
        wait_until(lambda: agent.status().get("link_attempts", 0) > 3, "the status")
        agent.stop()


if __name__ == "__main__":
    unittest.main()
