"""A stand-in for the model that an agent asks, in Anthropic's, OpenAI's and Google's form.

It gives answers that a test has written.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple, Self

Document = dict[str, Any]


class Reply(NamedTuple):
    """What the model says, which ends the turn, or the tool that it calls."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = {}


def says(text: str) -> Reply:
    return Reply(text)


def calls(tool: str, **arguments: Any) -> Reply:
    return Reply(tool=tool, arguments=arguments)


# To a request without tools, an aside that no test is about; Gemini's is whose turn it is.
_ASIDE: Final = says('{"next_speaker": "user", "reasoning": "ok"}')


class StubModel:
    """Answers with `replies` in turn, then with the last; `asked` holds what had tools to call."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.asked: list[Document] = []
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

    def events(self, path: str, request: Document) -> list[Document]:
        """Answer a request; what is not streamed is the last event alone, or the only one."""
        if "oken" in path:  # count_tokens, :countTokens
            return [{"input_tokens": 1, "totalTokens": 1}]
        reply = _ASIDE
        if request.get("tools"):
            self.asked.append(request)
            reply = self._replies[min(len(self.asked), len(self._replies)) - 1]
        number = f"{len(self.asked):04d}"
        if path.endswith("/responses"):
            return list(_of_openai(reply, number, request.get("tools", ())))
        if "/models/" in path:
            return [_of_google(reply, number)]
        return list(_of_anthropic(reply, number, streamed=bool(request.get("stream"))))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name there)
                """Say nothing."""

            def do_HEAD(self) -> None:
                self._send("text/plain", b"")

            def do_GET(self) -> None:
                self._send("application/json", b'{"data": [], "models": [], "has_more": false}')

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = json.loads(body or b"{}")
                path = self.path.partition("?")[0]
                events = model.events(path, request)
                if request.get("stream") or path.endswith(":streamGenerateContent"):
                    self._send("text/event-stream", b"".join(map(_event, events)))
                else:
                    self._send("application/json", json.dumps(events[-1]).encode())

            def _send(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return _Handler


def _event(event: Document) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _of_anthropic(reply: Reply, number: str, *, streamed: bool) -> Iterator[Document]:
    part: Document = {"type": "text", "text": reply.text}
    empty, delta = {**part, "text": ""}, {"type": "text_delta", "text": reply.text}
    if reply.tool:
        part = {"type": "tool_use", "id": f"toolu_{number}", "name": reply.tool}
        part["input"] = dict(reply.arguments)
        empty = {**part, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(part["input"])}
    ended: Document = {
        "stop_reason": "tool_use" if reply.tool else "end_turn",
        "stop_sequence": None,
    }
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: Document = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "stub",
    }
    message |= {"content": [part], "usage": usage, **ended}
    if not streamed:
        yield message
        return
    begun = {**message, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


def _of_openai(reply: Reply, number: str, tools: Sequence[Document]) -> Iterator[Document]:
    """Yield the events of the Responses API; a server's tools are offered within a namespace."""
    item: Document = {"id": f"item_{number}", "status": "completed"}
    if reply.tool:
        item |= {"type": "function_call", "call_id": f"call_{number}", "name": reply.tool}
        item["arguments"] = json.dumps(reply.arguments)
        for group in tools:
            space, _, name = reply.tool.rpartition("__")
            if group.get("type") == "namespace" and group["name"] == space:
                item |= {"namespace": space, "name": name}
    else:
        text = {"type": "output_text", "text": reply.text, "annotations": []}
        item |= {"type": "message", "role": "assistant", "content": [text]}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": f"resp_{number}", "object": "response", "status": "completed"}
    yield {"type": "response.created", "response": {**response, "status": "in_progress"}}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    done = {**response, "output": [item], "usage": usage}
    yield {"type": "response.completed", "response": done}


def _of_google(reply: Reply, number: str) -> Document:
    part: Document = {"text": reply.text}
    if reply.tool:
        call = {"id": f"call_{number}", "name": reply.tool, "args": dict(reply.arguments)}
        part = {"functionCall": call}
    content = {"role": "model", "parts": [part]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    chosen = [{"index": 0, "content": content, "finishReason": "STOP"}]
    return {"candidates": chosen, "modelVersion": "stub", "usageMetadata": usage}
