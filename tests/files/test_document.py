"""JSON documents that hold lists of items: split, salvage, compose."""

import contextlib
import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.files.document import (
    BrokenDocumentError,
    compose,
    dump,
    json_value,
    loadable,
    local_iso,
    parse,
    pretty,
    salvage,
    stands_as,
    to_text,
)
from tests.support import needs

SECTIONS = ("items",)
QUEUE = ("queue", "failed")
LETTERS: list[dict[str, Any]] = [
    {"id": "a", "project_id": "p", "content": 'braces } { ] [ and "quotes" \\'},
    {"id": "b", "project_id": "p", "content": "été – 🙂", "more": {"deep": [1, {"x": {}}]}},
    {"id": "c", "project_id": "p", "content": "line\nbreak", "retry_count": 3},
]
FILE = json.dumps({"items": LETTERS, "last_update": "now"}, indent=2, ensure_ascii=False).encode()

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_ "), inner, max_size=4)
    ),
    max_leaves=12,
)


def values(raws: list[bytes]) -> list[Any]:
    return [json.loads(raw) for raw in raws]


def written(items: list[bytes], **rest: bytes) -> bytes:
    return compose({"items": [pretty(item, 2) for item in items], **rest})


def test_a_document_is_taken_apart() -> None:
    document = parse(b'{"x": 1,"items":[ {"id" :1}, 2 ], "y":[3]}', SECTIONS)
    assert document.lists == {"items": [b'{"id" :1}', b"2"]}
    assert document.rest == {"x": b"1", "y": b"[3]"}
    assert list(document.rest) == ["x", "y"]
    assert document.rejected == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"null", b"[]", b'"items"', b'{"items":null}', b'{"items":{}}',
        b'{"items":"x"}', b'{"items":3}', b'{"items":[1]', b'{"items":[1,]}',
        b'{"items":[1]} {"items":[2]}', b'{"items":[1]}x', b'{"items":[01]}',
        b'{"items":["a\nb"]}', b'{"items":["\\q"]}', b"\x00\x00\x00\x00", b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_document_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenDocumentError):
        parse(data, SECTIONS)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"items":["\n"]}', "Invalid control character at line 1"),
        (b'{"items":[{"content":"secret" oops}]}', "Expecting ',' delimiter at line 1"),
        (b"[]", "it holds no JSON object"), (b" \n[1, 2]", "it holds no JSON object"),
        (b'[{"id":' + b"9" * 5000 + b"}]", "it holds no JSON object"),
        (b"9" * 5000, "it holds no JSON object"), (b"[" * 99_999, "it holds no JSON object"),
        (b'{"items": {}}', "'items' is no list"), (b'{"items": null}', "'items' is no list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_without_the_content(data: bytes, why: str) -> None:
    with pytest.raises(BrokenDocumentError, match=f"^{why}$"):
        parse(data, SECTIONS)


@pytest.mark.row(12)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_other_encodings_are_understood(encoding: str, mark: str) -> None:
    document = parse((mark + FILE.decode()).encode(encoding), SECTIONS)
    assert values(document.lists["items"]) == LETTERS
    assert json.loads(document.rest["last_update"]) == "now"


def test_bytes_that_are_no_utf8_cost_nothing_else() -> None:
    document = parse(b'{"items":[{"content":"\xff\xfe"},{"content":"ok"}]}', SECTIONS)
    assert json.loads(document.lists["items"][1]) == {"content": "ok"}
    assert len(json.loads(written(document.lists["items"]))["items"]) == 2


@pytest.mark.row(14)
@pytest.mark.parametrize("number", ["1e400", "-1e999", "0.12345678901234567890123", "1.10", "1E5"])
@pytest.mark.parametrize("odd", ['"\\ud83d!"', '{"\\udc00": "x"}', "NaN", "[-Infinity]"])
def test_what_the_fast_parser_refuses_survives_and_a_number_beside_it_keeps_its_digits(
    number: str, odd: str
) -> None:
    item = f'{{"n": {number}, "content": {odd}}}'
    data = f'{{"items":[{item}],"n":{number},"k\\ud800":{odd}}}'.encode()
    document = parse(data, SECTIONS)
    again = written(document.lists["items"], **document.rest)
    assert repr(json.loads(again)) == repr(json.loads(data))
    assert again.decode().count(number) == 2


UNLOADABLE = {
    "digits": b'{"content":"k","n":' + b"9" * 5_000 + b"}",
    "100,000 deep": b'{"content":"k","n":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "900 deep": b'{"content":"k","n":' + b"[" * 900 + b"]" * 900 + b"}",
    "objects": b'{"n":' * 3_000 + b"1" + b"}" * 3_000,
    "a list": b"[" * 100_000 + b"]" * 100_000,
    "a number": b"9" * 5_000,
    "an item in a list": b'[{"n":' + b"9" * 5_000 + b'},"]"]',
}


@pytest.mark.row(15, 18)
@pytest.mark.parametrize("beside", [b"1", b"NaN"], ids=["fast", "slow"])
@pytest.mark.parametrize("odd", UNLOADABLE.values(), ids=UNLOADABLE)
def test_what_json_tool_cannot_load_is_rejected_alone(odd: bytes, beside: bytes) -> None:
    data = b'{"items":[{"id":"a"},' + odd + b',{"id":"b"}],"z":' + beside + b"}"
    document = parse(data, SECTIONS)
    assert values(document.lists["items"]) == [{"id": "a"}, {"id": "b"}]
    assert document.rejected == [odd]
    assert document.rest == {"z": beside}
    assert not loadable(odd)


def test_brackets_in_text_are_not_nesting() -> None:
    assert loadable(dump({"content": '[{"' * 5_000}))
    assert loadable(b'{"content": "\xed\xa0\xbd' + b"[" * 5_000 + b'"}')


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_broken(data: bytes) -> None:
    to_text(data)
    salvage(data, SECTIONS)
    with contextlib.suppress(BrokenDocumentError):
        parse(data, SECTIONS)


@pytest.mark.row(10)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_cut_document_is_broken_and_yields_every_whole_item(encoding: str) -> None:
    data = FILE.decode().encode(encoding)
    last = 0
    for end in range(len(data) + 1):
        document = salvage(data[:end], SECTIONS)
        found = values(document.lists["items"])
        assert found == LETTERS[: len(found)]
        assert len(found) >= last
        last = len(found)
        if end < len(data):
            with pytest.raises(BrokenDocumentError):
                parse(data[:end], SECTIONS)
    assert last == len(LETTERS)


def test_a_lost_beginning_costs_only_the_first_item() -> None:
    text = json.dumps({"items": LETTERS})
    for start in range(text.index('"b"')):
        document = salvage(text[start:].encode(), SECTIONS)
        found = [value["id"] for value in values(document.lists["items"]) if "id" in value]
        assert found[-1] == "c"
        assert found[-2:] == ["b", "c"] or start > text.index('{"id": "b"')


@pytest.mark.parametrize("junk", [b"", b"?", b'"', b"{", b"}", b"[", b"\\", b"\x00", b"\xff"])
def test_damage_in_one_item_costs_only_that_one(junk: bytes) -> None:
    for at in range(FILE.index(b'"id": "b"'), FILE.index(b'"more"')):
        found = values(salvage(FILE[:at] + junk + FILE[at + 1 :], SECTIONS).lists["items"])
        assert found[0] == LETTERS[0]
        assert found[-1] == LETTERS[2]
        assert len(found) <= 3


ODD = UNLOADABLE["digits"]
A = b'{"id": "a", "content": "c"}'


@pytest.mark.row(11)
@pytest.mark.parametrize(
    ("data", "queue", "failed"),
    [
        (b'{"queue":[%b],"last_100":[%b],"failed":[%b,{"id":"g","cont' % (A, A, A), [A], [A]),
        (b'%b\n%b\n{"id' % (A, A), [A, A], []),
        (b'{"failed": [%b], "queue": [%b, {"id": "b", "x": {"queue": [1]}}' % (A, A),
         [A, b'{"id": "b", "x": {"queue": [1]}}'], [A]),
        (b'{"queue": [%b]}{"queue": [%b]}' % (A, A), [A, A], []),
        (b'{"queue":[{"x":1},{"stats":{}},%b' % A, [A], []),
        (b'{"queue":[%b,%b,%b,{"id' % (A, ODD, A), [A, A], []),
        (b'{"queue": [%b, {"id": "x", "origin": {"id": "y", "content": "old"}, "con' % A, [A], []),
        (b'{"queue": [{"content": "two\nlines"}, {"id"', [b'{"content": "two\\nlines"}'], []),
        (b'{"queue":[{"content":"\\ud800"},', [b'{"content":"\\ud800"}'], []),
        (b'{"queue":[{"content":"\xff"},', [b'{"content":"\\udcff"}'], []),
        (b'{"queue":[{"project_id":"p"},{"id":1},', [b'{"project_id":"p"}', b'{"id":1}'], []),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_whole_belongs_to_the_section_before_it(
    data: bytes, queue: list[bytes], failed: list[bytes]
) -> None:
    document = salvage(data, QUEUE)
    assert document.lists == {"queue": queue, "failed": failed}
    assert document.rejected == [ODD] * data.count(ODD)


def test_open_brackets_without_end_are_survived() -> None:
    assert salvage(b'{"items":[' + b'{"a":' * 100_000, SECTIONS).lists == {"items": []}


@needs.UTF8
@given(st.lists(plain, max_size=5), plain)
def test_a_composed_document_looks_like_json_dump_and_is_read_again(
    items: list[Any], rest: Any
) -> None:
    raws = [json.dumps(item, ensure_ascii=False).encode() for item in items]
    data = written(raws, rest=json.dumps(rest, ensure_ascii=False).encode())
    expected = json.dumps({"items": items, "rest": rest}, indent=2, ensure_ascii=False)
    assert data.decode() == expected + "\n"
    document = parse(data, SECTIONS)
    assert values(document.lists["items"]) == items
    assert written(document.lists["items"], **document.rest) == data


def test_an_empty_document_is_an_object() -> None:
    assert json.loads(compose({})) == {}
    assert compose({"items": []}) == b'{\n  "items": []\n}\n'
    assert compose({"a\ud800": b"1"}) == b'{\n  "a\\ud800": 1\n}\n'


def test_times_and_values_of_ours_are_written_for_people_too() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", local_iso(1_800_000_000.7))
    assert local_iso(1_800_000_000.0) == local_iso(1_800_000_000.7)
    assert json_value({"é": "\ud83d"}) == b'{"\xc3\xa9": "\\ud83d"}'


def test_an_item_stands_in_a_document_as_it_is_or_laid_out() -> None:
    raw = b'{"a": [1]}'
    assert stands_as(raw, raw, 2)
    assert stands_as(pretty(raw, 2), raw, 2)
    assert not stands_as(pretty(raw, 1), raw, 2)
    assert not stands_as(b'{"a":[1]}', raw, 2)
    assert pretty(raw, 2) == b'{\n      "a": [\n        1\n      ]\n    }'


def test_scripts_of_windows_can_read_each_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"Müller": "”😀", "list": ["ß"]}
    raw = json.dumps(item, ensure_ascii=False).encode()
    for system in ("linux", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        shown = compose({"items": [pretty(raw, 2)]})
        assert shown.isascii() is (system == "win32")
        assert json.loads(shown) == {"items": [item]}
