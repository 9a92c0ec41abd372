"""What makes an item, its identity and its key."""

import hashlib
import json
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import due
from mem0tray.core import item as items
from mem0tray.core.item import Kind

NOW = 1_700_000_000.0
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def parsed(raw: bytes) -> items.Item:
    item = items.parse(raw)
    assert item is not None
    return item


def made(**fields: Any) -> items.Item:
    return parsed(json.dumps({"id": "i", "project_id": "p", "content": "c"} | fields).encode())


def test_an_item_is_read() -> None:
    raw = (
        b'{"id":"i","project_id":"p","content":"c","timestamp":5,"retries":2,'
        b'"retry_count":3,"last_attempt":7.5,"x":1e5}'
    )
    item = parsed(raw)
    assert (item.id, item.project, item.content, item.timestamp) == ("i", "p", "c", 5)
    assert (item.retries, item.retry_count, item.last_attempt) == (2, 3, 7.5)
    assert item.raw == raw
    assert item.digest == hashlib.sha256(b"p\0c").digest()
    new = parsed(b'{"content": "c"}')  # which was never tried
    assert (new.retries, new.retry_count, new.last_attempt, new.timestamp) == (0, 0, 0, 0)
    assert items.entry("a", "p", "text", NOW)["retries"] == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"3", b'"content"', b"[]", b"{}", b'{"id":"i"}', b'{"content":null}',
        b'{"content":["x"]}', b'{"content":5}', b'{"content":"x"', b'{"content":"x"} 1',
        b'{"content":"a\nb"}', b"NaN",
    ],
)  # fmt: skip
def test_what_has_no_text_is_no_item(raw: bytes) -> None:
    assert items.parse(raw) is None


@pytest.mark.parametrize("project", [None, 5, [], {}, True])
def test_a_project_that_is_no_text_is_none(project: object) -> None:
    assert made(project_id=project).project == parsed(b'{"content":""}').project == ""


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (b'{"id":"i","content":"\\ud83d"}', "\ud83d"),
        (b'{"id":"i","content":"x","n":NaN}', "x"),
        (b'{"id":"i","content":"x","n":-Infinity}', "x"),
        (b'\xef\xbb\xbf{"id":"i","content":"x"}', "x"),
    ],
    ids=["surrogate", "NaN", "infinity", "BOM"],
)
def test_what_the_fast_parser_refuses_is_read(raw: bytes, content: str) -> None:
    item = parsed(raw)
    assert (item.id, item.content) == ("i", content)
    assert len(item.digest) == 32


@pytest.mark.parametrize(
    ("value", "number", "count"),
    [
        (None, 0, 0), ("12", 0, 0), (True, 0, 0), ([], 0, 0), (-3, -3, 0), (1.5, 1.5, 1),
        (10**9, 1e9, 10**9), (10**400, 0, 0), (2**64, 2.0**64, 2**62), (1e300, 1e300, 2**62),
    ],
)  # fmt: skip
def test_absurd_times_and_counts_are_tamed(value: object, number: float, count: int) -> None:
    item = made(last_attempt=value, timestamp=value, retry_count=value, retries=value)
    assert (item.last_attempt, item.timestamp) == (number, number)
    assert (item.retry_count, item.retries) == (count, count)


@given(anything, anything, anything, anything)
def test_any_values_are_survived(identity: Any, project: Any, count: Any, time: Any) -> None:
    value = {"id": identity, "project_id": project, "content": "c", "timestamp": time}
    raw = json.dumps(value | {"retries": count, "retry_count": count, "last_attempt": time})
    item = parsed(raw.encode())
    assert item == parsed(raw.encode())
    assert item.id
    assert 0 <= item.retry_count < 2**63
    assert math.isfinite(due.dead_due(item.last_attempt, item.retry_count, NOW))


@pytest.mark.parametrize("identity", [None, "", 5, 1.5, True, [], {"a": 1}])
def test_a_stable_id_stands_in(identity: object) -> None:
    first, again = made(id=identity), made(id=identity, retry_count=9, last_attempt=3, x=1)
    assert uuid.UUID(first.id)
    assert first.id == again.id


def test_an_item_is_known_by_project_and_content_and_anything_else_by_its_value() -> None:
    assert items.digest("ab", "c") != items.digest("a", "bc")
    assert len(items.digest("p", "\ud800")) == 32
    assert items.identity(b'{"a": 1, "b": 2}') == items.identity(b'{"b": 2,"a": 1}')
    assert items.identity(b"[1]") != items.identity(b"[2]")


