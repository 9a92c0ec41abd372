"""Changes of a JSON text in one place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import json_edit

NEW = {"command": "a b", "list": [1, {"x": "ü"}]}
_NAMES = st.sampled_from(["a", "hooks", "Stop", 'q"]', "ü"])
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)
_INDENTS = st.sampled_from([None, 1, 2, 4, "\t"])


@given(
    document=st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4),
    indent=_INDENTS,
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_there_and_back(document: dict[str, Any], indent: int | str | None, newline: str) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False).replace("\n", newline)
    more = json_edit.with_member(text, (), "new", NEW)
    assert list(json.loads(more).items()) == [*document.items(), ("new", NEW)]
    assert json_edit.without(more, ("new",)) == text


@given(elements=st.lists(_VALUES, min_size=1, max_size=4), data=st.data(), indent=_INDENTS)
def test_an_element_there_and_back_and_any_element_goes(
    elements: list[Any], data: st.DataObject, indent: int | str | None
) -> None:
    text = json.dumps({"a": {"b": elements}}, indent=indent)
    more = json_edit.with_element(text, ("a", "b"), NEW)
    assert json.loads(more) == {"a": {"b": [*elements, NEW]}}
    assert json_edit.without(more, ("a", "b", len(elements))) == text
    index = data.draw(st.integers(0, len(elements) - 1))
    text = json_edit.without(json.dumps(elements, indent=indent), (index,))
    assert json.loads(text) == elements[:index] + elements[index + 1 :]


@pytest.mark.parametrize("text", ["{}", "{ }\n", '{\n  "a": {}\n}', '{"a":{}}', '{"a": 1e999999}'])
def test_what_is_missing_on_the_way_is_made(text: str) -> None:
    more = json_edit.with_element(text, ("b", "c"), NEW)
    assert json.loads(more)["b"] == {"c": [NEW]}
    assert "\r" not in more
    deeper = json_edit.with_element(text, ("b", "c", "d"), NEW)
    assert json.loads(deeper)["b"] == {"c": {"d": [NEW]}}
    assert '"ü"' in more
    assert text.strip().rstrip("}").rstrip() in more


def test_digits_escapes_and_layout_stay() -> None:
    text = '{ "n": 1.10e2,\n\n    "t": "\\u00fc\\/"  ,"o": {"x":[ ]} }\n'
    changed = json_edit.with_value(text, ("o", "x"), 5)
    assert changed == '{ "n": 1.10e2,\n\n    "t": "\\u00fc\\/"  ,"o": {"x":5} }\n'
    assert json_edit.with_value(text, ("o", "y"), 5) == text
    assert json_edit.without(text, ("o", "y")) == text


def test_a_text_is_laid_out_as_the_rest_of_it() -> None:
    tabs = json_edit.with_member('{\r\n\t"a": {}\r\n}', ("a",), "b", [1])
    assert tabs == '{\r\n\t"a": {\r\n\t\t"b": [\r\n\t\t\t1\r\n\t\t]\r\n\t}\r\n}'
    lines = '{\n  "a": 1,\n  "b": 2\n}\n'
    assert json_edit.with_member('{\n  "a": 1\n}\n', (), "b", 2) == lines
    assert json_edit.with_member('{"a": {"c": 1}}', ("a",), "b", [1]) == '{"a": {"c": 1, "b": [1]}}'
    assert json_edit.with_member('{"a": {}}', ("a",), "b", [1]) == '{"a": {"b": [1]}}'
    assert json_edit.with_value('{"a": 5}', ("a",), ["ü"]) == '{"a": ["ü"]}'
    assert json_edit.with_member('{"a": 5}', (), "ü", 6) == '{"a": 5, "ü": 6}'
    deep = '{\n    "a": {\n        "b": {}\n    }\n}\n'
    made = '{\n    "a": {\n        "b": {\n            "c": 1\n        }\n    }\n}\n'
    assert json_edit.with_member(deep, ("a", "b"), "c", 1) == made
