"""The questions of the cases `queries` and `rest`: which ranges, and what an answer has to hold."""
import workload

# Begins half a second off the samples, which stray by 2 ms, so that every engine finds the same ones.
HALF_US = workload.SECOND_US // 2


class Question:
    """Readings or buckets of one series. `width_us` 0: the readings themselves."""

    def __init__(self, name, from_us, to_us, width_us, rows, readings):
        self.name, self.from_us, self.to_us, self.width_us = name, from_us, to_us, width_us
        self.rows, self.readings = rows, readings

    def check(self, rows, readings):
        """An engine that answers quickly because it has nothing is no engine. At the ends one sample may fall either side."""
        if abs(rows - self.rows) > 1 or abs(readings - self.readings) > 2:
            raise SystemExit(f"{self.name}: {rows} rows of {readings} readings instead of {self.rows} of {self.readings}")


def questions():
    start, days = workload.START_US, workload.history_days()
    middle = start + days // 2 * workload.DAY_US
    end = start + days * workload.DAY_US
    month_us = days * workload.DAY_US
    return [
        Question("raw_1h", middle + HALF_US, middle + HALF_US + workload.HOUR_US, 0, 3_600, 3_600),
        Question("day_1000", middle, middle + workload.DAY_US, workload.DAY_US // 1_000, 1_000, 86_400),
        Question("month_1000", start, end, month_us // 1_000, 1_000, days * 86_400),
        Question("month_by_hour", start, end, workload.HOUR_US, days * 24, days * 86_400),
    ]


def latest_count():
    return workload.devices() * 10


def check_latest(count):
    """The history's series are newer than the fleet's and may be among them."""
    if not latest_count() <= count <= latest_count() + len(workload.HISTORY_SERIES):
        raise SystemExit(f"latest: {count} values instead of {latest_count()}")
