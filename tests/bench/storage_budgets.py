"""What the store has to reach, and what a run says about it."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    text: str
    figure: str
    limit: float
    at_least: bool = False
    peer: str = ""  # the budget is then about how many times better than this engine the hub is


def at_most(text, figure, limit):
    return Budget(text, figure, limit)


def at_least(text, figure, limit):
    return Budget(text, figure, limit, at_least=True)


def times(text, figure, limit, peer):
    return Budget(text, figure, limit, at_least=True, peer=peer)


BUDGETS = [
    at_least("durable ingest, readings/s", "ingest_in_order.readings_per_s", 1.5e6),
    times("durable ingest beside InfluxDB", "ingest_in_order.readings_per_s", 8, "influxdb"),
    times("durable ingest beside PostgreSQL COPY", "ingest_in_order.readings_per_s", 8, "postgresql"),
    at_most("durable ingest, us of CPU a reading", "ingest_in_order.cpu_us_per_reading", 0.25),
    at_most("disk, bytes a reading", "ingest_wide.disk_bytes_per_reading", 2.2),
    at_most("disk with 10 % late, bytes a reading", "ingest_late.disk_bytes_per_reading", 2.6),
    at_most("written in all stages, bytes a reading", "ingest_in_order.written_in_all_bytes_per_reading", 17),
    at_most("24 h at 1 Hz to 1,000 buckets, ms", "queries.day_1000_ms", 2),
    at_most("30 days exact, a file a day, ms", "queries.month_1000_ms", 50),
    at_most("30 days by hour, ms", "queries.month_by_hour_ms", 3),
    at_most("latest of 10,000, ms", "queries.latest_10000_ms", 3),
    times("24 h through REST beside InfluxDB", "rest.rest_day_1000_ms", 20, "influxdb"),
    times("30 days through REST beside InfluxDB", "rest.rest_month_1000_ms", 20, "influxdb"),
    times("latest of 10,000 through REST beside InfluxDB", "rest.rest_latest_10000_ms", 20, "influxdb"),
    at_most("expire a day, ms", "expiry.expire_day_ms", 30),
]


def verdict(budget, values, ratios):
    """("met" | "missed" | "not measured", the line to print)"""
    found = ratios.get((budget.figure, budget.peer)) if budget.peer else values.get(budget.figure)
    sign = ">=" if budget.at_least else "<="
    wanted = f"{sign} {budget.limit:,.10g}" + (" times" if budget.peer else "")
    if found is None:
        return "not measured", f"not measured  {budget.text}: {wanted}"
    met = found >= budget.limit if budget.at_least else found <= budget.limit
    word = "met" if met else "missed"
    return word, f"{word:12}  {budget.text}: {wanted}, is {found:,.4g}"
