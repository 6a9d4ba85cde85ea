"""Figures of one engine and one case: a JSON line each on stdout."""
import json
import statistics
import sys
import time

RUNS = 7
COLD_RUNS = 3


def say(engine, case, figure, value, unit):
    print(json.dumps({"case": case, "figure": figure, "engine": engine, "value": value, "unit": unit}), flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def timed_ms(call):
    """How long a call takes; what it answers instead where it has a clock of its own."""
    begun = time.perf_counter()
    own_ms = call()
    return (time.perf_counter() - begun) * 1e3 if own_ms is None else own_ms


def warm_ms(call, runs=RUNS):
    """Median of several runs after one that is not counted."""
    call()
    return statistics.median(timed_ms(call) for _ in range(runs))


def cold_ms(call):
    """Median of a few runs; `call` begins with a restart and gives its own ms without that."""
    return statistics.median(call() for _ in range(COLD_RUNS))


def ingest(engine, case, readings, seconds, cpu_seconds, disk_bytes):
    say(engine, case, "readings_per_s", readings / seconds, "1/s")
    say(engine, case, "cpu_us_per_reading", cpu_seconds * 1e6 / readings, "us")
    say(engine, case, "disk_bytes_per_reading", disk_bytes / readings, "B")
