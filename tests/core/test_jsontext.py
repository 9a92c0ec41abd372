"""JSON taken apart and laid out as text."""

import json
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
def test_members_are_the_object(value: dict[str, Any], indent: int | None) -> None:
    """Taken apart and put together again, an object is the same, NaN and surrogates included."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    parts = jsontext.members(text)
    assert list(parts) == list(value)
    assert json.dumps(json.loads(jsontext.join(parts))) == json.dumps(value)


@given(st.lists(anything, max_size=5))
def test_elements_are_the_list(value: list[Any]) -> None:
    """The elements of a list are its values, in order."""
    found = jsontext.elements(json.dumps(value))
    assert json.dumps(list(map(json.loads, found))) == json.dumps(value)


@given(anything)
def test_indented_as_json_dumps_does_it(value: Any) -> None:
    """The layout is that of the standard library, whatever the one before."""
    wanted = json.dumps(value, indent=2)
    assert jsontext.indent(json.dumps(value)) == wanted
    assert jsontext.indent(wanted) == wanted


@given(anything)
def test_encoded_is_utf8_with_the_same_value(value: Any) -> None:
    """Half a surrogate pair becomes an escape; everything else stays."""
    text = json.dumps(value, ensure_ascii=False)
    encoded = jsontext.encode(text).decode()
    assert json.dumps(json.loads(encoded)) == json.dumps(value)


@pytest.mark.parametrize("number", ["1e400", "-0.0", "1.10", "9" * 5000, "1E+2"])
def test_numbers_keep_their_digits(number: str) -> None:
    """Nothing is written anew, neither taken apart nor laid out."""
    text = f'{{"a": {number}, "b": [{number}, NaN]}}'
    assert jsontext.members(text)["a"] == number
    assert jsontext.elements(f"[{number}, 1]") == [number, "1"]
    assert jsontext.indent(text).count(number) == 2


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1 "b":2}', "{a:1}", "{} x", '{"a":[1}'],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    """Members of what is no object are an error, never fewer members."""
    with pytest.raises(JSONDecodeError):
        jsontext.members(text)


@pytest.mark.parametrize("text", ["", "[", "{}", "[1,]", "[1 2]", "[,]", "[1]]", "[" * 5000])
def test_what_is_no_list_is_refused(text: str) -> None:
    """Elements of what is no list are an error, never fewer elements."""
    with pytest.raises(JSONDecodeError):
        jsontext.elements(text)
