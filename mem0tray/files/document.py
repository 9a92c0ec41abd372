"""JSON documents that hold lists of items: split, salvage, compose.

Each item keeps its own bytes, and one odd item never spoils the others.
"""

import json
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from mem0tray.core import jsontext
from mem0tray.core.reasons import Reason

_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LENIENT: Final = json.JSONDecoder(strict=False)  # control characters within texts
STAMP: Final = "last_update"  # of DLQ file and metrics: when it was written, ISO
QUEUE: Final = "queue"
FAILED: Final = "failed"
RECENT: Final = "last_100"
HELD: Final = "held"  # of the queue file: entries that another worker has perhaps delivered
QUEUE_SECTIONS: Final = (QUEUE, FAILED, HELD)
NEW_STATS: Final = b'{"total_queued": 0, "total_synced": 0, "total_failed": 0, "last_sync": null}'
_BLANKS: Final = " \t\n\r"
_SMALL: Final = 800  # bytes; a smaller item has neither too deep nesting nor too long a number
_DEEPEST: Final = 400  # json.tool gives up at about 1,000, its printer earlier
# Compiled only where a document is broken: that takes a tenth of the start of a hook.
_DOCUMENT: Final = r'\{\s*"(queue|items|last_100|failed|last_update|stats)"'
_SECTION: Final = r'"(\w+)"\s*:\s*\['
_VALUE: Final = r":\s*\Z"
_NEAR: Final = 64  # bytes between a colon and its value, in any layout
_ITEM_KEYS: Final = frozenset({"id", "content", "project_id"})

Value = bytes | Sequence[bytes]


class BrokenDocumentError(Exception):
    """The bytes are no document of the expected shape."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Document(msgspec.Struct):
    """A document taken apart: each element of its `lists`, every other value in `rest`.

    `rejected` are elements that `json.tool` could not load.
    """

    lists: dict[str, list[bytes]]
    rest: dict[str, bytes] = msgspec.field(default_factory=dict)
    rejected: list[bytes] = msgspec.field(default_factory=list)


def parse(data: bytes, sections: Sequence[str]) -> Document:
    """Take `data` apart; a missing section is an empty list.

    Raises BrokenDocumentError when `data` is not one JSON object whose sections are lists.
    """
    document = Document({name: [] for name in sections})
    try:
        if not data.isascii():
            data.decode()  # the splitter does not look into strings
        _split(data, document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = Document({name: [] for name in sections})
        _split_slowly(data, document)
    for name, items in document.lists.items():
        document.lists[name] = _sift(items, document.rejected)
    for name in [name for name, value in document.rest.items() if not loadable(value)]:
        document.rejected.append(document.rest.pop(name))
    return document


def _split(data: bytes, document: Document) -> None:
    for name, value in _TOP.decode(data).items():
        if name in document.lists:
            document.lists[name] = list(map(bytes, _LIST.decode(value)))
        else:
            document.rest[name] = bytes(value)


def _split_slowly(data: bytes, document: Document) -> None:
    text = to_text(data).strip(_BLANKS)
    try:
        if not text.startswith("{"):
            json.loads(text)
            raise BrokenDocumentError(Reason("it holds no JSON object"))
        for name, value in jsontext.members(text).items():
            if name not in document.lists:
                document.rest[name] = jsontext.encode(value)
            elif value.startswith("["):
                document.lists[name] = list(map(jsontext.encode, jsontext.elements(value)))
            else:
                raise BrokenDocumentError(Reason("{name} is no list", name=repr(name)))
    except json.JSONDecodeError as error:
        # Words that quote nothing from the file.
        what = error.msg.removesuffix(" at")
        raise BrokenDocumentError(
            Reason("{what} at line {number}", what=what, number=error.lineno)
        ) from error
    except (ValueError, RecursionError) as error:  # too long a number, too deep nesting
        raise BrokenDocumentError(Reason("it holds no JSON object")) from error


def to_text(data: bytes) -> str:
    """Return bytes as text: BOM and UTF-16/32 are understood, bad UTF-8 becomes lone surrogates."""
    encoding = json.detect_encoding(data)
    width = 4 if "32" in encoding else 2 if "16" in encoding else 1
    whole = len(data) - len(data) % width  # a torn file may end within a character
    try:
        return data[:whole].decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def dump(value: Any) -> bytes:
    """Return a value as ASCII JSON: escapes keep lone surrogates, NaN stays NaN."""
    return json.dumps(value).encode()


def json_value(value: object) -> bytes:
    """Return a small value of our own as JSON, to be read by people too."""
    return jsontext.encode(json.dumps(value, ensure_ascii=False))


def local_iso(at: float) -> str:
    """Unix seconds as local ISO time to the second, as these files have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at))


