"""JSON documents that hold lists of items: split, salvage, compose.

A document is split into the bytes of its items, so that each keeps its own
(a number of any size, a NaN, an escape) and one odd item never takes the
others with it. Three steps: the fast parser; the standard library for what
that refuses (BOM, UTF-16, bad UTF-8, lone surrogates, NaN); and for a broken
document every whole object that can still be found in it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LENIENT: Final = json.JSONDecoder(strict=False)  # control characters within texts
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_TAKEN_OUT: Final = "mem0tray: taken out"
_SMALL: Final = 800  # an item of fewer bytes is neither too deep nor has too long a number
_DEEPEST: Final = 400  # json.tool gives up at about 1,000, its printer earlier
_DOCUMENT: Final = re.compile(r'\{\s*"(queue|items|last_100|failed|last_update|stats)"')
_VALUE: Final = re.compile(r":\s*\Z")
_NEAR: Final = 64  # bytes between a colon and its value, in any layout
_ITEM_KEYS: Final = frozenset({"id", "content", "project_id"})

Value = bytes | Sequence[bytes]


class BrokenDocumentError(Exception):
    """The bytes are no document of the expected shape."""


@dataclass(slots=True)
class Document:
    """A document taken apart.

    `lists` holds, by key, the bytes of each element; `rest` the bytes of every
    other top-level value, in file order. `rejected` are elements that
    `json.tool` could not load.
    """

    lists: dict[str, list[bytes]] = field(default_factory=dict)
    rest: dict[str, bytes] = field(default_factory=dict)
    rejected: list[bytes] = field(default_factory=list)


def parse(data: bytes, sections: Sequence[str]) -> Document:
    """Take `data` apart; a missing section is an empty list.

    Raises BrokenDocumentError when it is not one JSON object whose sections
    are lists.
    """
    try:
        if not data.isascii():
            data.decode()  # the splitter does not look into strings
        document = _split(_TOP.decode(data), sections)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_slowly(data, sections)
    for name, items in document.lists.items():
        document.lists[name] = _sift(items, document.rejected)
    for name in [name for name, value in document.rest.items() if not loadable(value)]:
        document.rejected.append(document.rest.pop(name))
    return document


def _split(top: Mapping[str, msgspec.Raw], sections: Sequence[str]) -> Document:
    document = Document({name: [] for name in sections})
    for name, value in top.items():
        if name in document.lists:
            document.lists[name] = [bytes(item) for item in _LIST.decode(value)]
        else:
            document.rest[name] = bytes(value)
    return document


def _parse_slowly(data: bytes, sections: Sequence[str]) -> Document:
    try:
        top = json.loads(to_text(data))
    except (ValueError, RecursionError) as error:
        document = _without_the_odd(data, sections)
        if document is None:
            raise BrokenDocumentError(reason(error)) from error
        return document
    if not isinstance(top, dict):
        raise BrokenDocumentError(f"it holds {_kind(top)} where an object should be")
    document = Document({name: [] for name in sections})
    for name, value in top.items():
        if name not in document.lists:
            document.rest[name] = dump(value)
        elif isinstance(value, list):
            document.lists[name] = _sift([dump(item) for item in value], document.rejected)
        else:
            raise BrokenDocumentError(f"{name!r} is {_kind(value)}, not a list")
    return document


def _without_the_odd(data: bytes, sections: Sequence[str]) -> Document | None:
    """A sound document but for objects that no program can load: those are taken out first."""
    text = to_text(data)
    odd = [(start, end) for start, end, value in _objects(text) if value is None]
    if not odd:
        return None
    parts = []
    at = 0
    for start, end in odd:
        parts += [text[at:start], f'"{_TAKEN_OUT}"']
        at = end
    sound = "".join([*parts, text[at:]]).encode("utf-8", "surrogatepass")
    try:
        document = parse(sound, sections)
    except BrokenDocumentError:
        return None
    mark = dump(_TAKEN_OUT)
    for name, items in document.lists.items():
        document.lists[name] = [item for item in items if item != mark]
    document.rest = {name: value for name, value in document.rest.items() if value != mark}
    document.rejected += [text[s:e].encode("utf-8", "surrogatepass") for s, e in odd]
    return document


def reason(error: Exception) -> str:
    """Why a document could not be read, in words without its content."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at line {error.lineno}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return "a number in it is too long" if "digits" in str(error) else "it is not JSON"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


def to_text(data: bytes) -> str:
    """Bytes as text: BOM and UTF-16/32 are understood, bad UTF-8 becomes lone surrogates."""
    encoding = json.detect_encoding(data)
    width = 4 if "32" in encoding else 2 if "16" in encoding else 1
    whole = len(data) - len(data) % width  # a torn file may end within a character
    try:
        return data[:whole].decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def dump(value: Any) -> bytes:
    """One value as ASCII JSON: escapes keep lone surrogates, NaN stays NaN."""
    return json.dumps(value).encode()


