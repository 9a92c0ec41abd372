"""Who may see the window: the browser of the user who opened it last, and nobody else.

Web pages of others can send requests to this computer, and other users reach its ports. So each
request must name our address as its host, which keeps out names that lead here (DNS rebinding);
lie below a path that nobody can guess; bring the cookie that a ticket was changed for; come from a
page of ours, if the browser says whence it comes; and, if it changes anything, bring the token of
the page.
"""

import hmac
import secrets
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mem0tray.desktop.window import TICKET
from mem0tray.localserver.endpoint import Endpoint

FORM: Final = "x-mem0tray-form"  # the header with the token of the page
HEALTH: Final = "/health"
ENTER: Final = "enter"
_VALID: Final = 60.0  # seconds for a browser to use its ticket
_FRAMES: Final = frozenset({"frame", "iframe", "embed", "object", "fencedframe"})
_OURS: Final = frozenset({None, "none", "same-origin"})  # Sec-Fetch-Site; None: an old browser
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Doors:
    """Tickets, each good for one minute and one use, and the session that the last one began."""

    def __init__(self) -> None:
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self.session = ""  # the value of the cookie
        self.form = ""
        self.sessions = 0  # that have begun
        self._tickets: dict[str, float] = {}

    def ticket(self, now: float) -> str:
        """Make a ticket; `now` monotonic."""
        self._tickets = {each: end for each, end in self._tickets.items() if end > now}
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = now + _VALID
        return ticket

    def enter(self, ticket: str, now: float) -> bool:
        """Begin a session for a ticket that is still good; the one before ends."""
        if self._tickets.pop(ticket, 0.0) <= now:
            return False
        self.sessions += 1
        self.session, self.form = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        return True


class WindowGuard:
    """Refuses every request but those; also says how a browser is to treat each answer."""

    def __init__(
        self, app: ASGIApp, own: Endpoint, doors: Doors, closed: Callable[[], Response]
    ) -> None:
        self._app = app
        self._closed = closed  # makes the page for a browser that may not come in
        self._own = own
        self._doors = doors
        self.cookie = f"mem0tray-{own.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        status = self._refusal(Request(scope))

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        if status is None:
            await self._app(scope, receive, send_safely)
        else:
            refused = Response(f"{status.value} {status.phrase}\n", status, media_type="text/plain")
            if status is HTTPStatus.FORBIDDEN and scope["path"].startswith(self._doors.path):
                refused = self._closed()
            await refused(scope, receive, send_safely)

    def _refusal(self, request: Request) -> HTTPStatus | None:
        headers, path, doors = request.headers, request.url.path, self._doors
        if headers.getlist("host") != [self._own.url.removeprefix("http://")]:
            return HTTPStatus.MISDIRECTED_REQUEST
        if headers.get("sec-fetch-dest") in _FRAMES:
            return HTTPStatus.FORBIDDEN
        if path in (HEALTH, TICKET):
            may = self._is_program(request)
        elif not path.startswith(doors.path):
            return HTTPStatus.NOT_FOUND
        else:  # a browser is led to `ENTER` by a file, which is no page of ours
            may = path == doors.path + ENTER or self._is_ours(request)
        return None if may else HTTPStatus.FORBIDDEN

    def _is_program(self, request: Request) -> bool:
        headers = request.headers
        if "origin" in headers or "sec-fetch-site" in headers:
            return False
        given = headers.get("authorization", "")
        return request.url.path == HEALTH or _same(given, f"Bearer {self._own.token}")

    def _is_ours(self, request: Request) -> bool:
        headers, doors = request.headers, self._doors
        if not doors.session or not any(_same(e, doors.session) for e in self._cookies(request)):
            return False
        if headers.get("sec-fetch-site") not in _OURS:
            return False
        if request.method in ("GET", "HEAD"):
            return True
        return headers.get("origin") == self._own.url and _same(headers.get(FORM, ""), doors.form)

    def _cookies(self, request: Request) -> Iterator[str]:
        """Yield the values of our cookie: a page at another port may set one of its name too."""
        for pair in "; ".join(request.headers.getlist("cookie")).split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self.cookie:
                yield value


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
