"""Every secret that a test run makes or sees, and the rule that no log of the run may hold one."""
import pathlib
import zlib

# Members of requests and answers whose values are secrets.
SECRET_MEMBERS = {"password", "new_password", "old_password", "token", "secret", "setup_code", "ticket"}
LEAST = 8  # shorter texts are not secrets but mistakes of a test, and found everywhere

known = set()
_logs = []  # (path, compressed text) of every log of the run: a secret may become known after a log was closed


def note(*texts):
    known.update(text for text in texts if len(text) >= LEAST)


def note_members(value):
    """Of JSON, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and name in SECRET_MEMBERS:
                note(inner)
            else:
                note_members(inner)
    elif isinstance(value, list):
        for inner in value:
            note_members(inner)


def note_pem(pem):
    """Each line of a private key."""
    note(*(line for line in pem.splitlines() if not line.startswith("-----")))


def check_text(where, text):
    for line in text.splitlines():
        for secret in known:
            assert secret not in line, f"{where} holds the secret that begins {secret[:4]}…: {line.replace(secret, '***')}"


def check_log(path):
    text = pathlib.Path(path).read_text(errors="replace") if pathlib.Path(path).exists() else ""
    _logs.append((path, zlib.compress(text.encode())))
    check_text(path, text)


def forget_logs(folder):
    """Of the test that shows that the search finds something."""
    _logs[:] = [(path, text) for path, text in _logs if pathlib.Path(path).parent != pathlib.Path(folder)]


def check_all():
    """At the end of the run; the number of logs that were looked at."""
    for path, text in _logs:
        check_text(path, zlib.decompress(text).decode())
    return len(_logs)
