"""Adding to the end of a long list in a document, without laying out the list anew.

That takes a third of the time where 10,000 entries wait. It is for documents laid out as ours
and the producers' are; `document.parse` reads any other.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

import msgspec

from mem0tray.core.large import check_utf8
from mem0tray.files import document

_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_BEGIN: Final = b"[\n    {"  # how `json.dump(…, indent=2)` begins a list of objects at the top
_END: Final = b"\n  ]"
_BETWEEN: Final = b",\n    "


class OpenList(NamedTuple):
    """A list that can be added to: its bytes without its end, and the document's other values."""

    items: bytes
    rest: dict[str, bytes]


def opened(data: bytes, name: str) -> OpenList | None:
    """The list `name` of a document; None where it is empty, odd, or laid out otherwise.

    Odd is what `document.parse` would reject, or would not read by the fast parser.
    """
    try:
        if not data.isascii():
            check_utf8(data)
        top = _TOP.decode(data)
        value = memoryview(top.pop(name, msgspec.Raw(b"")))
        if not (bytes(value[: len(_BEGIN)]) == _BEGIN and bytes(value[-len(_END) :]) == _END):
            return None
        long = [each for each in _LIST.decode(value) if len(each) >= document.SMALL]
        if not all(map(document.loadable, (*long, *top.values()))):
            return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # A view can be written as bytes can.
    items = cast("bytes", value[: -len(_END)])
    return OpenList(items, {key: bytes(each) for key, each in top.items()})


def closed(name: str, items: bytes, more: Sequence[bytes], rest: Sequence[bytes]) -> list[bytes]:
    """The parts of a document with `more` at the end of the list `name`, which comes first.

    `items` is what `opened` found, `rest` a laid-out document of the other values.
    """
    added = [part for each in more for part in (_BETWEEN, document.pretty(each, 2))]
    first, *others = rest
    head = b"{\n  " + document.dump(name) + b": "
    return [head, items, *added, _END, b",", first.removeprefix(b"{"), *others]
