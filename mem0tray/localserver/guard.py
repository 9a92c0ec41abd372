"""The guard of the embedded server: programs of this user may speak to it, web pages may not.

- A page that reaches us under its own name (DNS rebinding) sends a foreign Host.
- A page that calls us by address (CSRF) sends Origin or Sec-Fetch-Site, which
  programs do not; it is refused even with the token.
- Another user of this computer does not have the token.
"""

import hmac
import re
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mem0tray.localserver.wire import refusal

_OUR_NAMES = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
HEALTH: Final = "/health"
OSS_HEALTH: Final = "/auth/setup-status"
_OPEN: Final = (HEALTH, OSS_HEALTH)
_TYPED_IN = b"none"  # Sec-Fetch-Site for an address that the user typed


class Guard:
    """ASGI middleware that lets only requests from programs through."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on with its path unchanged: a project may hold `%2F`."""
        if scope["type"] != "http":
            return
        scope["path"] = scope["raw_path"].decode("ascii", "replace")
        app = self._refused(scope["path"], dict(scope["headers"])) or self._app
        await app(scope, receive, send)

    def _refused(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        if not _OUR_NAMES.fullmatch(headers.get(b"host", b"")):
            return refusal(403, "This server answers to 127.0.0.1 and localhost only.")
        if b"origin" in headers or headers.get(b"sec-fetch-site", _TYPED_IN) != _TYPED_IN:
            return refusal(403, "Web pages may not use this server.")
        if path in _OPEN or self._has_token(headers):
            return None
        return refusal(
            401,
            "The token is missing or wrong; it stands in server.json.",
            {"WWW-Authenticate": "Bearer"},
        )

    def _has_token(self, headers: dict[bytes, bytes]) -> bool:
        """Whether the token is there, in the header of either dialect."""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme == b"Bearer" and hmac.compare_digest(given, self._token):
            return True
        return hmac.compare_digest(headers.get(b"x-api-key", b""), self._token)
