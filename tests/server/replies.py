"""Replies of a server, and what is said about them."""

import json

from mem0tray.server.answers import classify
from mem0tray.server.model import Fault, Outcome, Reply

NOW = 1_800_000_000.0
OK = {"success": True}


def reply(
    status: int | None, body: object = b"", fault: Fault | None = None, **headers: str
) -> Reply:
    """Make a reply; `body` becomes JSON unless it is bytes, `_` in a name stands for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").lower(): text for name, text in headers.items()}
    return Reply(status, named, raw, 0.5, fault)


def classified(answer: Reply, content: str = "", *secrets: str) -> Outcome:
    """Class an answer of a server that speaks `vps`."""
    return classify(answer, NOW, lambda body: body.get("success") is True, content, secrets)


def message(status: int, body: object, content: str = "", secret: str = "") -> str:
    """Say what is said about an answer."""
    return classified(reply(status, body), content, secret).message
