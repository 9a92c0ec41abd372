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
from tests.support import needs

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


@pytest.mark.parametrize("ahead", range(9))
@pytest.mark.parametrize("sign", ["\\\\", '\\"', "\\n", "\\u00e9", "é", "x", "\\\\u00e9"])
def test_no_escape_is_cut_whatever_stands_before(ahead: int, sign: str) -> None:
    """A run of backslashes at the very beginning counts like any other."""
    for blanks in range(8):
        text = "\\\\" * ahead + "x" * blanks + sign * 6
        raw = f'"{text}"'.encode()
        assert str(LargeText(raw)) == json.loads(raw)


@pytest.mark.parametrize("high", ["D8", "D9", "DA", "DB", "d8", "d9", "da", "db"])
def test_no_pair_of_surrogates_is_cut(high: str) -> None:
    """Each of the four groups of first halves, in capitals or not, stays with its second half."""
    for ahead in range(24):
        raw = f'"{"x" * ahead}\\u{high}00\\uDC00yyyyyyyyyyyyyyyyy"'.encode()
        assert str(LargeText(raw)) == json.loads(raw)
        assert len(str(LargeText(raw))) == ahead + 18


def test_a_usual_text_has_pieces_too() -> None:
    """One after the other, the last as long as what is left."""
    assert list(large.pieces("x" * 13 + "y" * 13 + "z")) == ["x" * 13, "y" * 13, "z"]
    assert list(large.pieces("")) == []


def test_each_piece_of_a_large_text_is_a_piece() -> None:
    """None is much longer than asked for, else all of it would be in memory."""
    raw = b'"' + b"x" * 100 + b'"'
    assert [len(piece) for piece in LargeText(raw).pieces()] == [13] * 7 + [9]


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


@pytest.mark.parametrize("sign", ["a", "é", "€", "😀"])
@pytest.mark.parametrize("before", range(13))
def test_a_character_across_two_pieces_is_whole(sign: str, before: int) -> None:
    """Wherever a piece ends, it ends behind a character; one that is cut off is found."""
    data = b"x" * before + sign.encode() * 9
    check_utf8(data)
    if sign != "a":
        with pytest.raises(UnicodeDecodeError):
            check_utf8(data[:-1])
        with pytest.raises(UnicodeDecodeError):
            check_utf8(data.replace(sign.encode(), sign.encode()[1:], 1))


_LETTER = {
    "id": "a-1",
    "project_id": "p",
    "content": "« text » 😀\n" * (LARGE // 10),
    "retry_count": 3,
    "last_attempt": 5.0,
    "mine": {"b": [1, {}, []], "a": None},
}


@pytest.mark.parametrize("escapes", [True, pytest.param(False, marks=needs.UTF8)])
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


@pytest.mark.parametrize("content", ["5", "null", "[]", '{"a": "b"}', "true"])
def test_a_large_object_without_a_text_is_no_item(content: str) -> None:
    """As a small one is none."""
    raw = f'{{"id": "a", "content": {content}, "more": "{"x" * LARGE}"}}'.encode()
    assert items.parse(raw) is None


def test_a_large_item_may_have_a_small_text() -> None:
    """It is then read at once: another field is large."""
    raw = f'{{"id": "a", "content": "small", "more": "{"x" * LARGE}"}}'.encode()
    item = items.parse(raw)
    assert item is not None
    assert item.text == "small"


@pytest.mark.parametrize("odd", ["NaN", '"\\ud800"'])
def test_the_body_of_a_large_item_may_be_odd(odd: str) -> None:
    """What the fast parser refuses is hashed as that of a small one is."""
    pad = "x" * LARGE
    raw = f'{{"more": "{pad}", "odd": {odd}, "retry_count": 5}}'.encode()
    text = json.dumps({"more": pad, "odd": json.loads(odd)}, sort_keys=True)
    assert items.body(raw) == hashlib.sha256(text.encode()).digest()


def test_a_project_that_is_half_a_character_has_a_digest() -> None:
    """However large its text is."""
    text = "x" * 20
    assert items.digest("\ud800", LargeText(f'"{text}"'.encode())) == items.digest("\ud800", text)


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
