"""Where the embedded server can be reached: the file `server.json` in its folder.

Whoever can read that file (0600, in a folder 0700) may use the server. In turn a
server proves that it wrote the file: `/health` answers a
challenge with an HMAC under the token. Otherwise another user's program that
took the port of a dead server would be given the token, and then memories.
"""

import hashlib
import hmac
import json
import os
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from mem0tray.files import atomic
from mem0tray.system import plain

HOST = "127.0.0.1"
DIALECT = "vps"  # the embedded server's, whatever server.dialect says about the user's own server
FILE = "server.json"
_TEMPORARY = ".server.json.tmp"
LOCK = "server.lock"
DATABASE = "memories.sqlite3"
LOG = "server.log"
PORT_MAX = 65535
# Bytes of one request. SQLite would take twice as much, but such a memory is a mistake.
BODY_MAX = 512 * 2**20
CHALLENGE_MAX = 128
EXIT_ALREADY_RUNNING = 3


class Endpoint(Struct, frozen=True):
    """A server that runs, or ran: `started` in Unix seconds."""

    url: str
    port: int
    pid: int
    token: str
    started: float

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, {self.pid})"  # the token is a secret

    @classmethod
    def at(cls, port: int, pid: int, token: str, started: float) -> "Endpoint":
        """The endpoint of the server at `port` of this computer."""
        return cls(f"http://{HOST}:{port}", port, pid, token, started)


def read(folder: Path) -> Endpoint | None:
    """What `server.json` says; None when there is none or it makes no sense."""
    try:
        document = json.loads(plain.read_bytes(folder / FILE))
        port, pid, token = document["port"], document["pid"], document["token"]
        started = float(document["started"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(port) is not int or type(pid) is not int or not isinstance(token, str):
        return None
    if not (0 < port <= PORT_MAX and pid > 0 and token and token.isascii()):
        return None
    # The address is made from the port: whatever the file says, it is this computer.
    return Endpoint.at(port, pid, token, started)


def write(folder: Path, endpoint: Endpoint) -> None:
    """Publish `endpoint` (0600); FileUnavailableError when that cannot be done.

    Atomic but not synced: after a power cut no server runs, so the file may then be
    missing or empty, and a slow disk need not hold up the start. Only the
    holder of the folder's lock writes, so one temporary name is enough.
    """
    temporary = folder / _TEMPORARY
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="ascii") as file:
            file.write(json.dumps(asdict(endpoint), indent=2) + "\n")
        temporary.replace(folder / FILE)
    except OSError as error:
        raise atomic.unavailable(folder / FILE, error) from error


def remove(folder: Path, own: Endpoint) -> None:
    """Remove `server.json` if it still names the server `own`."""
    if read(folder) == own:
        with suppress(OSError):
            (folder / FILE).unlink()


def remove_stale(folder: Path) -> None:
    """Remove what a killed server left behind; only the holder of the lock may call it."""
    for name in (FILE, _TEMPORARY):
        with suppress(OSError):
            (folder / name).unlink()


def proof(token: str, challenge: str) -> str:
    """The answer to `challenge`, which only a holder of `token` can give."""
    message = b"mem0tray health\0" + challenge.encode("utf-8", "surrogatepass")
    return hmac.new(token.encode("ascii"), message, hashlib.sha256).hexdigest()
