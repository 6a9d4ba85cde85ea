"""readings.so in a program that knows nothing of the hub: sqlite3 in Python, which is Debian's shared SQLite as well."""
import sqlite3
import unittest

from device_client import Device, body
from processes import BIN, Hub
from telemetry.v1 import readings_pb2 as rd

BASE_US = 1_700_000_000_000_000


class SqliteExtension(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.close)
        for name in ("greenhouse", "cellar"):
            device, token = self.hub.new_device(name)
            link = await Device(self.hub, token).connect()
            await link.frame(1, body([20.5, 21.5, 19.0], base_us=BASE_US))
            await link.frame(2, body([50.0, 60.0], alias=2, base_us=BASE_US + 5_000_000,
                                     define=("humidity", "%", rd.VALUE_TYPE_NUMBER)))
            await link.acked(2)
            await link.close()
        self.db = sqlite3.connect(f"file:{self.hub.data}/hub.db?mode=ro", uri=True)
        self.addCleanup(self.db.close)
        self.db.enable_load_extension(True)
        self.db.load_extension(str(BIN.parent / "lib" / "readings"))

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    async def test_unsealed_readings_are_rows_of_a_table(self):
        self.assertEqual(self.rows("SELECT count(*) FROM readings"), [(10,)])
        self.assertEqual(
            self.rows("SELECT time, value, unit, type, revision FROM readings WHERE device='greenhouse' AND series='temperature'"),
            [(BASE_US + i * 1_000_000, v, "Cel", "number", 1) for i, v in enumerate([20.5, 21.5, 19.0])])
        self.assertEqual(self.rows("SELECT series, max(value) FROM readings WHERE device='cellar' GROUP BY series ORDER BY 1"),
                         [("humidity", 60.0), ("temperature", 21.5)])

    async def test_bounds_of_time_mean_what_they_say(self):
        first, last = BASE_US + 1_000_000, BASE_US + 2_000_000
        for where, expected in [(f"time BETWEEN {first} AND {last}", 2), (f"time > {first} AND time < {last}", 0),
                                (f"time >= {first} AND time < {last}", 1), (f"time > {first}.5", 3),
                                (f"time <= {first}.5", 2), ("time < 'text'", 5), ("time > NULL", 0),
                                ("time < -9223372036854775808", 0), (f"time = {first}", 1),
                                (f"time > {last} AND time < {first}", 0)]:
            with self.subTest(where):
                self.assertEqual(self.rows(f"SELECT count(*) FROM readings WHERE device='greenhouse' AND {where}"),
                                 [(expected,)])

    async def test_a_comparison_that_ignores_case_finds_what_it_should(self):
        for column, text in (("device", "GreenHouse"), ("series", "HUMIDITY")):
            with self.subTest(column):
                self.assertEqual(self.rows(f"SELECT count(*) FROM readings WHERE {column} = ?", text), [(0,)])
                found, = self.rows(f"SELECT count(*) FROM readings WHERE {column} = ? COLLATE NOCASE", text)
                exact, = self.rows(f"SELECT count(*) FROM readings WHERE {column} = ?", text.lower())
                self.assertEqual(found, exact)
                self.assertGreater(exact[0], 0)

    async def test_joins_with_the_registry_and_with_itself(self):
        self.assertEqual(
            self.rows("SELECT d.name, count(*) FROM devices d JOIN readings r ON r.device = d.name GROUP BY 1 ORDER BY 1"),
            [("cellar", 5), ("greenhouse", 5)])
        self.assertEqual(
            self.rows("SELECT count(*) FROM readings a JOIN readings b ON a.time = b.time AND a.series = b.series"
                      " WHERE a.device = 'cellar' AND b.device = 'greenhouse'"), [(5,)])

    async def test_folder_may_be_named_and_is_checked(self):
        other = sqlite3.connect(":memory:")
        self.addCleanup(other.close)
        other.enable_load_extension(True)
        other.load_extension(str(BIN.parent / "lib" / "readings"))
        self.assertEqual(other.execute("SELECT count(*) FROM readings(?)", (str(self.hub.data),)).fetchall(), [(10,)])
        for sql, word in [("SELECT * FROM readings", "name its folder"),
                          ("SELECT * FROM readings('/nowhere')", "no hub's data folder")]:
            with self.assertRaisesRegex(sqlite3.OperationalError, word):
                other.execute(sql).fetchall()


if __name__ == "__main__":
    unittest.main()
