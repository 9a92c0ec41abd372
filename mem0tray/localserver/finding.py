"""Finding the server that runs for a folder, and making it prove that it is the one."""

import json
import secrets
from pathlib import Path

from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint

ANSWER_SECONDS = 5.0
_ANSWER_MAX = 65536


def find(folder: Path, timeout: float = ANSWER_SECONDS) -> Endpoint | None:
    """The server that runs for `folder` and proves it; None when there is none.

    It may be unhealthy: that is for the worker's probe to see.
    """
    named = endpoint.read(folder)
    return named if named is not None and _answers(named, timeout) else None


def _answers(named: Endpoint, timeout: float) -> bool:
    import http.client  # it brings 3 MB, for those who have no other server

    challenge = secrets.token_hex(16)
    connection = http.client.HTTPConnection(endpoint.HOST, named.port, timeout=timeout)
    try:
        connection.request("GET", f"/health?challenge={challenge}")
        document = json.loads(connection.getresponse().read(_ANSWER_MAX))
        return document["pid"] == named.pid and secrets.compare_digest(
            document["proof"], endpoint.proof(named.token, challenge)
        )
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError):
        return False
    finally:
        connection.close()
