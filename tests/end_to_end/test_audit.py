"""The audit trail: what is in it, that it cannot be edited unseen, and that it holds no secret."""
import csv
import io
import sqlite3
import unittest

from processes import BIN, PASSWORD, Hub, Rest, run, wait_until


def check(hub):
    return run(BIN / "telemetry-hub", "check", "--data-dir", hub.data, check=False)


class Audit(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)

    def entries(self, query=""):
        return self.hub.rest.get("/audit?limit=1000" + query)["entries"]

    def test_changes_by_people_programs_and_the_command_line_are_told_with_their_outcome(self):
        rest = self.hub.rest
        device, _ = self.hub.new_device("kitchen")
        rest.post("/users", {"username": "ann", "password": PASSWORD, "role": "operator", "groups": ["*"]})
        ann = Rest(self.hub.port, self.hub.ca_file).sign_in("ann")
        token = ann.post("/tokens", {"name": "script", "scopes": ["command"]})
        program = Rest(self.hub.port, self.hub.ca_file)
        asked = program.call("POST", "/api/v1/devices/kitchen/executions", {"command": "reboot"},
                             headers={"Authorization": "Bearer " + token["token"]})
        self.assertEqual(asked.status, 400, "it has declared no such command")
        self.assertEqual(ann.call("DELETE", "/api/v1/devices/kitchen").status, 403)
        self.assertEqual(Rest(self.hub.port, self.hub.ca_file).call("POST", "/api/v1/session", {"username": "ann", "password": "a wrong guess"}).status, 401)
        self.assertEqual(rest.call("DELETE", "/api/v1/devices/kitchen").status, 204)
        found = self.entries()
        self.assertEqual([one["sequence"] for one in found], list(range(len(found), 0, -1)), "numbered without holes")

        def one(action, **fields):
            matching = [entry for entry in found if entry["action"] == action and all(entry[k] == v for k, v in fields.items())]
            self.assertEqual(len(matching), 1, f"{action} {fields}: {matching}")
            return matching[0]

        begun = one("DELETE /api/v1/devices/{device}", status=0)
        self.assertEqual((begun["actor"], begun["credential"], begun["object"]), ("admin", "session", "device=kitchen"))
        self.assertIn("127.0.0.1", begun["address"].replace("::1", "127.0.0.1"))
        self.assertEqual(one("outcome", of=begun["sequence"])["status"], 204)
        self.assertEqual(one("DELETE /api/v1/devices/{device}", status=403)["actor"], "ann")
        self.assertEqual(one("POST /api/v1/devices/{device}/executions", status=0)["credential"], "token " + token["id"])
        made = one("POST /api/v1/users", status=0)
        self.assertEqual(made["detail"], {"username": "ann", "password": "(secret)", "role": "operator", "groups": ["*"]})
        guess = one("POST /api/v1/session", status=401)
        self.assertEqual((guess["actor"], guess["detail"]["username"]), ("", "ann"))
        self.assertEqual(one("POST /api/v1/session", actor="ann")["status"], 201)
        self.assertEqual(one("device enrolled")["object"], "device=" + device)
        self.assertEqual(one("user_add", status=0)["actor"], "command line")
        whole = self.hub.rest.call("GET", "/api/v1/audit?limit=1000").body.decode()
        for secret in (PASSWORD, token["token"], "a wrong guess", ann.cookie.split("=")[1]):
            self.assertNotIn(secret, whole)
        answer = check(self.hub)
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertIn(f"{len(found)} audit entries", answer.stdout)

    def test_it_is_filtered_paged_and_exported(self):
        for name in ("north", "south"):
            self.assertEqual(self.hub.rest.call("PUT", f"/api/v1/groups/{name}", {"tags": {"site": name}}).status, 201)
        self.assertEqual([one["object"] for one in self.entries("&action=groups&object=south")], ["group=south"])
        self.assertEqual(self.entries("&actor=nobody"), [])
        self.assertEqual(self.entries("&to=-1h"), [])
        pages, before = [], ""
        while True:
            page = self.hub.rest.get("/audit?limit=2" + before)
            pages += page["entries"]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        self.assertEqual([one["sequence"] for one in pages], [one["sequence"] for one in self.entries()])
        self.assertEqual(page["head"], {"sequence": pages[0]["sequence"], "hash": pages[0]["hash"]})
        answer = self.hub.rest.call("GET", "/api/v1/audit?limit=3&action=groups", headers={"Accept": "text/csv"})
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        self.assertEqual([row["object"] for row in rows], ["group=south", "group=north"])
        self.assertIsNone(answer.headers["Link"])
        answer = self.hub.rest.call("GET", "/api/v1/audit?action=groups&limit=1", headers={"Accept": "text/csv"})
        link = answer.headers["Link"].split("<")[1].split(">")[0]
        older = self.hub.rest.call("GET", link, headers={"Accept": "text/csv"}).body.decode()
        self.assertIn("group=north", older)
        self.assertNotIn("group=south", older)
        for wrong in ("limit=0", "limit=1&limit=2", "before=x", "from=yesterday", "who=ann"):
            self.assertEqual(self.hub.rest.call("GET", "/api/v1/audit?" + wrong).status, 400)

    def test_an_edited_row_is_found_by_check(self):
        self.hub.new_device("kitchen")
        self.hub.stop()
        self.assertEqual(check(self.hub).returncode, 0)
        for change, told in (("UPDATE audit SET actor = 'eve' WHERE sequence = 2", "entry 2 was changed"),
                             ("UPDATE audit SET actor = (SELECT 'admin') WHERE sequence = 2; DELETE FROM audit WHERE sequence = 3", "entries 3 to 3 were removed"),
                             ("DELETE FROM audit WHERE sequence > 1", "should end with entry")):
            with sqlite3.connect(self.hub.data / "hub.db") as db:
                db.executescript(change)
            answer = check(self.hub)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(told, answer.stdout)

    def test_outcomes_survive_an_orderly_stop(self):
        self.hub.rest.call("PUT", "/api/v1/groups/north", {"tags": {"site": "north"}})
        self.hub.stop()
        self.hub.start()
        begun = self.entries("&action=PUT")[0]
        self.assertEqual([one["status"] for one in self.entries() if one["of"] == begun["sequence"]], [201])

    def test_strangers_cannot_fill_it(self):
        self.entries()  # signs in before the account is tried too often from here
        stranger = Rest(self.hub.port, self.hub.ca_file)
        for _ in range(100):
            self.assertIn(stranger.call("POST", "/api/v1/session", {"username": "admin", "password": "guess guess"}).status, (401, 429))
        self.assertLess(len(self.entries("&action=session")), 80)


if __name__ == "__main__":
    unittest.main()
