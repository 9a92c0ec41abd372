"""Ids, prefixes, and what they name."""

import pytest

from mem0tray.actions import waiting
from mem0tray.actions.waiting import listing, resolve
from mem0tray.core.errors import NotFoundError
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, found, write, write_dlq
from tests.support.shapes import dead, entry, queue_document


def test_a_prefix_names_one_item_of_either_file(paths: Paths) -> None:
    """Dead letters and waiting entries are found by the beginning of their ids."""
    write_dlq(paths, [dead("a", id="aa11"), dead("b", id="bb22")])
    write(paths.queue, queue_document([entry("c", id="cc33")]))
    assert [each.id for each in chosen(paths, "bb", "cc33")] == ["bb22", "cc33"]
    assert [each.place for each in chosen(paths, "bb", "cc33")] == [
        waiting.DLQ_LIST,
        waiting.QUEUE_LIST,
    ]


def test_an_item_named_twice_is_meant_once(paths: Paths) -> None:
    """An id and its prefix together name one item."""
    write_dlq(paths, [dead("a", id="aa11")])
    assert len(chosen(paths, "aa", "aa11", "a")) == 1


def test_a_whole_id_wins_over_longer_ones(paths: Paths) -> None:
    """An id that is the beginning of another is not ambiguous."""
    write_dlq(paths, [dead("a", id="aa"), dead("b", id="aabb")])
    assert [each.id for each in chosen(paths, "aa")] == ["aa"]


def test_one_id_with_two_contents_means_both(paths: Paths) -> None:
    """No prefix could tell these apart."""
    write_dlq(paths, [dead("a", id="aa"), dead("b", id="aa")])
    assert len(chosen(paths, "a")) == 2


@pytest.mark.parametrize("name", ["", "zz", "a"])
def test_what_names_nothing_or_too_much_is_an_error(name: str) -> None:
    """The error says what was typed, and lists candidates."""
    among = [found(dead("x", id=f"a{n}")) for n in range(6)]
    with pytest.raises(NotFoundError) as caught:
        resolve([name], among)
    if name == "a":
        assert "a0, a1, a2, a3 and 2 more" in str(caught.value)
    else:
        assert repr(name) in str(caught.value)


def test_hostile_text_in_an_error_is_one_harmless_line() -> None:
    """Neither the typed text nor a candidate's id can bring control characters along."""
    with pytest.raises(NotFoundError) as caught:
        resolve(["x\x1b"], [found(dead("x", id="x\x1b[31m\n1")), found(dead("x", id="x\x1b2"))])
    assert not set("\x1b\n") & set(str(caught.value))


def test_things_without_sense_are_found_if_they_have_an_id() -> None:
    seen = listing([b'{"id": "n1", "content": 5}', b"null", b"[1]", b'"text"'], waiting.DLQ_LIST)
    assert [(each.id, each.item) for each in seen] == [("n1", None)]
