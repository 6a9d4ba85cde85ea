"""InfluxDB 1.x as an engine of the storage benchmarks: influxdb.py CASE."""
import pathlib
import sys
import tempfile
import time

import figures
import history
import server_process
import with_parent
import workload
from influxdb_server import InfluxServer, series_of

ENGINE = "influxdb"
# The ten values of a device on one line, which InfluxDB takes faster than a line each; "values" measures the latter.
FORM = "line"


def disk(server):
    return server_process.disk_bytes(server.folder / "data", server.folder / "wal")


def ingest(case, files, form):
    batches, readings = workload.ingest(case, form, files / "batches")
    with InfluxServer() as server:
        link = server.connect()
        link.command("CREATE DATABASE bench")
        cpu_before, begun = server.cpu_seconds(), time.perf_counter()
        link.send(batches)
        seconds = time.perf_counter() - begun
        stored = server_process.settled(lambda: disk(server))
        counted = "SELECT count(value) FROM r" if form == "values" else "SELECT count(*) FROM w"
        cpu = server.cpu_seconds() - cpu_before
        found = sum(series_of(link.query(counted))[0]["values"][0][1:])
        if found != readings:
            raise SystemExit(f"{case}: {found} readings are stored instead of {readings}")
        figures.ingest(ENGINE, case, readings, seconds, cpu, stored)


def text_of(question):
    """InfluxQL for the first of the history's series; times in µs."""
    range_ = f"dev = 'd{workload.HISTORY_DEVICE}' AND time >= {question.from_us}u AND time < {question.to_us}u"
    if question.width_us == 0:
        return f"SELECT m0 FROM w WHERE {range_}"
    offset = question.from_us % question.width_us
    return (f"SELECT min(m0), max(m0), count(m0), sum(m0) FROM w WHERE {range_} "
            f"GROUP BY time({question.width_us}u, {offset}u)")


LATEST = "SELECT last(*) FROM w GROUP BY dev"


def check(question, body):
    rows = series_of(body)[0]["values"]
    question.check(len(rows), len(rows) if question.width_us == 0 else sum(row[3] for row in rows))


def check_latest(body):
    history.check_latest(sum(value is not None for device in series_of(body) for value in device["values"][0][1:]))


def fill(server, files):
    link = server.connect()
    link.command("CREATE DATABASE bench")
    link.send(workload.fleet("line", files / "fleet"))
    link.send(workload.history("line", files / "history"))
    server_process.settled(lambda: disk(server))
    return link


def asked():
    """(figure, InfluxQL, check)"""
    latest = [("latest_10000", LATEST, check_latest)]
    return latest + [(each.name, text_of(each), lambda body, each=each: check(each, body)) for each in history.questions()]


def queries(files):
    with InfluxServer() as server:
        link = fill(server, files)
        for name, text, look in asked():
            look(link.query(text))
            figures.say(ENGINE, "queries", name + "_ms", figures.warm_ms(lambda text=text: link.query(text) and None), "ms")
        for name, text, _ in asked():
            figures.say(ENGINE, "queries", name + "_cold_ms", figures.cold_ms(lambda text=text: cold(server, text)), "ms")


def cold(server, text):
    server.restart_cold()
    link = server.connect()
    return figures.timed_ms(lambda: link.query(text) and None)


def rest(files):
    """The same questions over TLS, as the hub answers them."""
    with InfluxServer(tls=True) as server:
        link = fill(server, files)
        for name, text, look in asked():
            look(link.query(text))
            figures.say(ENGINE, "rest", f"rest_{name}_ms", figures.warm_ms(lambda text=text: link.query(text) and None), "ms")


def expiry(files):
    """Drops the shard of a day, as InfluxDB's own retention does."""
    with InfluxServer() as server:
        link = server.connect()
        day_us = workload.expiry_day_us()
        link.command(f"CREATE DATABASE bench WITH DURATION INF SHARD DURATION {max(1, day_us // workload.HOUR_US)}h")
        link.send(workload.expiry("line", files / "days"))
        server_process.settled(lambda: disk(server))
        shards = next(each for each in series_of(link.query("SHOW SHARDS")) if each["name"] == "bench")
        column = shards["columns"].index
        # A few samples lie up to 2 ms before the first day, in a shard of their own.
        starts = {row[column("start_time")]: row[column("id")] for row in shards["values"]}
        shard = next(starts[each] for each in sorted(starts) if each >= "2024-06-01")
        before = count(link)
        taken = figures.timed_ms(lambda: link.command(f"DROP SHARD {shard}"))
        gone = before - count(link)
        if gone < before // (workload.EXPIRY_DAYS + 1):
            raise SystemExit(f"expiry: {gone} of {before} samples are gone")
        figures.say(ENGINE, "expiry", "expire_day_ms", taken, "ms")


def count(link):
    return series_of(link.query("SELECT count(m0) FROM w"))[0]["values"][0][1]


def main():
    case = sys.argv[1]
    form = "values" if "--values" in sys.argv else FORM
    with tempfile.TemporaryDirectory(prefix="workload-") as folder:
        files = pathlib.Path(folder)
        if case in workload.INGEST:
            ingest(case, files, form)
        else:
            {"queries": queries, "rest": rest, "expiry": expiry}[case](files)


if __name__ == "__main__":
    with_parent.leave_in_order()
    main()
