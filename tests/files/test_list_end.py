"""Adding to the end of a list that is not laid out anew."""

import json

import pytest

from mem0tray.files import list_end

LONG = {"id": "a", "content": "x" * 2000}


def laid_out(document: object) -> bytes:
    """Lay a document out as producers do."""
    return json.dumps(document, indent=2).encode()


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("last", ["queue", "stats"])
def test_what_is_added_stands_as_if_all_were_laid_out_anew(end: bytes, last: str) -> None:
    """Wherever the list stood, it comes first; its entries keep their bytes."""
    queue = [{"id": "b", "content": "é\n", "n": [1, {}]}, LONG]
    document = {"stats": {"n": 1}, "last_100": [], "queue": queue}
    if last == "stats":
        document = dict(reversed(document.items()))
    there = list_end.opened(laid_out(document) + end, "queue")
    assert there is not None
    assert {name: json.loads(each) for name, each in there.rest.items()} == {
        "stats": {"n": 1},
        "last_100": [],
    }
    more = [{"id": "c"}, {"id": "d", "x": [1]}]
    rest = laid_out({"stats": {"n": 3}, "last_100": []})
    parts = list_end.closed("queue", there.items, [json.dumps(x).encode() for x in more], [rest])
    whole = {"queue": [*queue, *more], "stats": {"n": 3}, "last_100": []}
    assert b"".join(parts) == laid_out(whole)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        laid_out({"queue": []}),
        laid_out({"other": [{}]}),
        laid_out({"queue": {"a": 1}}),
        laid_out({"queue": [1]}),
        json.dumps({"queue": [{"id": "a"}]}).encode(),
        json.dumps({"queue": [{"id": "a"}]}, indent=4).encode(),
        laid_out({"queue": [{"id": "a"}]}).replace(b"\n", b"\r\n"),
        laid_out({"queue": [{"id": "a"}]})[:-3],
        laid_out({"queue": [{"id": float("nan")}]}),
        laid_out({"queue": [{"id": "a"}]}).replace(b"a", b"\xff"),
        b"\xef\xbb\xbf" + laid_out({"queue": [{"id": "a"}]}),
        laid_out({"queue": [{"id": 0}]}).replace(b"0", b"1" * 5000),
        laid_out({"queue": [{"id": 0}]}).replace(b"0", b"[" * 500 + b"]" * 500),
        laid_out({"queue": [{"id": "a"}], "stats": 0}).replace(b"0", b"1" * 5000),
    ],
)
def test_what_is_odd_is_left_to_the_parser(data: bytes) -> None:
    """Empty, laid out otherwise, broken, no UTF-8, or beyond what JSON programs load."""
    assert list_end.opened(data, "queue") is None
