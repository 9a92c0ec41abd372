"""A provider of a model for embeddings, with OpenAI's interface, and faults that a test turns."""

import asyncio
from typing import Final

from tests.support.http1 import Answer, Request, read_request, render
from tests.support.listener import Listener
from tests.support.official_library import as_vector
from tests.support.shapes import Json

KEY: Final = "the provider's key"
_WHAT: Final = {400: "invalid_request_error", 401: "invalid_api_key", 429: "rate_limit_exceeded"}


class ModelProvider(Listener):
    """Embeds texts by their words.

    `fault`: what each request gets instead, or None. `delay`: seconds before each answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: int | None = None
        self.delay = 0.0

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            await asyncio.sleep(self.delay)
            answer = self._answer(request)
            writer.write(render(answer.status, answer.body, answer.headers))
            await writer.drain()

    def _answer(self, request: Request) -> Answer:
        status = self.fault
        if request.headers.get("authorization") != f"Bearer {KEY}":
            status = 401
        if status is not None:
            error = {"message": "Scripted.", "type": _WHAT.get(status, "server_error")}
            return Answer(status, {"error": error})
        return Answer(200, _embedded(request.json["input"]))


def _embedded(texts: list[str]) -> Json:
    data = [
        {"object": "embedding", "index": number, "embedding": as_vector(text)}
        for number, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": data, "model": "words", "usage": usage}
