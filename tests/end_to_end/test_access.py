"""Who may do what: every call of the API for every kind of user on every kind of object, generated from openapi.json
and the table of routes it describes; then live streams, tokens, invitations, passwords."""
import asyncio
import itertools
import json
import tempfile
import unittest

from device_client import Closed, Device, body
from processes import BIN, PASSWORD, Hub, MovableClock, Rest, run, wait_until
from test_live import Viewer

HOUSE, YARD = "house", "yard"
ROLES = ["viewer", "operator", "admin"]
GROUPS = {"none": [], "own": [HOUSE], "every": ["*"]}
RULE = {"severity": "info", "for": "0s", "condition": {"series": "temperature", "above": 50}, "clear": 50}


class World:
    """kitchen is in the group house, shed in yard, attic in none; each has an execution, a rule and a firing alert."""

    def __init__(self):
        self.hub = Hub().start()
        rest = self.hub.rest
        self.tokens = {}
        for group in (HOUSE, YARD):
            assert rest.call("PUT", f"/api/v1/groups/{group}", {"tags": {"part": group}}).status == 201
        for device, group in (("kitchen", HOUSE), ("shed", YARD), ("attic", None)):
            _, self.tokens[device] = self.hub.new_device(device)
            if group:
                assert rest.call("PATCH", f"/api/v1/devices/{device}", {"tags": {"part": group}}).status == 200
        self.rules = {device: rest.post("/alert-rules", {**RULE, "name": device, "scope": {"devices": [device]}})["id"]
                      for device in ("kitchen", "shed")}
        asyncio.run(self.speak())
        self.executions = {device: rest.post(f"/devices/{device}/executions", {"command": "reboot"})["id"] for device in ("kitchen", "shed")}
        self.alerts = {}
        for device in ("kitchen", "shed"):
            found = wait_until(lambda: [a for a in rest.get("/alerts")["alerts"] if a["device_name"] == device], f"the alert of {device}")
            self.alerts[device] = found[0]["id"]

    async def speak(self):
        for device, token in self.tokens.items():
            link = Device(self.hub, token)
            hello = link.hello()
            hello.commands.add(name="reboot", title="Reboot")
            await link.connect(hello)
            await link.frame(1, body([99.0]))
            await link.acked(1)
            await link.close()

    def user(self, name, role, groups):
        self.hub.rest.post("/users", {"username": name, "password": PASSWORD, "role": role, "groups": groups})
        return Rest(self.hub.port, self.hub.ca_file).sign_in(name)

    def with_token(self, person, scopes, **more):
        made = person.post("/tokens", {"name": "test", "scopes": scopes, **more})
        return WithToken(self.hub, made["token"]), made


