"""Every secret that a test run makes or sees, and the rule that no log of the run may hold one."""
import pathlib

# Members of requests and answers whose values are secrets.
SECRET_MEMBERS = {"password", "new_password", "old_password", "token", "secret", "setup_code"}
LEAST = 8  # shorter texts are not secrets but mistakes of a test, and found everywhere

known = set()


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


def check_log(path):
    text = pathlib.Path(path).read_text(errors="replace") if pathlib.Path(path).exists() else ""
    for line in text.splitlines():
        for secret in known:
            assert secret not in line, f"{path} holds the secret that begins {secret[:4]}…: {line.replace(secret, '***')}"
