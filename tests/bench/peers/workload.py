"""How much each case stores, the same for every engine, and the files that a peer's client sends."""
import os
import pathlib
import subprocess

BIN = pathlib.Path(os.environ["TELEMETRY_BIN"])
START_US = 1_717_200_000 * 1_000_000  # as kStartUs of tests/bench/workload.h: 2024-06-01T00:00:00Z
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US

DEVICES = 1_000  # of ten series each
FLEET_SECONDS = 600
HISTORY_DEVICE = DEVICES  # its number: the first past the fleet's
HISTORY_SERIES = (0, 2, 7, 8)  # °C, hPa, an accelerometer's float, W
HISTORY_DAYS = 30
EXPIRY_DEVICES = 5
EXPIRY_DAYS = 3

INGEST = {  # case: (devices, seconds, late percent), six million readings each
    "ingest_in_order": (100, 6_000, 0),
    "ingest_late": (1_000, 600, 10),
    "ingest_wide": (1_000, 600, 0),
}
QUICK = os.environ.get("TELEMETRY_BENCH_QUICK") == "1"


def quick(full, little):
    """What a trial run takes instead: enough to see that everything works, too little to compare."""
    return little if QUICK else full


def history_days():
    return quick(HISTORY_DAYS, 2)


def devices():
    return quick(DEVICES, 100)


def write(form, folder, *, devices, seconds, late_percent=0, first_device=0, series=(), batch=10_000):
    """The files of a workload in order of arrival; made in `folder`, which is made too."""
    folder.mkdir()
    command = [BIN / "workload_text", form, folder, "--devices", devices, "--seconds", seconds, "--late-percent",
               late_percent, "--first-device", first_device, "--batch", batch]
    if series:
        command += ["--series", ",".join(map(str, series))]
    subprocess.run([str(each) for each in command], check=True)
    return sorted(folder.iterdir())


def ingest(case, form, folder, part=1):
    """(files, number of readings); the first of `part` equal parts of the time."""
    count, seconds, late = INGEST[case]
    seconds = quick(seconds, seconds // 10) // part
    return write(form, folder, devices=count, seconds=seconds, late_percent=late), count * 10 * seconds


def fleet(form, folder, batch=100_000):
    """Every series for ten minutes."""
    return write(form, folder, devices=devices(), seconds=FLEET_SECONDS, batch=batch)


def history(form, folder, batch=100_000):
    """Four series for thirty days."""
    return write(form, folder, devices=1, seconds=history_days() * 86_400, first_device=HISTORY_DEVICE,
                 series=HISTORY_SERIES, batch=batch)


def expiry(form, folder, batch=100_000):
    """Fifty series for three days."""
    return write(form, folder, devices=EXPIRY_DEVICES, seconds=EXPIRY_DAYS * quick(86_400, 8_640), batch=batch)


def expiry_day_us():
    return quick(DAY_US, DAY_US // 10)
