#!/usr/bin/env python3
"""Fails when an include goes against the direction of the folders, or Beast leaves its two files.

The list below is the architecture: a folder may include itself and what stands behind it, nothing else.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

BASE = ["proto/base"]
WIRE = BASE + ["proto/wire", "proto/telemetry"]
RULES = WIRE + ["proto/rules"]
CORE = RULES + ["hub/core"]
STORAGE = CORE + ["hub/storage"]
DEVICES = STORAGE + ["hub/devices"]
IDENTITY = STORAGE + ["hub/identity"]
MIDDLE = DEVICES + ["hub/identity"]
INGEST = MIDDLE + ["hub/commands", "hub/alerts", "hub/ingest"]
AGENT = RULES

ALLOWED = {
    "proto/base": BASE,
    "proto/wire": WIRE,
    "proto/rules": RULES,
    "proto/cli": ["proto/cli"],
    "hub/core": CORE,
    "hub/certificates": CORE + ["hub/certificates"],
    "hub/storage": STORAGE,
    "hub/devices": DEVICES,
    "hub/identity": IDENTITY,
    "hub/audit": STORAGE + ["hub/audit"],
    "hub/live": MIDDLE + ["hub/live"],
    "hub/commands": MIDDLE + ["hub/commands"],
    "hub/alerts": MIDDLE + ["hub/alerts"],
    "hub/ingest": INGEST,
    "hub/web": INGEST + ["hub/audit", "hub/live", "hub/web"],
    "hub/extension": STORAGE + ["hub/extension"],
    "hub/tools": INGEST + ["hub/audit", "hub/live", "hub/web", "hub/tools"],
    "hub": INGEST + ["proto/cli"] + ["hub/audit", "hub/live", "hub/web", "hub/tools", "hub/certificates", "hub"],
    "device-agent/process": BASE + ["device-agent/process"],
    "device-agent/sensors": AGENT + ["device-agent/sensors"],
    "device-agent/reports": AGENT + ["device-agent/sensors", "device-agent/process", "device-agent/reports"],
    "device-agent/spool": AGENT + ["device-agent/spool"],
    "device-agent/link": AGENT + ["device-agent/spool", "device-agent/link"],
    "device-agent/commands": AGENT + ["device-agent/process", "device-agent/commands"],
    "device-agent/rules": AGENT + ["device-agent/rules"],
    "device-agent/gpio": AGENT + ["device-agent/sensors", "device-agent/gpio"],
    "device-agent/config": AGENT + ["device-agent/sensors", "device-agent/reports", "device-agent/process",
                                    "device-agent/commands", "device-agent/rules", "device-agent/gpio",
                                    "device-agent/config"],
    "device-agent": AGENT + ["proto/cli", "device-agent", "device-agent/sensors", "device-agent/spool",
                             "device-agent/link", "device-agent/commands", "device-agent/rules", "device-agent/config",
                             "device-agent/process", "device-agent/reports", "device-agent/gpio"],
}
# The composition root, and the programs that work on a data folder's files without a hub.
MAY_NAME_ENGINES = {"hub", "hub/tools", "hub/extension"}
BEAST_FILES = {"proto/wire/http.cpp", "proto/wire/websocket.cpp"}
BEAST_PRIVATE_HEADER = re.compile(r"^proto/wire/[a-z_]+\.ipp$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def folder_of(path):
    """The longest known folder a path lies in."""
    parts = path.split("/")
    for n in range(len(parts) - 1, 0, -1):
        candidate = "/".join(parts[:n])
        if candidate in ALLOWED or candidate == "proto/telemetry":
            return candidate
    return None


def included_path(name):
    """Where an include points in the tree; None: a third party's."""
    if name.startswith(("base/", "wire/", "rules/", "cli/", "telemetry/")):
        return "proto/" + name
    if name.startswith(("hub/", "device-agent/", "tests/")):
        return name
    return None


def check(files):
    """(problems, includes seen) over {path: text}."""
    problems, seen = [], 0
    for path, text in files.items():
        own = folder_of(path)
        if own is None:
            continue
        for quote, name in INCLUDE.findall(text):
            seen += 1
            if name.startswith("boost/beast") and path not in BEAST_FILES and not BEAST_PRIVATE_HEADER.match(path):
                problems.append(f"{path}: includes {name}; Beast stays in {', '.join(sorted(BEAST_FILES))}")
            target = included_path(name)
            if target is None:
                if quote == '"':
                    problems.append(f'{path}: "{name}" does not start at the root of the tree')
                continue
            if target.startswith("tests/"):
                problems.append(f"{path}: product code includes {name}")
                continue
            folder = folder_of(target)
            if folder not in ALLOWED[own]:
                problems.append(f"{path}: {own} may not include {name} ({folder})")
            if target.startswith("hub/storage/sqlite/") and own not in MAY_NAME_ENGINES and \
                    not path.startswith("hub/storage/sqlite/"):
                problems.append(f"{path}: only the composition root and what works on files names an engine ({name})")
    return problems, seen


def self_test():
    """The check must be able to fail."""
    bad = {
        "hub/core/x.h": '#include "hub/web/web_server.h"\n',
        "hub/live/x.cpp": '#include "hub/storage/sqlite/database.h"\n',
        "device-agent/link/x.cpp": '#include "hub/core/ids.h"\n',
        "hub/web/x.cpp": "#include <boost/beast/http.hpp>\n",
    }
    found, _ = check(bad)
    missing = [path for path in bad if not any(p.startswith(path) for p in found)]
    good, _ = check({"hub/web/y.cpp": '#include "hub/core/ids.h"\n', "hub/app.cpp": '#include "hub/storage/sqlite/database.h"\n'})
    return missing + good


def main():
    files = {}
    for folder in ("proto", "hub", "device-agent"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".ipp"):
                files[str(path.relative_to(ROOT))] = path.read_text()
    passed = failed = 0
    broken = self_test()
    if broken:
        print("the check itself is broken:", broken)
        failed += 1
    else:
        passed += 1
    problems, seen = check(files)
    for problem in problems:
        print(problem)
    if problems or seen < 100:
        failed += 1
    else:
        passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
