"""Where the embedded server can be reached: the file `server.json` in its folder.

Whoever can read that file (0600, in a folder 0700) may use the server. In turn a server proves
that it wrote the file: `/health` answers a challenge with an HMAC under the token. Otherwise a
program that took the port of a dead server would be given the token, and then memories.
"""

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict

from mem0tray.files import atomic
from mem0tray.files.lock import is_locked
from mem0tray.system import regular_file

HOST = "127.0.0.1"
DIALECT = "vps"  # the embedded server's, whatever server.dialect says about the user's own server
FILE = "server.json"
LOCK = "server.lock"
DATABASE = "memories.sqlite3"
LOG = "server.log"
PORT_MAX = 65535
CHALLENGE_MAX = 128
EXIT_ALREADY_RUNNING = 3
ANSWER_SECONDS = 5.0
_ANSWER_MAX = 65536


class Endpoint(Struct, frozen=True):
    """A server that runs, or ran: `started` in Unix seconds."""

    port: Annotated[int, Meta(gt=0, le=PORT_MAX)]
    pid: Annotated[int, Meta(gt=0)]
    token: Annotated[str, Meta(pattern="^[!-~]+$")]
    started: float

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, {self.pid})"  # the token is a secret

    @property
    def url(self) -> str:
        """Its address, always of this computer, whatever the file says."""
        return f"http://{HOST}:{self.port}"


def read(folder: Path) -> Endpoint | None:
    """Read `server.json`; None when there is none or it makes no sense."""
    try:
        return msgspec.json.decode(regular_file.read_bytes(folder / FILE), type=Endpoint)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return None


def write(folder: Path, endpoint: Endpoint) -> None:
    """Publish `endpoint` (0600); FileUnavailableError when that cannot be done.

    After a power cut no server runs, so the file need not be durable.
    """
    document = json.dumps({"url": endpoint.url} | asdict(endpoint), indent=2) + "\n"
    atomic.replace(folder / FILE, document.encode("ascii"), durable=False)


def proof(token: str, challenge: str) -> str:
    """Make the answer to `challenge`, which only a holder of `token` can give."""
    message = b"mem0tray health\0" + challenge.encode("utf-8", "surrogatepass")
    return hmac.new(token.encode("ascii"), message, hashlib.sha256).hexdigest()


def find(folder: Path, timeout: float = ANSWER_SECONDS) -> Endpoint | None:
    """Find the server that runs for `folder` and proves it; None when there is none.

    It may be unhealthy: that is for the worker's probe to see.
    """
    named = read(folder)
    # Who serves holds the lock; the port of one that was killed may be another program's by now.
    if named is None or not is_locked(folder / LOCK):
        return None
    return named if _answers(named, timeout) else None


def _answers(named: Endpoint, timeout: float) -> bool:
    import http.client  # it brings 3 MB, for those who have no other server

    challenge = secrets.token_hex(16)
    connection = http.client.HTTPConnection(HOST, named.port, timeout=timeout)
    try:
        connection.request("GET", f"/health?challenge={challenge}")
        document = json.loads(connection.getresponse().read(_ANSWER_MAX))
        return secrets.compare_digest(document["proof"], proof(named.token, challenge))
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError):
        return False
    finally:
        connection.close()
