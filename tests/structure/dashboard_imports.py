#!/usr/bin/env python3
"""Fails when a folder of the dashboard imports against the direction below. `wire` stands alone: other people's programs use it.

A folder may import itself, what is named here, and the packages behind it.
"""
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "dashboard" / "src"

ALLOWED = {
    "wire": ({"gen"}, {"@bufbuild/protobuf"}),
    "state": ({"wire"}, set()),
    "text": ({"state", "wire"}, {"@preact/signals"}),
    "ui": ({"state", "text", "wire"}, {"preact", "@preact/signals", "uplot"}),
    "features": ({"app", "state", "text", "ui", "wire"}, {"preact", "@preact/signals", "wouter-preact"}),
    "app": ({"features", "state", "text", "ui", "wire"}, {"preact", "@preact/signals", "wouter-preact"}),
}
IMPORT = re.compile(
    r"""^(?:import|export)\b(?:[\w*{}\s,$]+?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]""", re.M)


def check(files):
    """(problems, imports seen) over {path in src: text}."""
    problems, seen = [], 0
    for path, text in files.items():
        own = path.split("/")[0]
        if own not in ALLOWED:
            continue
        folders, packages = ALLOWED[own]
        for name in map("".join, IMPORT.findall(text)):
            seen += 1
            if name.startswith("."):
                target = pathlib.PurePosixPath(path).parent
                for part in name.split("/"):
                    target = target.parent if part == ".." else target if part == "." else target / part
                if target.parts[0] != own and target.parts[0] not in folders:
                    problems.append(f"dashboard/src/{path}: {own} may not import {name}")
            elif not any(name == package or name.startswith(package + "/") for package in packages):
                problems.append(f"dashboard/src/{path}: {own} may not import the package {name}")
    return problems, seen


def self_test():
    """The check must be able to fail."""
    bad = {
        "wire/x.ts": "import { a } from '../state/fleet';\n",
        "wire/y.ts": "export { signal } from '@preact/signals';\n",
        "state/x.ts": "import type { LiveMessage } from '../gen/telemetry/v1/live_pb';\n",
        "ui/x.tsx": "const lazy = import('../features/device/charts');\n",
    }
    found, _ = check(bad)
    missing = [path for path in bad if not any(path in problem for problem in found)]
    good, _ = check({"wire/z.ts": "import { a } from '../gen/telemetry/v1/live_pb';\nimport { b } from './socket';\n",
                     "features/device/z.tsx": "import { c } from '../../ui/chart';\n"})
    return missing + good


def main():
    files = {str(path.relative_to(SOURCES)): path.read_text() for path in sorted(SOURCES.rglob("*"))
             if path.suffix in (".ts", ".tsx")}
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
