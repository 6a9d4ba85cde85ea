"""PostgreSQL as an engine of the storage benchmarks: postgresql.py CASE."""
import pathlib
import sys
import tempfile
import time

import figures
import history
import server_process
import with_parent
import workload
from postgresql_server import KEY, TABLE, PostgresServer

ENGINE = "postgresql"


# It takes much longer than the hub for as many readings, and becomes no faster with more of them.
INGEST_PART = 6


def ingest(case, files):
    batches, readings = workload.ingest(case, "copy", files / "batches", INGEST_PART)
    with PostgresServer() as server, server.connect() as psql:
        psql.execute(f"{TABLE};\n{KEY};")
        cpu_before, begun = server.cpu_seconds(), time.perf_counter()
        psql.copy(batches)
        seconds = time.perf_counter() - begun
        psql.execute("CHECKPOINT;")
        cpu = server.cpu_seconds() - cpu_before
        found = int(psql.execute("SELECT count(*) FROM readings;")[0])
        if found != readings:
            raise SystemExit(f"{case}: {found} readings are stored instead of {readings}")
        # The table and its key. The write-ahead log is recycled and left out.
        stored = int(psql.execute("SELECT pg_total_relation_size('readings');")[0])
        figures.ingest(ENGINE, case, readings, seconds, cpu, stored)


def fill(psql, *batches):
    """The key is made last, which is quicker and leaves it denser than growing it row by row."""
    psql.execute(TABLE + ";")
    for each in batches:
        psql.copy(each)
    psql.execute(KEY + ";")
    psql.execute("VACUUM ANALYZE readings;")
    psql.execute("CHECKPOINT;")


def text_of(question):
    series = workload.HISTORY_DEVICE * 10 + workload.HISTORY_SERIES[0]
    where = f"series = {series} AND time >= {question.from_us} AND time < {question.to_us}"
    if question.width_us == 0:
        return f"SELECT time, value FROM readings WHERE {where} ORDER BY time;"
    bucket = f"(time - {question.from_us}) / {question.width_us}"
    return (f"SELECT {bucket} AS bucket, min(value), max(value), count(*), sum(value) FROM readings WHERE {where} "
            "GROUP BY bucket ORDER BY bucket;")


# One step down the key a series; DISTINCT ON would walk every reading.
LATEST = ("SELECT each, last.time, last.value FROM generate_series(0, {}) AS each, LATERAL (SELECT time, value FROM "
          "readings WHERE series = each ORDER BY time DESC LIMIT 1) AS last;")


def check(question, rows):
    question.check(len(rows), len(rows) if question.width_us == 0 else sum(int(row.split("|")[3]) for row in rows))


def asked():
    """(figure, SQL, check)"""
    latest = [("latest_10000", LATEST.format(history.latest_count() - 1), lambda rows: history.check_latest(len(rows)))]
    return latest + [(each.name, text_of(each), lambda rows, each=each: check(each, rows)) for each in history.questions()]


def queries(files):
    with PostgresServer() as server:
        with server.connect() as psql:
            fill(psql, workload.fleet("copy", files / "fleet"), workload.history("copy", files / "history"))
            for name, text, look in asked():
                look(psql.execute(text))
                warm = figures.warm_ms(lambda text=text: psql.took(text))
                figures.say(ENGINE, "queries", name + "_ms", warm, "ms")
        for name, text, _ in asked():
            figures.say(ENGINE, "queries", name + "_cold_ms", figures.cold_ms(lambda text=text: cold(server, text)), "ms")


def cold(server, text):
    server.restart_cold()
    with server.connect() as psql:
        return psql.took(text)


def expiry(files):
    """Deletes the rows of a day. Their room is only given back to the table, not to the disk: that would take VACUUM FULL."""
    first_day_ends = workload.START_US + workload.expiry_day_us()
    with PostgresServer() as server, server.connect() as psql:
        fill(psql, workload.expiry("copy", files / "days"))
        before = int(psql.execute("SELECT count(*) FROM readings;")[0])
        taken = psql.took(f"DELETE FROM readings WHERE time < {first_day_ends};")
        gone = before - int(psql.execute("SELECT count(*) FROM readings;")[0])
        if gone < before // (workload.EXPIRY_DAYS + 1):
            raise SystemExit(f"expiry: {gone} of {before} readings are gone")
        figures.say(ENGINE, "expiry", "expire_day_ms", taken, "ms")


def main():
    case = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="workload-") as folder:
        files = pathlib.Path(folder)
        if case in workload.INGEST:
            ingest(case, files)
        else:
            {"queries": queries, "expiry": expiry}[case](files)


if __name__ == "__main__":
    with_parent.leave_in_order()
    main()
