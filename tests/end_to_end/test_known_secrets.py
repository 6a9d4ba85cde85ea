"""Every log of this run is searched for every secret of it (known_secrets.py); here: that the search finds one."""
import pathlib
import tempfile
import unittest

import known_secrets
from processes import Hub, Process


class LogsHoldNoSecrets(unittest.TestCase):
    def test_a_log_with_a_secret_ends_the_test_that_made_it(self):
        hub = Hub().start()
        self.addCleanup(hub.close)
        token = hub.rest.post("/enrolments", {})["token"]
        self.assertIn(token, known_secrets.known)
        self.assertIn(hub.rest.cookie.split("=")[1], known_secrets.known)
        key_line = (hub.data / "tls" / "ca.key").read_text().splitlines()[1]
        self.assertIn(key_line, known_secrets.known)
        with tempfile.TemporaryDirectory() as folder:
            self.addCleanup(known_secrets.forget_logs, folder)
            for said, found in ((f"GET /?t={token}", True), (key_line, True), ("all is well", False)):
                log = pathlib.Path(folder) / "log"
                log.unlink(missing_ok=True)
                process = Process(["sh", "-c", 'printf "%s\\n" "$1" >&2', "sh", said], log)
                process.child.wait()
                if found:
                    with self.assertRaisesRegex(AssertionError, "holds the secret"):
                        process.kill()
                else:
                    process.kill()


if __name__ == "__main__":
    unittest.main()
