"""A stand-in for the model that Claude Code asks: it gives answers that a test has written."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

Reply = dict[str, Any]
_USAGE: Final = {"input_tokens": 1, "output_tokens": 1}


def says(text: str) -> Reply:
    """Make an answer in words, which ends the turn."""
    return {"type": "text", "text": text}


def calls(tool: str, **arguments: Any) -> Reply:
    return {"type": "tool_use", "id": "toolu_1", "name": tool, "input": arguments}


class StubModel:
    """Answers with `replies` in turn, then with the last; `asked` holds what had tools to call."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reply(self, request: dict[str, Any]) -> Reply:
        """Answer a request; one without tools is an aside that no test is about."""
        if not request.get("tools"):
            return says("ok")
        self.asked.append(request)
        return self._replies[min(len(self.asked), len(self._replies)) - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name there)
                """Say nothing."""

            def do_HEAD(self) -> None:
                self._send("text/plain", b"")

            def do_GET(self) -> None:
                self._send("application/json", b'{"data": [], "has_more": false}')

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = json.loads(body or b"{}")
                if "count_tokens" in self.path:
                    self._send("application/json", b'{"input_tokens": 1}')
                    return
                reply = model.reply(request)
                if request.get("stream"):
                    self._send("text/event-stream", b"".join(_events(reply)))
                else:
                    self._send("application/json", json.dumps(_message(reply)).encode())

            def _send(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return _Handler


def _message(reply: Reply) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "stub",
        "content": [reply],
        "stop_reason": _reason(reply),
        "stop_sequence": None,
        "usage": _USAGE,
    }


def _reason(reply: Reply) -> str:
    return "tool_use" if reply["type"] == "tool_use" else "end_turn"


def _events(reply: Reply) -> Iterator[bytes]:
    if reply["type"] == "tool_use":
        empty = {**reply, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(reply["input"])}
    else:
        empty = {**reply, "text": ""}
        delta = {"type": "text_delta", "text": reply["text"]}
    begun = {**_message(reply), "content": [], "stop_reason": None}
    ended = {"stop_reason": _reason(reply), "stop_sequence": None}
    for event in (
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": _USAGE},
        {"type": "message_stop"},
    ):
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
