"""Servers that list and name their projects: page by page as the embedded one, or as `oss` does."""

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


def listing_all(
    projects: Mapping[str, list[str]], own_limit: int | None = None, bound: int | None = None
) -> Handler:
    """Answer as an official server does, the oldest first, as many as `top_k` says: 1,000 at most.

    With a limit of its own it does not know that name, as servers before June 2026 did not. With a
    bound, as some proxies have, it lists so many at most, and does not say so.
    """

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            parts = urlsplit(request.target)
            asked = parse_qs(parts.query)
            most = own_limit or bound or 1000
            if not (own_limit or bound) and int(asked.get("top_k", ["0"])[0]) > most:
                connection.send(render(422, {"detail": "top_k: 1000 or less"}))
            else:
                connection.send(render(200, _told(parts.path, asked, most)))

    def _told(path: str, asked: dict[str, list[str]], most: int) -> object:
        if path == "/entities":
            return [
                {"id": name, "type": "user", "total_memories": len(texts)}
                for name, texts in projects.items()
            ]
        (name,), (wanted,) = asked["user_id"], asked["top_k"]
        found = projects.get(name, [])[: own_limit or min(int(wanted), most)]
        times = (f"2026-01-01T00:{at // 60:02}:{at % 60:02}" for at in range(len(found)))
        rows = enumerate(zip(found, times, strict=True))
        return {
            "results": [
                {"id": str(at), "memory": text, "created_at": on} for at, (text, on) in rows
            ]
        }

    return handle
