"""Runs the unittest modules of this folder and closes with "N passed, N failed"."""
import logging
import os
import sys
import unittest

import known_secrets


def main():
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # unittest turns its debug mode on: every slow step would be told
    pattern = sys.argv[1] if len(sys.argv) > 1 else "test_*"
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.TestSuite(unittest.defaultTestLoader.discover(here, pattern=one + ".py") for one in pattern.split(","))
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


if __name__ == "__main__":
    sys.exit(main())
