"""The agent's Debian package in a clean Debian 12: install, upgrade with an edited conffile, remove, purge. Completions, manual pages."""
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from processes import BIN, Hub, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What every package installation changes, whatever is installed.
ANY_PACKAGE = re.compile(r"^(var/(log|cache|lib/(dpkg|apt))|proc|sys|dev|tmp|run)(/|$)|^etc/(passwd|group|shadow|gshadow)-$|"
                         r"^etc/(ld\.so\.cache|subuid-|subgid-)$")
MANY_S = 600  # a shared machine, a mirror far away


def shell(*args, **kw):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=MANY_S, **kw)
    if done.returncode != 0:
        raise AssertionError(f"{args} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def snapshot(root):
    """{path: kind, mode, owner, content} of everything that only this package could have changed."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in names + files:
            path = pathlib.Path(folder) / name
            inside = str(path.relative_to(root))
            if ANY_PACKAGE.search(inside):
                continue
            about = path.lstat()
            content = ""
            if stat.S_ISLNK(about.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(about.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[inside] = (stat.filemode(about.st_mode), about.st_uid, about.st_gid, content)
    return found


@unittest.skipUnless(os.geteuid() == 0, "a clean root needs root")
class CleanRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="package-", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        agent = BIN / "device-agent"
        shell(ROOT / "deploy/package", "--no-install", "--agent", agent, "--arch", shell("dpkg", "--print-architecture").strip(),
              "--output", cls.folder, "--hub", "none", env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        cls.first, = cls.folder.glob("device-agent_*.deb")
        # The next version has another default configuration.
        speaker = cls.folder / "speaker"
        speaker.write_text(f'#!/bin/sh\n[ "$*" != "config default" ] || echo "# of the next version"\nexec {agent} "$@"\n')
        speaker.chmod(0o755)
        architecture = shell("dpkg-deb", "-f", cls.first, "Architecture").strip()
        shell(ROOT / "deploy/debian/make", agent, speaker, architecture, "99.0", cls.folder,
              env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        cls.second, = cls.folder.glob("device-agent_99.0_*.deb")
        needed = re.sub(r"\([^)]*\)| ", "", shell("dpkg-deb", "-f", cls.first, "Depends").strip())
        cls.base = cls.folder / "base"
        mirror = os.environ.get("TELEMETRY_DEBIAN_MIRROR", "http://deb.debian.org/debian")
        shell("mmdebstrap", "--quiet", "--variant=minbase", f"--include={needed}", "bookworm", cls.base, f"deb {mirror} bookworm main")

    def setUp(self):
        self.root = self.folder / "root"
        shell("cp", "-a", self.base, self.root)
        self.addCleanup(shutil.rmtree, self.root, True)
        self.addCleanup(lambda: [shell("umount", self.root / "proc")] if os.path.ismount(self.root / "proc") else None)
        shell("mount", "-t", "proc", "proc", self.root / "proc")
        for package in (self.first, self.second):
            shutil.copy(package, self.root / "var/cache")

    def inside(self, *args):
        return shell("chroot", self.root, *args, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                                                      "LC_ALL": "C"})

    def install(self, package, *options):
        self.inside("dpkg", *options, "-i", "/var/cache/" + package.name)

    def test_purge_leaves_nothing(self):
        before = snapshot(self.root)
        self.install(self.first)
        self.assertIn("device-agent", self.inside("device-agent", "--version"))
        self.assertEqual(self.inside("device-agent", "config", "check"), "ok\n")
        self.assertIn("uptime", self.inside("device-agent", "sensors", "list"))
        user = self.inside("getent", "passwd", "device-agent").strip()
        self.assertTrue(user.endswith(":/var/lib/device-agent:/usr/sbin/nologin"), user)
        state = self.root / "var/lib/device-agent"
        about = state.stat()
        self.assertEqual((stat.filemode(about.st_mode), str(about.st_uid)), ("drwx------", user.split(":")[2]))
        self.assertTrue((self.root / "etc/systemd/system/multi-user.target.wants/device-agent.service").is_symlink())
        added = set(snapshot(self.root)) - set(before)
        for part in ("usr/share/man/man1/device-agent.1.gz", "usr/share/man/man5/agent.toml.5.gz", "lib/systemd/system/device-agent.service",
                     "usr/share/bash-completion/completions/device-agent", "usr/share/zsh/vendor-completions/_device-agent",
                     "usr/share/fish/vendor_completions.d/device-agent.fish"):
            self.assertTrue(part in added or "usr/" + part in added, part)
        unit = (self.root / "lib/systemd/system/device-agent.service").read_text()
        self.assertIn("ExecStart=/usr/bin/device-agent run --state-dir /var/lib/device-agent\n", unit)
        self.assertIn("ConditionPathExists=/var/lib/device-agent/credential.toml\n", unit)
        self.assertNotIn("@", re.sub("SystemCallFilter=.*", "", unit), "nothing is left to fill in")
        (state / "credential.toml").write_text("this device\n")
        (state / "spool").mkdir()
        self.inside("dpkg", "-r", "device-agent")
        self.assertFalse((self.root / "usr/bin/device-agent").exists())
        self.assertEqual((state / "credential.toml").read_text(), "this device\n", "a removed package keeps the device's state")
        self.assertTrue((self.root / "etc/device-agent/agent.toml").exists())
        self.inside("dpkg", "-P", "device-agent")
        self.assertEqual({k: v for k, v in snapshot(self.root).items() if before.get(k) != v}, {})
        self.assertEqual(set(before) - set(snapshot(self.root)), set())

    def test_purge_of_an_installed_one_leaves_nothing_either(self):
        before = snapshot(self.root)
        self.install(self.first)
        self.inside("dpkg", "-P", "device-agent")
        self.assertEqual(snapshot(self.root), before)

    def test_an_edited_configuration_survives_the_upgrade(self):
        config = self.root / "etc/device-agent/agent.toml"
        self.install(self.first)
        self.assertNotIn("of the next version", config.read_text())
        state = (self.root / "var/lib/device-agent").stat()
        edited = config.read_text() + "# mine\n"
        config.write_text(edited)
        (config.parent / "agent.d/own.toml").write_text('[agent]\ninterval = "5s"\n')
        self.install(self.second, "--force-confdef")
        self.assertEqual(config.read_text(), edited)
        self.assertIn("of the next version", config.with_suffix(".toml.dpkg-dist").read_text())
        self.assertTrue((config.parent / "agent.d/own.toml").exists())
        self.assertEqual((self.root / "var/lib/device-agent").stat().st_uid, state.st_uid)
        self.assertEqual(self.inside("device-agent", "config", "check"), "ok\n")
        self.inside("dpkg", "-P", "device-agent")
        self.assertFalse(config.parent.exists())

    def test_root_enrols_for_the_user_of_the_service(self):
        self.install(self.first)
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        hub = Hub().start()
        self.addCleanup(hub.close)
        token = hub.rest.post("/enrolments", {"name": "greenhouse"})["token"]
        self.inside("device-agent", "enroll", hub.url(), token, "--ca-sha256", hub.ca_sha256, "--name", "greenhouse")
        state = self.root / "var/lib/device-agent"
        about = (state / "credential.toml").stat()
        self.assertEqual((stat.filemode(about.st_mode), about.st_uid), ("-rw-------", state.stat().st_uid))
        self.assertNotEqual(about.st_uid, 0)

    def test_an_untouched_configuration_follows_the_upgrade(self):
        self.install(self.first)
        self.install(self.second)
        self.assertIn("of the next version", (self.root / "etc/device-agent/agent.toml").read_text())

    def test_the_same_program_makes_the_same_package(self):
        again = self.folder / "again"
        again.mkdir()
        self.addCleanup(shutil.rmtree, again, True)
        agent = BIN / "device-agent"
        shell(ROOT / "deploy/package", "--no-install", "--agent", agent, "--arch", shell("dpkg", "--print-architecture").strip(),
              "--output", again, "--hub", "none", env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        self.assertEqual((again / self.first.name).read_bytes(), self.first.read_bytes())


class Usage(unittest.TestCase):
    def test_what_cannot_be_built_is_refused(self):
        for words in (["--arch", "armel"], ["--arch"], ["--colour"]):
            done = subprocess.run([ROOT / "deploy/package", *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)
        done = subprocess.run([ROOT / "deploy/package", "--no-install", "--arch", "arm64", "--agent", "/bin/true"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)


def help_of(program, path):
    return run(BIN / program, *path, "--help").stdout


def commands_of(text):
    part = text.split("Subcommands:\n")
    # A footer with examples may follow, after an empty line.
    return re.findall(r"^  ([a-z][a-z-]*) ", part[1].split("\n\n")[0], re.M) if len(part) > 1 else []


def every_command(program):
    """[(path, its --help)] of all, below each other."""
    pending, found = [()], []
    while pending:
        path = pending.pop()
        text = help_of(program, path)
        found.append((path, text))
        pending += [path + (name,) for name in commands_of(text)]
    return found


class HelpTexts(unittest.TestCase):
    def test_the_manual_pages_have_every_command_and_option(self):
        for program in ("device-agent", "telemetry-hub"):
            page = run(BIN / program, "man").stdout
            commands = every_command(program)
            self.assertGreater(len(commands), 8, program)
            for path, text in commands:
                if path:
                    self.assertIn('.SS "' + " ".join(path).replace("-", "\\-") + '"', page)
                for option in re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)", text, re.M):
                    self.assertIn("\\fB" + option.replace("-", "\\-") + "\\fR", page, f"{program} {path}")
            self.pages_are_clean(page)

    def test_the_page_of_the_configuration_has_every_key(self):
        page = run(BIN / "device-agent", "man", "agent.toml").stdout
        keys = re.findall(r"^(?:# )?([a-z_.]+) = ", run(BIN / "device-agent", "config", "default").stdout, re.M)
        self.assertGreater(len(keys), 3)
        for key in keys:
            self.assertIn(key, page)
        self.pages_are_clean(page)

    def pages_are_clean(self, page):
        done = subprocess.run(["man", "--warnings", "-l", "-"], input=page, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "MANROFFOPT": "-wall", "MANWIDTH": "120", "LC_ALL": "C.UTF-8"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def complete(self, program, *words):
        """What bash offers for the last of the words."""
        script = (f'source <({BIN / program} completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); '
                  f'_{program.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "-uc", script, "bash", program, *words], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.split()

    def test_bash_completes(self):
        for program in ("device-agent", "telemetry-hub"):
            for path, text in every_command(program):
                offered = self.complete(program, *path, "")
                for name in commands_of(text) + re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)", text, re.M):
                    self.assertIn(name, offered, f"{program} {path}")
        self.assertEqual(self.complete("device-agent", "sen"), ["sensors"])
        self.assertEqual(self.complete("device-agent", "run", "--log-level", "d"), ["debug"])
        self.assertEqual(self.complete("device-agent", "completion", "z"), ["zsh"])
        self.assertEqual(self.complete("device-agent", "run", "--config", "/etc/hostn"), ["/etc/hostname"])
        self.assertEqual(self.complete("device-agent", "run", "--state-dir", "/etc/ssl/cert"), ["/etc/ssl/certs"])

    def test_zsh_and_fish_read_theirs(self):
        for shell_name in ("zsh", "fish"):
            program = shutil.which(shell_name)
            for binary in ("device-agent", "telemetry-hub"):
                script = run(BIN / binary, "completion", shell_name).stdout
                self.assertIn("--log-level" if shell_name == "zsh" else "-l log-level", script)
                if program:
                    with tempfile.NamedTemporaryFile("w", suffix="." + shell_name) as file:
                        file.write(script)
                        file.flush()
                        self.assertEqual(run(program, "-n", file.name).stderr, "")
        self.assertEqual(run(BIN / "device-agent", "completion", "tcsh", check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
