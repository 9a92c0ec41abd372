"""Queue and emergency files that are broken, odd or in another encoding: nothing is lost."""

import json

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import Item, dead, entries, entry, queue_document, texts
from tests.support.standin import UNNAMED, Standin
from tests.support.variants import variants

BIG_NUMBER = "1" + "0" * 5000
DEEP = "[" * 100_000 + "]" * 100_000


def document_text(queue: list[Item], indent: int | None = 2) -> str:
    """Write a queue file's text, with nothing of the items outside of `queue`."""
    return json.dumps(queue_document(queue, last_100=[]), indent=indent)


@pytest.mark.row(9)
@pytest.mark.parametrize("data", [b"", b"\0" * 4096], ids=["0 bytes", "NUL"])
def test_an_emptied_queue_file_is_rebuilt(home: Home, server: Standin, data: bytes) -> None:
    server.health = Answer(503)
    home.write_queue(entries(20))
    home.worker(queue_size=20)
    home.queue.write_bytes(data)
    home.wait(lambda: home.queue.read_bytes() != data, what="rebuilt")
    assert home.read(home.metrics)["queue_size"] == 20
    server.health = UNNAMED
    server.wait_for(lambda: server.total_stored() == 20)
    assert server.surplus() == {}


@pytest.mark.row(13)
def test_bad_utf8_is_kept_and_diagnosed(home: Home, server: Standin) -> None:
    bad = entry("prefix XYZ suffix")
    text = document_text([entry("first"), bad, entry("last")]).encode()
    home.queue.write_bytes(text.replace(b"XYZ", b"\xff\xfe"))
    kept = "prefix \udcff\udcfe suffix"
    server.script(Answer(422), content=kept, forever=True)
    home.drain()
    assert server.missing(["first", "last"]) == []
    assert home.dead_letter(kept)["id"] == bad["id"]
    assert "invalid content" in home.ok("diagnose", bad["id"]).lower()
    server.clear_scripts()
    home.ok("retry", "--all")
    home.drained()
    assert server.count(kept) == 1


@pytest.mark.row(14)
def test_odd_numbers_are_unchanged(home: Home) -> None:
    numbers = {
        "big": 2**64,
        "bigger": -(2**70),
        "inf": float("-inf"),
        "fraction": 0.1234567890123456,
        "nan": float("nan"),
    }
    home.write_queue([entry(None, numbers=numbers), entry("bad")], limits=numbers)
    home.write_dlq([dead("bad letter", project=None, numbers=numbers)])
    home.drain()
    held = [
        home.queue_items()[0]["numbers"],
        home.read(home.queue)["limits"],
        home.dead_letter("bad letter")["numbers"],
    ]
    for found in held:
        assert str(found.pop("nan")) == "nan"
        assert found == {key: value for key, value in numbers.items() if key != "nan"}
        assert all(type(found[key]) is int for key in ("big", "bigger"))


@pytest.mark.row(15)
@pytest.mark.parametrize("place", ["queue", "emergency"])
@pytest.mark.parametrize("value", variants([BIG_NUMBER, DEEP]), ids=["5000 digits", "100,000 deep"])
def test_what_json_tool_cannot_load_is_quarantined(
    home: Home, server: Standin, value: str, place: str
) -> None:
    odd = json.dumps(entry("the odd one", weight="VALUE")).replace('"VALUE"', value)
    lines = [json.dumps(entry("before")), odd, json.dumps(entry("after"))]
    if place == "queue":
        frame = document_text([])
        home.queue.write_text(frame.replace('"queue": []', f'"queue": [{", ".join(lines)}]'))
    else:
        home.emergency.write_text("\n".join(lines) + "\n")
    home.drained()
    assert sorted(server.order()) == ["after", "before"]
    assert home.queue_items() == []
    assert home.json("status")["quarantine"] == 1
    (kept,) = home.data.glob("**/quarantine/*.json")
    assert kept.name in home.ok("restore", "--list")
    home.ok("restore", kept.name)
    home.drained()
    assert (server.count("the odd one"), server.sends("the odd one")) == (1, 1)


@pytest.mark.row(17)
def test_an_id_that_is_none_gets_a_stable_one(home: Home, server: Standin) -> None:
    bad_ids: list[object] = [None, 7, "", ["x"], {}, True]
    items = [entry(f"nameless {n}", id=bad_id) for n, bad_id in enumerate(bad_ids)]
    items.append({k: v for k, v in entry("without").items() if k != "id"})
    home.write_queue(items)
    for text in texts(items):
        server.script(Answer(500), Answer(500), content=text)
    for _ in range(2):
        home.run("run", "--once", env={"MEM0TRAY_SYNC_RETRY_INTERVAL": "0"})
    home.drained()
    assert {server.count(text) for text in texts(items)} == {1}
    keys = [set(server.keys(text)) for text in texts(items)]
    assert {len(found) for found in keys} == {1}
    assert len(set[str | None]().union(*keys) - {None, ""}) == len(items)


@pytest.mark.row(18)
def test_elements_that_are_no_items_are_left_alone(home: Home, server: Standin) -> None:
    others = [7, "text", None, ["a", 1], True, {"what": "ever"}]
    textless = [entry(content) for content in (None, 5, ["x"], {"a": 1}, True)]
    letters = [*others, dead(None), dead(7, retry_count=2)]
    home.write_queue([entry("first"), *others, *textless, entry("last")])
    home.write_dlq([*letters, dead("letter")])
    home.drain()
    assert sorted(server.order()) == ["first", "last", "letter"]
    assert home.queue_items() == [*others, *textless]
    assert home.dlq_items() == letters


@pytest.mark.row(18)
@pytest.mark.parametrize(
    ("key", "value"),
    variants(
        [
            ("queue", {"zanzibar": 1}),
            ("stats", None),
            ("failed", ["zanzibar"]),
        ],
        quick=2,
    ),
)
def test_wrong_types_below_the_top_harm_nobody(
    home: Home, server: Standin, key: str, value: object
) -> None:
    document = queue_document([entry("queued")], failed=[entry("old")])
    document[key] = value
    home.dump(home.queue, document)
    home.write_emergency([entry("other")])
    home.drain()
    assert server.count("other") == 1
    if key != "queue":
        assert server.count("queued") == 1
    if "zanzibar" in json.dumps(value):
        assert home.files_with("zanzibar")
    home.producer("--label", "afterwards").wait()
    home.drain()
    assert server.count("afterwards wrote 0") == 1


@pytest.mark.row(27)
def test_one_item_in_queue_and_emergency_file_is_sent_once(home: Home, server: Standin) -> None:
    items = entries(5)
    home.write_queue(items)
    home.write_emergency(items)
    home.drained()
    assert len(server.saves) == 5


@pytest.mark.row(23)
def test_a_stale_scratch_file_is_ignored(home: Home, server: Standin) -> None:
    stale = {
        home.claude / f"{name}{end}": json.dumps(queue_document([entry(f"stale {name}{end}")]))
        for name in ("mem0_queue.json", "mem0_queue_dlq.json")
        for end in (".tmp", ".1234.tmp")
    }
    for path, text in stale.items():
        path.write_text(text)
    home.write_queue([entry("real")])
    home.drained()
    assert server.order() == ["real"]
    assert {path: path.read_text() for path in stale} == stale
