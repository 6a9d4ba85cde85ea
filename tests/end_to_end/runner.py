"""Runs the unittest modules of this folder, several at once, and closes with "N passed, N failed".

Each module is a process of its own and its output is printed whole when it ends. Modules have their own hubs, ports and folders; those
in ALONE measure how the hub stands up to load, so nothing else runs beside them."""
import concurrent.futures
import fnmatch
import logging
import os
import pathlib
import re
import subprocess
import sys
import unittest

ALONE = {"test_kill_loop", "test_limits"}
FIRST = ("test_package", "test_spool", "test_networks")  # the longest, so that none of them is left over at the end
HERE = pathlib.Path(__file__).resolve().parent
LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def run_module(name):
    """In this process. The exit code."""
    import known_secrets
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # unittest turns its debug mode on: every slow step would be told
    suite = unittest.defaultTestLoader.discover(str(HERE), pattern=name + ".py")
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    # One test may fail in several subtests.
    passed = max(0, result.testsRun - bad - len(result.skipped))
    if result.testsRun == 0:
        bad += 1
    try:
        print(f"{known_secrets.check_all()} logs searched for {len(known_secrets.known)} secrets")
    except AssertionError as found:
        print(f"FAIL: {found}")
        bad += 1
    print(f"{passed} passed, {bad} failed", flush=True)
    return 0 if bad == 0 else 1


def run_child(name):
    """What it printed, and how many passed and failed. A module that dies has failed once more."""
    done = subprocess.run([sys.executable, __file__, "--module", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    counts = LAST_LINE.findall(done.stdout)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    if done.returncode != 0 and failed == 0:
        failed = 1
    return done.stdout, passed, failed


def main():
    if sys.argv[1:2] == ["--module"]:
        return run_module(sys.argv[2])
    patterns = (sys.argv[1] if len(sys.argv) > 1 else "test_*").split(",")
    names = sorted(path.stem for path in HERE.glob("*.py") if any(fnmatch.fnmatch(path.stem, one) for one in patterns))
    passed = failed = 0
    missing = [one for one in patterns if not fnmatch.filter(names, one)]
    for one in missing:
        print(f"FAIL: no module {one}")
        failed += 1

    def tell(name, result):
        nonlocal passed, failed
        output, p, f = result
        print(f"-- {name}\n{output}", flush=True)
        passed, failed = passed + p, failed + f

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 1) as pool:  # they wait more than they compute
        running = {pool.submit(run_child, name): name for name in sorted(names, key=lambda one: one not in FIRST) if name not in ALONE}
        for done in concurrent.futures.as_completed(running):
            tell(running[done], done.result())
    for name in names:
        if name in ALONE:
            tell(name, run_child(name))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