class WithToken(Rest):
    def __init__(self, hub, token):
        super().__init__(hub.port, hub.ca_file)
        self.token = token

    def call(self, method, path, body=None, headers=None):
        return super().call(method, path, body, {"Authorization": "Bearer " + self.token, **(headers or {})})


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.hub.close)
        cls.api = cls.world.hub.rest.get("/openapi.json")["paths"]

    def calls(self):
        """(method, template, call) of everything that the API describes."""
        for path, entry in self.api.items():
            for method, call in entry.items():
                if method in ("get", "put", "post", "patch", "delete"):
                    yield method.upper(), path, call

    def path_of(self, template, device):
        world = self.world
        names = {"device": device, "series": "temperature", "execution": world.executions[device], "rule": world.rules[device],
                 "alert": world.alerts[device], "group": {"kitchen": HOUSE, "shed": YARD}[device],
                 "user": "nobody-there", "token": "t-none", "invitation": "i-none", "request": "q-none"}
        for name, value in names.items():
            template = template.replace("{" + name + "}", value)
        if template.endswith("/live/sse"):
            template += "?series=none&from=1&to=2"  # ends by itself
        if template.endswith("/live/poll"):
            template += "?wait=0"
        if template.endswith("/readings") and "series" not in template:
            template += "?width=10"
        if template.endswith("/readings") or template.endswith("?width=10") or template.endswith("/gaps"):
            template += ("&" if "?" in template else "?") + "from=0&to=4000000000000000"
        return template

    @staticmethod
    def is_about_a_device(template):
        return any("{" + one + "}" in template for one in ("device", "execution", "rule", "alert", "group"))

    @staticmethod
    def attempt(rest, method, path):
        """What changes something is sent so that it changes nothing where it is allowed: an empty body, a stale version."""
        if method == "GET":
            return rest.call(method, path)
        if method == "DELETE":
            return rest.call(method, path, headers={"If-Match": '"0"'})
        return rest.call(method, path, {"nothing": "of this name"}, headers={"If-Match": '"0"'})

    def test_every_call_for_every_role_and_group_on_own_and_other_objects(self):
        checked = 0
        for role, (kind, groups) in itertools.product(ROLES, GROUPS.items()):
            rest = self.world.user(f"{role}-{kind}", role, groups)
            for method, template, call in self.calls():
                needed = call.get("x-role")
                if not needed:
                    continue
                for device in ("kitchen", "shed") if self.is_about_a_device(template) else ("kitchen",):
                    may = ROLES.index(role) >= ROLES.index(needed)
                    if may and method == "DELETE" and ("{device}" in template or "{group}" in template):
                        continue  # would remove it; below
                    sees = role == "admin" or kind == "every" or (kind == "own" and device == "kitchen")
                    status = self.attempt(rest, method, self.path_of(template, device)).status
                    with self.subTest(role=role, groups=kind, call=f"{method} {template}", device=device):
                        checked += 1
                        if not may:
                            self.assertEqual(status, 403)
                        elif self.is_about_a_device(template) and not sees:
                            # A rule and a note are read before the object is looked for: 400 tells nothing of it.
                            self.assertIn(status, (404,) if method in ("GET", "DELETE") else (404, 400))
                        else:
                            self.assertNotIn(status, (401, 403))
                            if self.is_about_a_device(template):
                                self.assertNotEqual(status, 404)
        self.assertGreater(checked, 500)
        for device in ("kitchen", "shed"):
            self.assertEqual(self.world.hub.rest.call("GET", f"/api/v1/devices/{device}").status, 200)
            self.assertEqual(self.world.hub.rest.call("GET", f"/api/v1/alert-rules/{self.world.rules[device]}").status, 200)

    def test_nobody_a_device_and_a_wrong_token_get_nowhere(self):
        hub = self.world.hub
        stranger = Rest(hub.port, hub.ca_file)
        for method, template, call in self.calls():
            if call.get("security") == []:
                continue
            path = self.path_of(template, "kitchen")
            for headers in ({}, {"Authorization": "Bearer " + self.world.tokens["kitchen"]}, {"Authorization": "Bearer thub_x"},
                            {"Authorization": "Basic YWRtaW46"}, {"Cookie": "hub_session=nobody"}):
                with self.subTest(call=f"{method} {template}", headers=headers):
                    answer = stranger.call(method, path, None if method == "GET" else {}, headers=headers)
                    self.assertEqual(answer.status, 401)
                    self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")

    def test_lists_have_what_the_caller_may_see_one_many_none_or_all(self):
        rest = self.world.user("lister", "viewer", [HOUSE])
        nobody = self.world.user("outsider", "viewer", [])
        both = self.world.user("both", "viewer", [HOUSE, YARD])
        for who, seen in ((rest, {"kitchen"}), (nobody, set()), (both, {"kitchen", "shed"}), (self.world.hub.rest, {"kitchen", "shed", "attic"})):
            ids = {device["id"]: device["name"] for device in self.world.hub.rest.get("/devices")["devices"]}
            theirs = {device["name"] for device in who.get("/devices")["devices"]} - {"van"}  # of another test
            self.assertEqual(theirs, seen)
            latest = lambda query: {ids[row[0]] for row in who.get("/latest" + query)["rows"]} - {"van"}
            self.assertEqual(latest(""), seen)
            self.assertEqual(latest("?device=shed"), seen & {"shed"})
            self.assertEqual(latest("?device=kitchen,shed,none"), seen & {"kitchen", "shed"})
            self.assertEqual({alert["device_name"] for alert in who.get("/alerts")["alerts"]}, seen & {"kitchen", "shed"})
            self.assertEqual({rule["name"] for rule in who.get("/alert-rules")["rules"]}, seen & {"kitchen", "shed"})
            parts = {"kitchen": HOUSE, "shed": YARD}
            self.assertEqual({group["name"] for group in who.get("/groups")["groups"]} - {"road"}, {parts[device] for device in seen if device in parts})
        pages, after = [], ""
        while after is not None:
            page = both.get(f"/devices?limit=1&after={after}")
            pages.append([device["name"] for device in page["devices"]])
            after = page["next"]
        self.assertEqual(pages, [["kitchen"], ["shed"]], "a page is never empty because of what others own")

    def test_an_operator_bound_by_groups_rules_over_their_own_devices_only(self):
        rest = self.world.user("keeper", "operator", [HOUSE])
        rule = {**RULE, "condition": {"series": "humidity", "above": 1}, "clear": 1}
        for scope, status in (({}, 403), ({"devices": []}, 403), ({"devices": ["shed"]}, 400), ({"devices": ["kitchen", "shed"]}, 400)):
            answer = rest.call("POST", "/api/v1/alert-rules", {**rule, "name": "mine", "scope": scope})
            self.assertEqual(answer.status, status, answer.body)
        unknown = rest.call("POST", "/api/v1/alert-rules", {**rule, "name": "mine", "scope": {"devices": ["none"]}})
        hidden = rest.call("POST", "/api/v1/alert-rules", {**rule, "name": "mine", "scope": {"devices": ["shed"]}})
        self.assertEqual(unknown.json["detail"].replace("none", "shed"), hidden.json["detail"], "nobody learns what there is")
        made = rest.post("/alert-rules", {**rule, "name": "mine", "scope": {"devices": ["kitchen"]}})
        wide = self.world.hub.rest.post("/alert-rules", {**rule, "name": "everywhere", "scope": {}})
        self.assertIn("everywhere", {one["name"] for one in rest.get("/alert-rules")["rules"]})
        for target, status in ((made["id"], 204), (wide["id"], 403), (self.world.rules["shed"], 404)):
            self.assertEqual(rest.call("DELETE", f"/api/v1/alert-rules/{target}").status, status)
        self.assertEqual(self.world.hub.rest.call("DELETE", f"/api/v1/alert-rules/{wide['id']}").status, 204)

    def test_rights_change_at_once_also_for_live_streams(self):
        hub = self.world.hub
        rest = self.world.user("mover", "viewer", [HOUSE])
        viewer = Viewer(hub, "--series", "*", cookie=rest.cookie)
        self.addCleanup(viewer.end)
        viewer.live()
        self.assertEqual({one["device"] for told in viewer.all("subscribed") for one in told["series"]}, {rest.get("/devices")["devices"][0]["id"]})
        changed = hub.rest.call("PATCH", "/api/v1/users/mover", {"groups": [YARD], "role": "operator"})
        self.assertEqual((changed.status, changed.json["groups"], changed.json["role"]), (200, [YARD], "operator"))
        self.assertEqual([device["name"] for device in rest.get("/devices")["devices"]], ["shed"])
        viewer.until(lambda v: v.all("closed", code=4202), "the close for other rights")
        for wrong, field in (({}, "/role"), ({"role": "king"}, "/role"), ({"groups": ["nowhere"]}, "/groups/0"), ({"groups": "house"}, "/groups")):
            refused = hub.rest.call("PATCH", "/api/v1/users/mover", wrong)
            self.assertEqual((refused.status, refused.json["field"]), (400, field))

    def test_signing_out_closes_the_live_stream(self):
        hub = self.world.hub
        rest = self.world.user("leaver", "viewer", ["*"])
        viewer = Viewer(hub, "--series", "*", cookie=rest.cookie)
        self.addCleanup(viewer.end)
        viewer.live()
        self.assertEqual(rest.call("DELETE", "/api/v1/session").status, 204)
        viewer.until(lambda v: v.all("closed", code=4001), "the close")

    def test_what_expires_closes_its_live_stream(self):
        with tempfile.TemporaryDirectory() as folder:
            clock = MovableClock(folder)
            hub = Hub(env=clock.env).start()
            self.addCleanup(hub.close)
            hub.new_device("kitchen")
            token = hub.rest.post("/tokens", {"name": "short", "scopes": ["read"], "ttl": "5m"})["token"]
            person = Viewer(hub, "--series", "*", cookie=hub.rest.cookie)
            self.addCleanup(person.end)
            program = Viewer(hub, "--series", "*", "--token", token, cookie="")
            self.addCleanup(program.end)
            for viewer in (person, program):
                viewer.live()
            clock.put("+10m")
            program.until(lambda v: v.all("closed", code=4001), "the end of the token")
            self.assertFalse(person.all("closed"))
            clock.put("+400d")
            person.until(lambda v: v.all("closed", code=4001), "the end of the session")

    def test_own_password_ends_the_other_sessions(self):
        hub = self.world.hub
        here = self.world.user("changer", "viewer", [])
        elsewhere = Rest(hub.port, hub.ca_file).sign_in("changer")
        wrong = here.call("PUT", "/api/v1/session/password", {"old_password": "not it at all", "new_password": "something else"})
        self.assertEqual((wrong.status, wrong.json["field"]), (403, "/old_password"))
        self.assertEqual(here.call("PUT", "/api/v1/session/password", {"old_password": PASSWORD, "new_password": "something else"}).status, 204)
        self.assertEqual(here.call("GET", "/api/v1/session").status, 200)
        self.assertEqual(elsewhere.call("GET", "/api/v1/session").status, 401)
        Rest(hub.port, hub.ca_file).sign_in("changer", "something else")
        self.assertEqual(hub.rest.call("PUT", "/api/v1/users/changer/password", {"password": "given by the admin"}).status, 204)
        self.assertEqual(here.call("GET", "/api/v1/session").status, 401)
        Rest(hub.port, hub.ca_file).sign_in("changer", "given by the admin")

    def test_the_last_admin_stays_one(self):
        rest = self.world.hub.rest
        for method, path, what in (("PATCH", "/users/admin", {"role": "viewer"}), ("DELETE", "/users/admin", None)):
            others = [user["name"] for user in rest.get("/users")["users"] if user["role"] == "admin" and user["name"] != "admin"]
            for other in others:
                self.assertEqual(rest.call("DELETE", f"/api/v1/users/{other}").status, 204)
            self.assertEqual(rest.call(method, "/api/v1" + path, what).status, 409)

    def test_a_token_may_what_its_scopes_and_its_user_may(self):
        world = self.world
        person = world.user("programmer", "operator", [HOUSE])
        needs = {"read": ("GET", "/api/v1/devices/kitchen"), "command": ("POST", "/api/v1/devices/kitchen/executions"),
                 "admin": ("POST", "/api/v1/alert-rules")}
        for scopes in (["read"], ["command"], ["admin"], ["ingest"], ["read", "command"]):
            program, made = world.with_token(person, scopes)
            self.assertEqual(made["scopes"], [one for one in ("read", "ingest", "command", "admin") if one in scopes])
            for scope, (method, path) in needs.items():
                status = self.attempt(program, method, path).status
                with self.subTest(scopes=scopes, call=path):
                    self.assertEqual(status == 403, not (scope in scopes or "admin" in scopes), status)
            # Rights above the user's, other people's devices, and what only a person may.
            self.assertIn(program.call("GET", "/api/v1/users").status, (403,))
            self.assertIn(program.call("GET", "/api/v1/devices/shed").status, (403, 404))
            for method, path in (("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens"), ("PUT", "/api/v1/session/password"), ("DELETE", "/api/v1/session")):
                self.assertEqual(program.call(method, path, None if method == "GET" else {}).status, 403)
            self.assertEqual(program.get("/session")["user"]["name"], "programmer")
        self.assertEqual({token["name"] for token in person.get("/tokens")["tokens"]}, {"test"})
        self.assertNotIn("thub_", json.dumps(person.get("/tokens")))
        for wrong, field in (({"scopes": ["read"]}, "/name"), ({"name": "x", "scopes": []}, "/scopes"), ({"name": "x", "scopes": ["root"]}, "/scopes/0"),
                             ({"name": "x", "scopes": ["read"], "ttl": "1s"}, "/ttl")):
            refused = person.call("POST", "/api/v1/tokens", wrong)
            self.assertEqual((refused.status, refused.json["field"]), (400, field))

    def test_a_removed_token_ends_with_its_live_stream_and_others_cannot_remove_it(self):
        world = self.world
        person = world.user("owner", "viewer", ["*"])
        other = world.user("other", "viewer", ["*"])
        program, made = world.with_token(person, ["read"], ttl="1h")
        viewer = Viewer(world.hub, "--series", "*", "--token", program.token, cookie="")
        self.addCleanup(viewer.end)
        viewer.live()
        self.assertEqual(other.call("DELETE", f"/api/v1/tokens/{made['id']}").status, 404)
        self.assertEqual(other.get("/tokens"), {"tokens": []})
        self.assertIn(made["id"], {token["id"] for token in world.hub.rest.get("/tokens")["tokens"]}, "an admin sees everybody's")
        self.assertEqual(person.call("DELETE", f"/api/v1/tokens/{made['id']}").status, 204)
        self.assertEqual(program.call("GET", "/api/v1/devices").status, 401)
        viewer.until(lambda v: v.all("closed", code=4001), "the close")

    def test_a_ticket_opens_one_live_stream_and_ends_with_its_sign_in(self):
        world = self.world
        person = world.user("ticketed", "viewer", ["*"])
        made = person.post("/tickets", {})["ticket"]
        viewer = Viewer(world.hub, "--series", "*", "--ticket", made, cookie="")
        self.addCleanup(viewer.end)
        viewer.live()
        for wrong in (made, "nonsense"):
            other = Viewer(world.hub, "--series", "*", "--ticket", wrong, cookie="")
            self.addCleanup(other.end)
            other.until(lambda v: v.all("refused", status=401), "the refusal")
        # The ticket stands for itself: a cookie beside a wrong one does not mend it.
        other = Viewer(world.hub, "--series", "*", "--ticket", "nonsense")
        self.addCleanup(other.end)
        other.until(lambda v: v.all("refused", status=401), "the refusal")
        self.assertEqual(person.call("DELETE", "/api/v1/session").status, 204)
        viewer.until(lambda v: v.all("closed", code=4001), "the close")

    def test_a_token_with_ingest_sends_for_the_devices_of_its_user(self):
        world = self.world
        self.assertEqual(world.hub.rest.call("PUT", "/api/v1/groups/road", {"tags": {"part": "road"}}).status, 201)
        person = world.user("gateway", "operator", ["road"])
        program, made = world.with_token(person, ["ingest"])
        reader, _ = world.with_token(person, ["read", "command", "admin"])
        world.hub.new_device("van")
        self.assertEqual(world.hub.rest.call("PATCH", "/api/v1/devices/van", {"tags": {"part": "road"}}).status, 200)

        async def talk():
            link = await Device(world.hub, program.token, device="van").connect()
            self.assertEqual(link.welcome.device_name, "van")
            await link.frame(1, body([7.0]))
            await link.acked(1)
            for token, device, status in ((program.token, "shed", 404), (program.token, "none", 404), (program.token, None, 400), (reader.token, "van", 403)):
                with self.assertRaises(Exception) as refused:
                    await Device(world.hub, token, device=device).connect()
                self.assertIn(f"HTTP {status}", str(refused.exception))
            person.call("DELETE", f"/api/v1/tokens/{made['id']}")
            self.assertEqual((await link.closed()).code, 4001)

        asyncio.run(talk())
        self.assertEqual([value for _, value in world.hub.readings("van", "temperature")], [7.0])

    def test_an_invitation_makes_one_user(self):
        world = self.world
        made = world.hub.rest.post("/invitations", {"role": "operator", "groups": [HOUSE], "ttl": "1h"})
        self.assertTrue(made["url"].endswith("/#/invitation/" + made["token"]))
        self.assertEqual([one["id"] for one in world.hub.rest.get("/invitations")["invitations"]], [made["id"]])
        guest = Rest(world.hub.port, world.hub.ca_file)
        self.assertEqual(guest.post("/invitations/look", {"token": made["token"]})["role"], "operator")
        taken = guest.call("POST", "/api/v1/invitations/accept", {"token": made["token"], "username": "admin", "password": PASSWORD})
        self.assertEqual((taken.status, taken.json["field"]), (409, "/username"))
        user = guest.post("/invitations/accept", {"token": made["token"], "username": "guest", "password": PASSWORD})["user"]
        self.assertEqual((user["role"], user["groups"]), ("operator", [HOUSE]))
        self.assertEqual([device["name"] for device in guest.get("/devices?limit=1")["devices"]], ["kitchen"])
        for path in ("look", "accept"):
            again = guest.call("POST", f"/api/v1/invitations/{path}", {"token": made["token"], **({"username": "eve", "password": PASSWORD} if path == "accept" else {})})
            self.assertEqual(again.status, 410)
        withdrawn = world.hub.rest.post("/invitations", {"role": "viewer"})
        self.assertEqual(world.hub.rest.call("DELETE", f"/api/v1/invitations/{withdrawn['id']}").status, 204)
        self.assertEqual(guest.call("POST", "/api/v1/invitations/look", {"token": withdrawn["token"]}).status, 410)


class CommandLine(unittest.TestCase):
    def test_rights_are_given_and_said(self):
        hub = Hub()
        self.addCleanup(hub.close)
        password = hub.folder / "password"
        tool = lambda *args: run(BIN / "telemetry-hub", "user", *args, "--data-dir", hub.data)
        added = tool("add", "ann", "--password-file", password)
        self.assertEqual(added.stdout, "ann viewer\n")
        self.assertIn("sees no device", added.stderr)
        changed = tool("rights", "ann", "--role", "operator", "--groups", "house,yard")
        self.assertEqual((changed.stdout, changed.stderr), ("ann operator house,yard\n", ""))
        self.assertEqual(tool("rights", "ann", "--groups", "").stdout, "ann operator\n")
        self.assertEqual(tool("rights", "ann", "--groups", "*").stdout, "ann operator *\n")
        self.assertIn("ann                      operator *\n", tool("list").stdout)
        last = run(BIN / "telemetry-hub", "user", "rights", "admin", "--role", "viewer", "--data-dir", hub.data, check=False)
        self.assertEqual(last.returncode, 5)
        self.assertIn("last admin", last.stderr)


if __name__ == "__main__":
    unittest.main()
