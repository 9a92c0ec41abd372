"""A server that lists and names its projects, page by page as the embedded one."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

from tests.server.wire import Connection, Handler, Request, render

PREFIX = "/memory/"
Answerer = Callable[[Request], bytes | None]


def paging(
    projects: Mapping[str, list[str]], room: int = 10**9, instead: Answerer = lambda _: None
) -> Handler:
    """Answer with these texts, the newest first and up to `room` bytes of them at once.

    What `instead` gives for a request is sent in the place of the answer.
    """

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            if not connection.send(instead(request) or _answer(request.target)):
                return

    def _answer(target: str) -> bytes:
        parts = urlsplit(target)
        if parts.path == "/health":
            return render(200, {"status": "ok"})
        if parts.path + "/" == PREFIX:
            named = [{"user_id": name, "count": len(texts)} for name, texts in projects.items()]
            return render(200, {"success": True, "projects": named})
        name = unquote_to_bytes(parts.path.removeprefix(PREFIX)).decode("utf-8", "surrogatepass")
        return _page(projects.get(name, []), parse_qs(parts.query), room)

    return handle


def _page(texts: list[str], asked: dict[str, list[str]], room: int) -> bytes:
    end = int(asked.get("before", [str(len(texts))])[0])
    found: list[dict[str, str]] = []
    size, cut = 0, {}
    for number in reversed(range(max(end - int(asked["limit"][0]), 0), end)):
        size += len(texts[number])
        if found and size > room:
            cut = {"truncated": True}
            break
        found.append({"id": str(number), "memory": texts[number]})
    return render(200, {"success": True, "memories": {"results": found}, "paged": True} | cut)
