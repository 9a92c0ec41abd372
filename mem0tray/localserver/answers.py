"""Answers in JSON; ASCII with escapes, so that a lone surrogate survives the wire."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

_JSON = "application/json"


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`document` with `status`."""
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(content, status, headers=headers, media_type=_JSON)


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error, with a plain sentence that repeats nothing of what was sent."""
    return answer({"detail": detail}, status, headers)
