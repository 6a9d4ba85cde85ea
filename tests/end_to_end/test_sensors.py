"""Sensors of a machine made of files, read by a real agent and stored by a real hub: IIO, 1-Wire, hwmon; unplugged, plugged in again, hanging."""
import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from processes import BIN, Agent, Hub, run, wait_until


class Machine:
    """/proc and /sys below a folder."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="machine-"))

    def put(self, path, text):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        part = full.with_name("." + full.name)  # as the kernel shows it: whole or not at all
        part.write_text(f"{text}\n")
        part.rename(full)

    def take_away(self, path):
        shutil.rmtree(self.root / path)

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Sensors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = m = Machine()
        cls.addClassCleanup(m.close)
        m.put("proc/uptime", "5.0 1.0")
        m.put("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4")
        m.put("sys/class/hwmon/hwmon0/name", "rpi_volt")
        m.put("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "0")
        m.put("sys/bus/iio/devices/iio:device0/name", "bme280")
        m.put("sys/bus/iio/devices/iio:device0/in_temp_input", "21340")
        m.put("sys/bus/iio/devices/iio:device0/in_pressure_input", "101.325")
        m.put("sys/bus/iio/devices/iio:device0/in_humidityrelative_input", "45678")
        m.put("sys/bus/w1/devices/28-0316a2798dff/temperature", "23125")
        cls.hub = Hub().start()
        cls.addClassCleanup(cls.hub.close)
        config = (f'[agent]\ninterval = "200ms"\n[auto]\nroot = "{m.root}"\n[iio]\nnames = {{ "bme280" = "greenhouse" }}\n'
                  '[onewire]\ninterval = "300ms"\nnames = { "28-0316a2798dff" = "tank.top" }\n')
        cls.agent = Agent(cls.hub, "pi", config=config).start()
        cls.addClassCleanup(cls.agent.close)

    def latest(self, name):
        for series in self.hub.rest.get("/devices/pi/series")["series"]:
            if series["name"] == name:
                return series
        return None

    def wait_for(self, name, value):
        def there():
            found = self.latest(name)
            return found if found and found["latest"] and found["latest"]["value"] == value else None
        return wait_until(there, f"{name} at {value}")

    def test_buses_are_read_in_base_units_under_their_given_names(self):
        for name, value, unit in (("greenhouse.temperature", 21.34, "Cel"), ("greenhouse.pressure", 101325, "Pa"),
                                  ("greenhouse.humidity", 45.678, "%"), ("tank.top", 23.125, "Cel"),
                                  ("power.under_voltage", 0, ""), ("uptime", 5, "s")):
            self.assertEqual(self.wait_for(name, value)["unit"], unit)

    def test_what_is_unplugged_and_plugged_in_again_goes_on(self):
        self.wait_for("tank.top", 23.125)
        self.machine.take_away("sys/bus/w1/devices/28-0316a2798dff")
        silent = self.latest("tank.top")["latest"]["time"]
        self.wait_for("greenhouse.temperature", 21.34)
        self.machine.put("sys/bus/w1/devices/28-0316a2798dff/temperature", "24000")
        self.machine.put("sys/bus/w1/devices/28-00000000feed/temperature", "7000")
        self.assertGreater(self.wait_for("tank.top", 24)["latest"]["time"], silent)
        self.wait_for("onewire.28-00000000feed", 7)
        self.machine.put("sys/bus/w1/devices/28-0316a2798dff/temperature", "23125")

    def test_a_chip_that_hangs_stops_nobody_is_told_and_does_not_hold_up_the_end(self):
        agent = Agent(self.hub, "hung", config=self.agent.config.read_text())
        self.addCleanup(agent.close)
        pipe = self.machine.root / "sys/bus/iio/devices/iio:device1/in_temp_input"
        self.addCleanup(shutil.rmtree, pipe.parent, True)
        self.machine.put("sys/bus/iio/devices/iio:device1/in_illuminance_input", "7")
        os.mkfifo(pipe)  # opening it waits for a writer, who never comes
        self.machine.put("sys/bus/iio/devices/iio:device1/name", "slow")
        agent.env = {**os.environ, "RUNTIME_DIRECTORY": str(agent.state / "run")}
        agent.start()
        status = agent.status
        said = wait_until(lambda: [p for p in status().get("sensor_problems", []) if "iio:device1" in p], "the problem")
        self.assertRegex(said[0], r"^iio: .*in_temp_input")
        series = lambda: {s["name"]: s["latest"] for s in self.hub.rest.get("/devices/hung/series")["series"]}
        before = series()["uptime"]["time"]
        wait_until(lambda: series()["uptime"]["time"] > before, "readings of the others")
        self.assertIn("greenhouse.temperature", series())
        began = time.monotonic()
        agent.stop()
        self.assertLess(time.monotonic() - began, 10)

    def test_status_tells_how_turns_are_kept(self):
        status = self.agent.status
        sampling = wait_until(lambda: status().get("sampling"), "the status")
        self.assertGreater(sampling["turns"], 0)
        self.assertLessEqual(sampling["late_us"], sampling["late_max_us"])

    def test_sensors_and_doctor_say_what_there_is_and_what_lacks(self):
        args = ("--config", self.agent.config)
        read = {s["name"]: s for s in json.loads(run(BIN / "device-agent", "sensors", "read", "--json", *args).stdout)}
        self.assertEqual((read["greenhouse.pressure"]["value"], read["greenhouse.pressure"]["kind"]), (101325, "iio"))
        self.assertEqual(read["disk.root.read_only"]["type"], "boolean")
        self.assertEqual((read["tank.top"]["value"], read["tank.top"]["interval_ms"]), (23.125, 300))
        self.assertIn("tank.top", run(BIN / "device-agent", "sensors", "list", *args).stdout)
        doctor = run(BIN / "device-agent", "doctor", "--state-dir", self.agent.state, *args, check=False).stdout
        self.assertIn("1 IIO chip: bme280", doctor)
        self.assertIn("of DS18B20's kind on 1-Wire", doctor)
        self.assertIn("1 hwmon chip: rpi_volt", doctor)


if __name__ == "__main__":
    unittest.main()
