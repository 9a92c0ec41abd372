"""Texts that are too large to be in memory several times over."""

import hashlib
import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import item as items
from mem0tray.core import jsontext, large
from mem0tray.core.large import LARGE, LargeText, as_json, check_utf8
from mem0tray.files import document

_ANY = st.text(st.sampled_from('ab\\"/\n\x00uUdD89é«€😀\ud800\udc00\udbff'), max_size=60)


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> object:
    """Cut every few bytes, so that each cut falls somewhere else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "_PIECE", 13)
        yield


def _raw(text: str, *, escapes: bool) -> bytes:
    raw = json.dumps(text, ensure_ascii=escapes)
    return jsontext.encode(raw)


@given(_ANY, st.booleans())
def test_pieces_make_up_the_text(text: str, escapes: bool) -> None:  # noqa: FBT001
    """Whatever is cut, no character and no escape is."""
    raw = _raw(text, escapes=escapes)
    whole = json.loads(raw)  # two halves that met are one character
    assert str(LargeText(raw)) == whole
    assert json.loads(b'"' + b"".join(as_json(LargeText(raw))) + b'"') == whole


@given(_ANY, st.booleans())
def test_the_digest_is_that_of_the_text(text: str, escapes: bool) -> None:  # noqa: FBT001
    """However large it is, and however it is written."""
    raw = _raw(text, escapes=escapes)
    assert items.digest("p", LargeText(raw)) == items.digest("p", json.loads(raw))


@given(st.binary(max_size=40))
def test_bytes_that_are_no_utf_8_are_found(data: bytes) -> None:
    """Just where the usual decoder finds them, a character that is cut is none."""
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            check_utf8(data)
    else:
        check_utf8(data)


_LETTER = {
    "id": "a-1",
    "project_id": "p",
    "content": "« text » 😀\n" * (LARGE // 10),
    "retry_count": 3,
    "last_attempt": 5.0,
    "mine": {"b": [1, {}, []], "a": None},
}


@pytest.mark.parametrize("escapes", [True, False])
def test_a_large_item_is_what_a_small_one_would_be(*, escapes: bool) -> None:
    """Fields, changed fields, hash of the user's part and layout, by the slow way and by ours."""
    raw = json.dumps(_LETTER, ensure_ascii=escapes).encode()
    item = items.parse(raw)
    assert item is not None
    assert isinstance(item.text, LargeText)
    assert item.content == _LETTER["content"]
    assert item.digest == items.digest("p", str(_LETTER["content"]))
    assert item.retry_count == 3
    changed = json.loads(items.with_fields(raw, {"retry_count": 4, "last_error": "x"}, ("mine",)))
    assert changed == {k: v for k, v in _LETTER.items() if k != "mine"} | {
        "retry_count": 4, "last_error": "x",
    }  # fmt: skip
    theirs = {k: v for k, v in _LETTER.items() if k not in items.OUR_FIELDS}
    assert items.body(raw) == hashlib.sha256(json.dumps(theirs, sort_keys=True).encode()).digest()
    shown = json.dumps([[_LETTER]], indent=2, ensure_ascii=escapes)[10:-6]
    assert document.pretty(raw, 2).decode() == shown
    assert document.stands_as(shown.encode(), raw, 2)
    assert not document.stands_as(shown.encode()[:-1], raw, 2)


def test_a_document_of_views_is_the_same_document() -> None:
    """Taken apart with or without copies, and put together again."""
    data = json.dumps({"queue": [_LETTER, {"id": "b"}], "last_100": [_LETTER]}, indent=2).encode()
    for views in (False, True):
        parsed = document.parse(data, ("queue",), views=views)
        assert [isinstance(each, msgspec.Raw) for each in parsed.lists["queue"]] == [views, False]
        top: dict[str, document.Value] = {
            "queue": [document.laid_out(each, 2) for each in parsed.lists["queue"]],
            **parsed.rest,
        }
        assert b"".join(document.compose_parts(top)) == data + b"\n"


def test_what_the_fast_parser_refuses_is_laid_out_in_few_times_its_size() -> None:
    """The same for a text with a lone surrogate, which takes the slow way."""
    text = json.dumps("Ein Satz.\n" * 50_000 + "\ud800")
    tracemalloc.start()
    assert jsontext.indent(text) == text
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 * len(text)
