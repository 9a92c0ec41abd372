"""What Mem0's own client class and command line ask of the hosted service, answered here too.

They use none of the official server's paths. The memories, and most answers, are those of `oss`.
"""

import asyncio
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mem0tray.localserver import bodies, oss_requests, parameters
from mem0tray.localserver.answers import ANSWER_MAX, answer
from mem0tray.localserver.oss_api import OssApi, shown, unknown
from mem0tray.localserver.oss_requests import PageRequest
from mem0tray.localserver.store import Store

_ONE: Final = "/v1/memories/{memory}/"


class HostedApi:
    """The answers that `oss` does not have; bodies larger than `body_max` are refused.

    They raise HTTPException for what cannot be answered, `sqlite3.Error` when the store fails.
    """

    def __init__(self, store: Store, oss: OssApi, body_max: int) -> None:
        self._store = store
        self._oss = oss
        self._body_max = body_max

    def routes(self) -> list[Route]:
        """The route of each request."""
        return [
            Route("/v1/ping/", self.ping, methods=["GET"]),
            Route("/v3/memories/add/", self._oss.save, methods=["POST"]),
            Route("/v3/memories/", self.listing, methods=["POST"]),
            Route("/v3/memories/search/", self._oss.search, methods=["POST"]),
            Route(_ONE, self.one, methods=["GET"]),
            Route(_ONE, self._oss.change, methods=["PUT"]),
            Route(_ONE, self._oss.remove, methods=["DELETE"]),
            Route("/v1/memories/", self._oss.remove_all, methods=["DELETE"]),
            Route("/v1/entities/", self.entities, methods=["GET"]),
            Route("/v2/entities/{kind}/{name}/", self._oss.remove_entity, methods=["DELETE"]),
        ]

    async def ping(self, _: Request) -> Response:
        """`GET /v1/ping/`: whether the key is right; the client also expects two names."""
        return answer({"status": "ok", "org_id": "mem0tray", "project_id": "local"})

    async def listing(self, request: Request) -> Response:
        """`POST /v3/memories/?page=&page_size=`, newest first, with the number of all memories.

        A page that grew too large ends early, and says `"truncated": true`.
        """
        body = bodies.document(await bodies.bounded(request, self._body_max))
        wanted = oss_requests.page(body, request)
        number = self._store.count(wanted.scope.project, wanted.scope.wanted)
        found, is_whole = await self._page(wanted)
        end = wanted.before + len(found)
        return answer(
            {
                "count": number,
                "next": _address(request, wanted, 1) if end < number and is_whole else None,
                "previous": _address(request, wanted, -1) if wanted.before else None,
                "results": found,
            }
            | ({} if is_whole else {"truncated": True})
        )

    async def one(self, request: Request) -> Response:
        """`GET /v1/memories/{id}/`."""
        found = self._store.one(parameters.segment(request, "memory"))
        return answer(shown(found)) if found is not None else unknown()

    async def entities(self, _: Request) -> Response:
        """`GET /v1/entities/`: the names that memories are kept under."""
        found = [each | {"name": each["id"]} for each in self._oss.names()]
        return answer({"count": len(found), "next": None, "previous": None, "results": found})

    async def _page(self, wanted: PageRequest) -> tuple[list[dict[str, Any]], bool]:
        """The memories of a page, and whether the page is complete."""
        found: list[dict[str, Any]] = []
        skipped = size = 0
        for page in self._store.newest(wanted.scope.project, wanted=wanted.scope.wanted):
            for each in page[max(0, wanted.before - skipped) :]:
                size += len(each.memory)
                if len(found) == wanted.size:
                    return found, True
                if found and size > ANSWER_MAX:
                    return found, False
                found.append(shown(each))
            skipped += len(page)
            await asyncio.sleep(0)
        return found, True


def _address(request: Request, wanted: PageRequest, step: int) -> str:
    names = {"page": wanted.number + step, "page_size": wanted.size}
    return f"{request.url.replace(query='')}?{urlencode(names)}"
