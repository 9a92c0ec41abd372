"""JSON taken apart and laid out as text."""

import json
import tracemalloc
from json import JSONDecodeError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import jsontext

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), anything, max_size=5), st.sampled_from([None, 2]))
def test_members_are_the_object_and_elements_the_list(
    value: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    parts = jsontext.members(text)
    assert list(parts) == list(value)
    assert json.dumps(json.loads(jsontext.join(parts))) == json.dumps(value)
    elements = jsontext.elements(json.dumps([*value.values()], indent=indent))
    assert json.dumps([*map(json.loads, elements)]) == json.dumps([*value.values()])


@given(anything)
def test_a_value_that_is_indented_encoded_or_escaped_is_the_same(value: Any) -> None:
    wanted = json.dumps(value, indent=2)
    assert jsontext.indent(json.dumps(value)) == jsontext.indent(wanted) == wanted
    raw = jsontext.encode(json.dumps(value, ensure_ascii=False))
    assert json.dumps(json.loads(raw.decode())) == json.dumps(value)
    escaped = jsontext.escaped(raw)
    assert escaped.isascii()
    assert json.dumps(json.loads(escaped)) == json.dumps(value)
    assert jsontext.escaped(b'"\xff"') == b'"\xff"'


@pytest.mark.parametrize("number", ["1e400", "-0.0", "1.10", "9" * 5000, "1E+2"])
def test_numbers_keep_their_digits(number: str) -> None:
    text = f'{{"a": {number}, "b": [{number}, NaN]}}'
    assert jsontext.members(text)["a"] == number
    assert jsontext.elements(f"[{number}, 1]") == [number, "1"]
    assert jsontext.indent(text).count(number) == 2


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "Expecting '{'", 0), ("{", "Expecting property name", 1), ("[]", "Expecting '{'", 0),
        ('{"a"}', "Expecting ':'", 4), ('{"a":}', "Expecting value", 5),
        ('{"a":1,}', "Expecting property name", 7), ('{"a":1 "b":2}', "Expecting ','", 7),
        ("{a:1}", "Expecting property name", 1), ("{} x", "Extra data", 3),
        ('{"a":[1}', "Expecting ',' delimiter", 7),
        ('{"a": ' + "[" * 100_000, "Expecting value", 6),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_object_is_refused(text: str, message: str, place: int) -> None:
    with pytest.raises(JSONDecodeError) as caught:
        jsontext.members(text)
    assert (caught.value.msg, caught.value.pos) == (message, place)


@pytest.mark.parametrize("text", ["", "[", "{}", "[1,]", "[1 2]", "[1]]"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(JSONDecodeError):
        jsontext.elements(text)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("1", 0), ("[]", 1), ("{}", 1), ("[[],{}]", 2), ('{"a":{"b":[1]},"c":[]}', 3),
        ('["[[[", "]"]', 1), ('["\\"[["]', 1), ("[[]],[[[]]]", 3),
    ],
)  # fmt: skip
def test_the_depth_is_that_of_the_deepest(text: str, depth: int) -> None:
    assert jsontext.depth(text) == depth


@pytest.mark.parametrize(
    ("text", "start", "end", "opened"),
    [
        ("12345, 6", 0, 5, []),
        (", null]", 2, 6, []),
        ('{"a":[1,{}]} x', 0, 12, []),
        ('["]"] x', 0, 5, []),
        ('["a\\\n]"] x', 0, 8, []),  # a broken file: a line break behind the backslash
        ("x [[], 1", 2, 0, [2]),
        ("[[", 0, 0, [0, 1]),
        ("[{}, [", 0, 0, [0, 5]),
    ],
)
def test_a_value_is_spanned_without_being_read(
    text: str, start: int, end: int, opened: list[int]
) -> None:
    assert jsontext.span(text, start) == (end, opened)


def test_a_long_text_is_laid_out_in_few_times_its_size() -> None:
    text = json.dumps("Ein Satz.\n" * 50_000 + "\ud800")
    tracemalloc.start()
    assert jsontext.indent(text) == text
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 * len(text)
