"""The menu as panels read it: ids that stay, texts that can be shown, and what has changed."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Final

from mem0tray.desktop.tray.dbus_menu import LineIds, MenuLine, change

SEPARATOR: Final = SimpleNamespace(text="- - - -", submenu=None)


def item(text: str, identity: object = None, **options: Any) -> Any:
    shown = {"enabled": True, "checked": None, "radio": False, "submenu": None}
    return SimpleNamespace(text=text, identity=identity, **{**shown, **options})


def read(*items: Any, ids: LineIds | None = None) -> MenuLine:
    return (ids or LineIds()).read(items, SEPARATOR, lambda _: None)


def label(text: str) -> object:
    return read(item(text)).below[0].properties["label"]


def test_hostile_text_becomes_one_short_line() -> None:
    assert label("a_b__c") == "a__b____c"
    assert label("a\nb\tc\0d\x1b[31m\ud83d\u202ee") == "a b c d [31m e"
    assert len(str(label("x" * 5000))) == 200
    assert str(label("_" * 5000)).count("_") == 398
    assert label("\0\n\ud800") == label("") == "?"


def test_lines_say_what_they_are() -> None:
    lines = read(
        item("plain", enabled=False),
        SEPARATOR,
        item("tick", checked=True),
        item("radio", checked=False, radio=True),
        item("more", submenu=(item("below"),)),
    ).below
    assert [dict(line.properties) for line in lines] == [
        {"label": "plain", "enabled": False},
        {"type": "separator"},
        {"label": "tick", "enabled": True, "toggle-type": "checkmark", "toggle-state": 1},
        {"label": "radio", "enabled": True, "toggle-type": "radio", "toggle-state": 0},
        {"label": "more", "enabled": True, "children-display": "submenu"},
    ]
    assert [line.properties["label"] for line in lines[4].below] == ["below"]


def test_the_same_thing_keeps_its_id() -> None:
    ids = LineIds()
    before = read(item("one", "x"), item("two", "y"), ids=ids).below
    after = read(item("new", "n"), item("2", "y", enabled=False), item("1", "x"), ids=ids).below
    assert [line.id for line in after[1:]] == [before[1].id, before[0].id]
    assert after[0].id not in {line.id for line in before}


def test_an_id_is_never_used_again_for_something_else() -> None:
    ids = LineIds()
    seen = {line.id for line in read(item("a"), item("b"), ids=ids).below}
    for name in "cdef":
        fresh = {line.id for line in read(item(name), ids=ids).below}
        assert not fresh & seen
        seen |= fresh


def test_things_that_look_alike_have_ids_of_their_own() -> None:
    below = (item("same"),)
    root = read(
        item("same"), SEPARATOR, item("same"), SEPARATOR, item("m", submenu=below),
        item("n", submenu=below),
    )  # fmt: skip
    numbers = [line.id for line in root.walk()]
    assert len(set(numbers)) == len(numbers) == 9


def test_another_text_is_no_change_of_lines() -> None:
    ids = LineIds()
    before = read(item("a", "x", checked=True), item("b", "y"), ids=ids)
    after = read(item("c", "x", checked=False), item("b", "y", enabled=False), ids=ids)
    first, second = (line.id for line in after.below)
    expected = {first: {"label": "c", "toggle-state": 0}, second: {"enabled": False}}
    assert change(before, after) == ([], expected)


def test_a_line_more_or_less_or_elsewhere_is_a_change_of_lines() -> None:
    ids = LineIds()
    menus = [
        read(item("a"), item("m", "m", submenu=tuple(item(each) for each in names)), ids=ids)
        for names in ("ab", "abc", "bac", "b")
    ]
    number = menus[0].below[1].id
    assert [change(*pair)[0] for pair in pairwise(menus)] == [[number]] * 3


def test_what_becomes_a_submenu_or_is_no_tick_any_more_is_another_line() -> None:
    ids = LineIds()
    before, after = (read(item("m", "m", checked=each), ids=ids) for each in (True, None))
    assert change(before, after) == ([0], {})
    ids = LineIds()
    texts = (
        item("state", "text"),
        item("letters", "text"),
        item("m", "text", submenu=(item("x"),)),
    )
    before = read(*texts, ids=ids)
    filled = item("letters", "text", submenu=(item("a"),))
    after = read(texts[0], filled, texts[2], ids=ids)
    assert [line.id for line in after.below][::2] == [line.id for line in before.below][::2]
    assert after.below[1].id not in {line.id for line in before.walk()}
    assert change(before, after)[0] == [0]