def loadable(raw: bytes) -> bool:
    """Return whether `json.tool` can load this value (no endless number, no endless nesting)."""
    if len(raw) < _SMALL:
        return True
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    if raw.count(b"[") + raw.count(b"{") <= _DEEPEST:
        return True
    return jsontext.depth(raw.decode("utf-8", "surrogateescape")) <= _DEEPEST


def _sift(items: list[bytes], rejected: list[bytes]) -> list[bytes]:
    if max(map(len, items), default=0) < _SMALL:
        return items
    kept: list[bytes] = []
    for item in items:
        (kept if loadable(item) else rejected).append(item)
    return kept


def salvage(data: bytes, sections: Sequence[str]) -> Document:
    """Return every whole item that can be found in broken `data`.

    An object belongs to the section whose key stands last before it, or to the first
    section where none does. Other keys (as `last_100`) are left alone, and so is the value
    of a key in a torn item.
    """
    text = to_text(data)
    document = Document({name: [] for name in sections})
    section, at = sections[0], 0
    for start, end, value in _objects(text):
        for mark in re.compile(_SECTION).finditer(text, at, start):
            section = mark[1] if mark[1] in (*sections, RECENT) else section
        at = end
        is_value = re.compile(_VALUE).search(text, max(0, start - _NEAR), start) is not None
        _place(document, "" if is_value else section, value, text[start:end])
    return document


def objects_in(line: bytes) -> list[tuple[int, int]]:
    """Find where the outermost whole objects begin and end, odd ones included."""
    text = line.decode("latin-1")  # one character for each byte; only ASCII matters here
    return [(start, end) for start, end, _ in _objects(text)]


def _place(document: Document, section: str, value: Any, text: str) -> None:
    if value is None:
        document.rejected.append(jsontext.encode(text))
        return
    nested = [name for name in document.lists if isinstance(value.get(name), list)]
    for name in nested:  # two documents in a row
        items = [dump(item) for item in value[name]]
        document.lists[name] += _sift(items, document.rejected)
    if not nested and section in document.lists and _ITEM_KEYS & value.keys():
        raw = jsontext.encode(text)
        try:
            json.loads(raw)
        except ValueError:  # a raw control character
            raw = dump(value)
        document.lists[section] += _sift([raw], document.rejected)


def _objects(text: str) -> Iterable[tuple[int, int, dict[str, Any] | None]]:
    unclosed: set[int] = set()  # of a whole nest, or the time would grow with its square
    at = text.find("{")
    while at >= 0:
        end = at + 1
        try:
            if at not in unclosed:
                value, end = _LENIENT.raw_decode(text, at)
                yield at, end, value
        except json.JSONDecodeError:
            pass  # not whole; perhaps something inside it is
        except (ValueError, RecursionError):
            if not re.compile(_DOCUMENT).match(text, at):  # else the odd part is one of its items
                stop, opened = jsontext.span(text, at)
                unclosed.update(opened)
                if stop:
                    yield at, stop, None
                    end = stop
        at = text.find("{", end)


def pretty(raw: bytes, depth: int) -> bytes:
    """Return a value as it stands in a document of ours, `depth` levels (of two spaces) deep.

    With escapes on Windows, where scripts that name no encoding read UTF-8 as other letters.
    """
    try:
        text = msgspec.json.format(raw, indent=2)
    except (msgspec.DecodeError, RecursionError):
        text = jsontext.indent(raw.decode()).encode()
    text = text.replace(b"\n", b"\n" + b"  " * depth)
    return jsontext.escaped(text) if sys.platform == "win32" else text


def stands_as(found: bytes, raw: bytes, depth: int) -> bool:
    """Return whether `found` is `raw`, unchanged or laid out at that depth."""
    return found == raw or found == pretty(raw, depth)


def compose(top: Mapping[str, Value]) -> bytes:
    """Return a document laid out as by `json.dump(indent=2)`, of items from `pretty(item, 2)`."""
    parts: list[bytes] = []
    for name, value in top.items():
        parts += (b",\n  " if parts else b"{\n  ", dump(name), b": ")
        if isinstance(value, bytes):
            parts.append(pretty(value, 1))
        elif value:
            parts += (b"[\n    ", b",\n    ".join(value), b"\n  ]")
        else:
            parts.append(b"[]")
    return b"".join([*parts, b"\n}\n"]) if parts else b"{}\n"
