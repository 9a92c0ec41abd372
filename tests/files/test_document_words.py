"""What is said of a document that is none, and where salvaged items belong."""

import json
import sys

import pytest

from mem0tray.files.document import (
    BrokenDocumentError,
    compose,
    parse,
    pretty,
    salvage,
    stands_as,
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[]", "a list"), (b'"x"', "text"), (b"null", "null"), (b"true", "a truth value"),
        (b"false", "a truth value"), (b"5", "a number"), (b"-1", "a number"), (b"NaN", "a number"),
        (b" \n[1, 2]", "a list"),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_an_object_is_said(data: bytes, kind: str) -> None:
    with pytest.raises(BrokenDocumentError) as caught:
        parse(data, ("queue",))
    assert str(caught.value) == f"it holds {kind} where an object should be"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("{}", "an object"), ('"x"', "text"), ("null", "null"), ("true", "a truth value"),
        ("false", "a truth value"), ("5", "a number"),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_a_list_is_said(value: str, kind: str) -> None:
    with pytest.raises(BrokenDocumentError) as caught:
        parse(f'{{"queue": {value}}}'.encode(), ("queue",))
    assert str(caught.value) == f"'queue' is {kind}, not a list"


@pytest.mark.parametrize("sections", [("queue", "items"), ("items", "queue")])
def test_an_item_that_ends_where_a_section_begins_belongs_before_it(
    sections: tuple[str, str],
) -> None:
    data = b'{"items": [{"id": "a"}], "queue": [{"id": "b", "x": {"items": [1]}}, {"id": "c"}'
    found = salvage(data, sections)
    assert [json.loads(raw)["id"] for raw in found.lists["items"]] == ["a"]
    assert [json.loads(raw)["id"] for raw in found.lists["queue"]] == ["b", "c"]


def test_a_section_may_begin_right_behind_an_item() -> None:
    found = salvage(b'{"items": [{"id": "a"}"queue": [{"id": "b"}', ("items", "queue"))
    assert [json.loads(raw)["id"] for raw in found.lists["items"]] == ["a"]
    assert [json.loads(raw)["id"] for raw in found.lists["queue"]] == ["b"]


def test_an_item_stands_in_a_document_as_it_is_or_laid_out() -> None:
    raw = b'{"a": [1]}'
    assert stands_as(raw, raw, 2)
    assert stands_as(pretty(raw, 2), raw, 2)
    assert not stands_as(pretty(raw, 1), raw, 2)
    assert not stands_as(b'{"a":[1]}', raw, 2)


def test_scripts_of_windows_can_read_each_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"Müller": "”😀", "list": ["ß"]}
    raw = json.dumps(item, ensure_ascii=False).encode()
    for system in ("linux", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        shown = compose({"items": [pretty(raw, 2)]})
        assert shown.isascii() is (system == "win32")
        assert json.loads(shown) == {"items": [item]}