def test_a_text_may_have_a_million_bytes() -> None:
    longest = "é" * (items.LONGEST_TEXT // 2)
    assert (items.is_too_long(longest), items.is_too_long(longest + "x")) == (False, True)


def test_the_key_of_a_further_content_bears_its_hash() -> None:
    first, further = items.digest("p", "c"), items.digest("p", "d")
    assert items.idempotency_key("i", first, first) == "i"
    expected = "i-" + hashlib.sha256(b"p\0d").hexdigest()[:8]
    assert items.idempotency_key("i", further, first) == expected


def test_with_fields_leaves_other_values_alone() -> None:
    raw = b'{"id":"i","n":18446744073709551616.10,"t":"\\u00e9","retry_count":1,"gone":2}'
    changed = items.with_fields(raw, {"retry_count": 2, "last_attempt": 3.5}, ("gone", "never"))
    assert json.loads(changed) == {
        "id": "i", "n": 18446744073709551616.10, "t": "é", "retry_count": 2, "last_attempt": 3.5,
    }  # fmt: skip
    assert b"18446744073709551616.10" in changed
    assert b"\\u00e9" in changed


@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud800"', b"-Infinity"])
def test_with_fields_takes_odd_values(odd: bytes) -> None:
    raw = b'{"content":"c","y":1,"n":1e400,"x":' + odd + b"}"
    changed = items.with_fields(raw, {"last_error": "e"}, ("y",))
    assert b"1e400" in changed
    value = items.load_object(changed)
    assert value is not None
    assert (value["content"], value["last_error"], "y" in value) == ("c", "e", False)
    assert repr(value["x"]) == repr(json.loads(odd))


def test_a_body_is_what_is_not_ours() -> None:
    one = b'{"id":"i","content":"c","retry_count":1,"last_attempt":2,"last_error":"e"}'
    assert items.body(one) == items.body(b'{ "content": "c",\n "id": "i" }')
    assert items.body(one) != items.body(b'{"id":"i","content":"d"}')
    assert items.body(one) != items.body(b'{"id":"i","content":"c","note":1}')
    for no_text in (b'{"content":"c","x":"\xff"}', b'{"content":"c","\xff":1}'):
        assert items.body(no_text) == items.body(b"")


def test_the_states_have_the_names_that_the_ledger_keeps() -> None:
    assert (items.FRESH, items.DEAD, items.DELIVERED) == ("pending", "dead", "delivered")
    assert (items.DISCARDED, items.EDITED) == ("discarded", "edited")
    assert (items.FORGOTTEN, items.DELETED) == ("forgotten", "deleted")
    assert items.REMOVED == "removed from the server"
    assert items.OUR_FIELDS == ("retry_count", "last_attempt", "last_error")


def test_an_id_that_is_made_up_stays_the_same_and_differs_by_item() -> None:
    assert items.stable_id(None, "p", "c", 5.0) == "c1b82659-f2ea-543f-aa6c-89f4067fe4fe"
    assert items.stable_id("x" * 300, "p", "c", 5.0) == items.stable_id("x" * 301, "p", "c", 5.0)
    assert items.stable_id("x" * 198, "p", "c", 5.0) != items.stable_id("x" * 199, "p", "c", 5.0)
    others = ({"id": None}, {"project_id": "q"}, {"content": "d"}, {"timestamp": 9})
    assert len({made(id=5).id, *(made(**{"id": None} | other).id for other in others)}) == 5


@pytest.mark.parametrize("timestamp", [0, -5, 1000, NOW, NOW + 9e9])
def test_a_memory_waits_since_it_was_taken_in(timestamp: float) -> None:
    assert items.waits_since(NOW, timestamp) == NOW
    for earlier in (NOW - 1, 1_000_000_000):
        assert items.waits_since(NOW, earlier) == earlier


@pytest.mark.parametrize(
    ("former", "again", "first"),
    [
        ("x", "x-again-1", "x"), ("x-again-1", "x-again-2", "x"), ("", "-again-1", ""),
        ("x\n-again-99", "x\n-again-100", "x\n"),
        ("x-again-0", "x-again-0-again-1", "x-again-0"),
        ("x-again-1234567", "x-again-1234567-again-1", "x-again-1234567"),
    ],
)  # fmt: skip
def test_an_id_is_followed_by_one_other_that_tells_it(former: str, again: str, first: str) -> None:
    assert items.id_again(former) == again
    assert items.id_before(again) == former
    assert items.first_id(again) == items.first_id(former) == first


@pytest.mark.parametrize(
    ("at", "found"), [(NOW, NOW), (1, 1), (0, 0), (-5, 0), (NOW + 1, 0), ("x", 0), (None, 0)]
)
def test_when_a_dead_letter_came_is_read_if_it_is_possible(at: object, found: float) -> None:
    assert items.moved_to_dlq(json.dumps({"moved_to_dlq_at": at}).encode(), NOW) == found


def test_an_id_follows_from_its_parts() -> None:
    found = items.id_of("projects/a/memory/b.md", "Onions first.")
    assert found == "cc6d921f-8d15-5eb1-a0f8-cb95bfcb4be0"
    assert found != items.id_of("projects/a/memory/c.md", "Onions first.")
    assert found != items.id_of("projects/a/memory/b.md", "Onions last.")
    assert items.id_of("\udcff", "\ud800")
    there = items.id_from("http://a.test", b"digest")
    assert items.is_id_from(there, "http://a.test", b"digest")
    assert not items.is_id_from(there, "http://b.test", b"digest")


def test_a_kind_has_the_same_name_in_every_release() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "DELIVERED": "delivered", "FOUND": "found", "OUTAGE": "outage", "SLOW_DOWN": "slow down",
        "ITEM_FAILURE": "item failure", "UNAUTHORIZED": "unauthorized", "FORBIDDEN": "refused",
        "NO_ANSWER": "unknown", "ASKED_IN_VAIN": "unanswered", "NOT_SENDABLE": "not sendable",
        "HELD": "held", "NOT_SENT": "not sent", "AT_WORK": "at work",
    }  # fmt: skip
