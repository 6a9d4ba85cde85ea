"""The clock of one agent as a machine without a clock chip has it: wrong, unsynchronised, put right while it runs."""
import pathlib
import shutil
import subprocess
import tempfile
import time

from processes import MovableClock, wait_until

# What the kernel says of its discipline is the machine's and not a process's: answered from a file instead.
ADJTIMEX = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

int adjtimex(struct timex *t) {
  memset(t, 0, sizeof *t);
  int is_synchronised = access(getenv("SYNCHRONISED_WHEN"), F_OK) == 0;
  t->status = is_synchronised ? STA_PLL : STA_UNSYNC;
  return is_synchronised ? TIME_OK : TIME_ERROR;
}
"""


class AgentClock:
    """`env` is for one agent; `put` takes effect within a second. Boot time stays right."""

    def __init__(self, test, off_by_s=0, synchronised=False):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="clock-"))
        test.addCleanup(shutil.rmtree, folder, True)
        (folder / "adjtimex.c").write_text(ADJTIMEX)
        library = folder / "adjtimex.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(folder / "adjtimex.c")], check=True,
                       capture_output=True, text=True)
        self.mark = folder / "synchronised"
        self.wall = MovableClock(folder)
        self.put(off_by_s)
        if synchronised:
            self.mark.touch()
        self.env = {**self.wall.env, "LD_PRELOAD": f"{library}:{self.wall.env['LD_PRELOAD']}",
                    "SYNCHRONISED_WHEN": str(self.mark)}

    def put(self, off_by_s):
        self.wall.put(f"{off_by_s:+d}")

    def synchronise(self, agent):
        """The clock is stepped, then the kernel says so, as a time daemon does it."""
        self.put(0)
        wait_until(lambda: abs(agent.status().get("time_us", 0) / 1e6 - time.time()) < 30, "the step")
        self.mark.touch()


def boot_time_s():
    """When this machine started, Unix time: what turns an uptime into the right time of its reading."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
