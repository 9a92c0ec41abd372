"""Answers in JSON; ASCII with escapes, so that a lone surrogate survives the wire."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response

ANSWER_MAX: Final = 16 * 2**20  # characters of memories in one answer
_JSON: Final = "application/json"


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`document` with `status`."""
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(content, status, headers=headers, media_type=_JSON)


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error, with a plain sentence that repeats nothing of what was sent."""
    return answer({"detail": detail}, status, headers)


def iso(moment: float) -> str:
    """A time (Unix seconds) in ISO 8601, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