def loadable(raw: bytes) -> bool:
    """Whether `json.tool` can load this value (no endless number, no endless nesting)."""
    if len(raw) < _SMALL:
        return True
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return raw.count(b"[") + raw.count(b"{") <= _DEEPEST or _depth(raw) <= _DEEPEST


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for token in _BRACKETS.finditer(raw.decode("utf-8", "surrogateescape")):
        mark = token[0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _sift(items: list[bytes], rejected: list[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    for item in items:
        (kept if len(item) < _SMALL or loadable(item) else rejected).append(item)
    return kept


def salvage(data: bytes, sections: Sequence[str]) -> Document:
    """Every whole item that can be found in broken `data`.

    An object belongs to the section whose key stands last before it, and to
    the first section where none does; what stands under other keys (as
    `last_100`) is left alone, and so is the value of a key in a torn item.
    """
    text = to_text(data)
    document = Document({name: [] for name in sections})
    marks = [(m.start(), m[1]) for m in re.finditer(r'"(\w+)"\s*:\s*\[', text)]
    known = {*sections, "last_100"}
    marks = [mark for mark in marks if mark[1] in known]
    for start, end, value in _objects(text):
        while len(marks) > 1 and marks[1][0] < start:
            marks.pop(0)
        section = marks[0][1] if marks and marks[0][0] < start else sections[0]
        if _VALUE.search(text, max(0, start - _NEAR), start):
            section = ""
        _place(document, section, value, text[start:end])
        while marks and start < marks[0][0] < end:
            marks.pop(0)  # a "queue": [ inside of what was just taken
    return document


def _place(document: Document, section: str, value: Any, text: str) -> None:
    if value is None:
        document.rejected.append(text.encode("utf-8", "surrogatepass"))
        return
    nested = [name for name in document.lists if isinstance(value.get(name), list)]
    for name in nested:  # two documents, one behind the other
        items = [dump(item) for item in value[name]]
        document.lists[name] += _sift(items, document.rejected)
    if not nested and section in document.lists and _ITEM_KEYS & value.keys():
        try:
            raw = text.encode()
            json.loads(raw)
        except ValueError:  # a lone surrogate, or a raw control character
            raw = dump(value)
        document.lists[section] += _sift([raw], document.rejected)


def _objects(text: str) -> Iterable[tuple[int, int, dict[str, Any] | None]]:
    """Start, end and value of each outermost object that is whole; None for one too odd to load."""
    unclosed: set[int] = (
        set()
    )  # known at once for a whole nest: else it takes the square of its size
    at = text.find("{")
    while at >= 0:
        end = at + 1
        try:
            if at not in unclosed:
                value, end = _LENIENT.raw_decode(text, at)
                yield at, end, value
        except json.JSONDecodeError:
            pass  # not whole: perhaps something inside of it is
        except (ValueError, RecursionError):
            if not _DOCUMENT.match(text, at):  # else the oddity is in one of its items
                stop, opened = _span(text, at)
                unclosed.update(opened)
                if stop:
                    yield at, stop, None
                    end = stop
        at = text.find("{", end)


def _span(text: str, start: int) -> tuple[int, list[int]]:
    """Where the value at `start` ends; or 0 and all brackets from there on that stay open."""
    opened: list[int] = []
    for token in _BRACKETS.finditer(text, start):
        if token[0] in "[{":
            opened.append(token.start())
        elif token[0] in "]}":
            opened.pop()
            if not opened:
                return token.end(), []
    return 0, opened


def pretty(raw: bytes, depth: int) -> bytes:
    """One value as it stands in a document of ours, `depth` levels (of two spaces) deep."""
    try:
        text = msgspec.json.format(raw, indent=2)
    except (msgspec.DecodeError, RecursionError):
        text = json.dumps(json.loads(raw), indent=2).encode()
    return text.replace(b"\n", b"\n" + b"  " * depth)


def compose(top: Mapping[str, Value]) -> bytes:
    """A document, indent=2, as `json.dump` would lay it out.

    A list is given item by item, each as `pretty(item, 2)` makes it.
    """
    parts = []
    for name, value in top.items():
        if isinstance(value, bytes):
            body = pretty(value, 1)
        elif value:
            inner = b",\n    ".join(value)
            body = b"[\n    " + inner + b"\n  ]"
        else:
            body = b"[]"
        parts.append(dump(name) + b": " + body)
    return b"{\n  " + b",\n  ".join(parts) + b"\n}\n" if parts else b"{}\n"
