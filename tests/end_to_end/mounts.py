"""Small file systems of a test's own: a tmpfs that can be filled, an ext4 that can be made read-only under a running hub."""
import os
import pathlib
import shutil
import subprocess
import tempfile

REFUSED = ("permission denied", "must be superuser", "operation not permitted", "only root", "loop device",
           "unknown filesystem type")


def _do(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).strip()


class Mount:
    """A folder with a file system of its own; `close` takes it away, whatever uses it."""

    def __init__(self, path, image=None):
        self.path, self.image = path, image

    def remount(self, options):
        code, text = _do("mount", "-i", "-o", "remount," + options, self.path)
        assert code == 0, f"remount {options}: {text}"

    def unmount(self):
        code, text = _do("umount", self.path)
        assert code == 0, f"umount: {text}"

    def mount_again(self):
        code, text = _do("mount", "-o", "loop,errors=remount-ro", self.image, self.path)
        assert code == 0, f"mount: {text}"

    def free_bytes(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def close(self):
        while os.path.ismount(self.path):
            if _do("umount", self.path)[0] != 0:
                _do("umount", "-l", self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        if self.image:
            self.image.unlink(missing_ok=True)


def _mount(test, *args, image=None):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hub-mount-"))
    code, text = _do("mount", *args, path)
    if code == 0:
        mounted = Mount(path, image)
        test.addCleanup(mounted.close)
        return mounted
    path.rmdir()
    if image:
        image.unlink()
    if any(word in text.lower() for word in REFUSED) or (image and not os.path.exists("/dev/loop-control")):
        print(f"not tested, since mounting is not permitted here: {text}")
        return None
    raise AssertionError(f"mount: {text}")


def small_disk(test, megabytes):
    """A tmpfs; None (told in the log, and the test passes) where mounting is not permitted."""
    return _mount(test, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs")


def breakable_disk(test, megabytes):
    """An ext4 in a file: `remount("abort")` makes it read-only under open files, as after an I/O error. None as above."""
    handle, name = tempfile.mkstemp(prefix="hub-disk-")
    os.close(handle)
    image = pathlib.Path(name)
    os.truncate(image, megabytes << 20)
    code, text = _do("/sbin/mkfs.ext4", "-q", "-F", "-m", "0", image)
    assert code == 0, f"mkfs.ext4: {text}"
    return _mount(test, "-o", "loop,errors=remount-ro", image, image=image)
