"""The page as a whole: what it shows, what it never does, what it withstands."""

import base64
import hashlib
import math
import time
import unicodedata
from typing import Any

import pytest

from mem0tray.actions import diagnose
from mem0tray.actions.diagnose import Surroundings
from mem0tray.actions.standing import Overview
from mem0tray.config import server_choice
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.ledger.rows import Attempt, kept
from mem0tray.window import page as rendering
from mem0tray.window.page import Gathered, Group, block
from mem0tray.window.words import Tone, headline
from tests.actions.scene import found
from tests.cli.scratch import Scratch
from tests.support.shapes import dead, entry, queue_document, waiting
from tests.window.reading import made, rendered

_FRENCH = Language("fr")
_ENGLISH = Language("en")
_ADDRESS = "http://127.0.0.1:9"
_NOW = 1_764_500_000.0
_BIDI = "\u202eevil\u2066\u200f"


def _letters(home: Scratch, *letters: object, **fields: object) -> None:
    home.write("mem0_queue_dlq.json", {"items": list(letters), **fields})


def test_it_shows_how_things_stand(home: Scratch) -> None:
    home.env(MEM0TRAY_SERVER_URL="http://mem0.example:8000")
    _letters(home, dead("d"))
    stats = {"total_synced": 1234, "last_sync": "2025-11-30T04:38:18"}
    home.write("mem0_queue.json", queue_document([entry("a"), entry("b")], stats=stats))
    page = made()
    facts = dict(zip(page.text("dt"), page.text("dd"), strict=True))
    assert facts["Memories go to"] == "mem0.example:8000"
    assert facts["Waiting"] == "2 in the queue"
    assert facts["Not delivered"] == "1 each is tried again"
    assert facts["Delivered today"] == "0 1,234 in all"
    assert facts["Last delivery"].endswith("Nov 30, 2025, 04:38")
    assert facts["Oldest undelivered"] != "–"


def test_dead_letters_are_listed_by_their_next_retry(home: Scratch) -> None:
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS)
    _letters(
        home,
        waiting("late", "beta", retry_count=9, last_error="500 Internal Server Error"),
        dead("due", "alpha", retry_count=3),
        waiting("soon", "gamma", retry_count=1),
    )
    page = made()
    cells = page.text("td", role="cell")
    assert cells[0::4] == ["alpha", "gamma", "beta"]
    assert cells[1::4] == ["–", "–", "500 Internal Server Error"]
    assert cells[2::4] == ["3", "1", "9"]
    assert cells[3] == "once the way is clear"
    assert cells[7::4] == ["in 1 minute", "in 1 hour"]


def test_many_dead_letters_are_cut_off(home: Scratch) -> None:
    assert "There are none." in made().text("p")
    _letters(home, 5, None, *(dead(f"d{n}") for n in range(1203)))
    page = made()
    assert len(page.all("th", scope="row", role="rowheader")) == 200
    more, nonsense = page.text("p", class_="more")
    assert "1,003 more" in more
    assert nonsense.startswith("2 further things")


def test_content_only_on_request(home: Scratch) -> None:
    _letters(home, dead("my secret plan\nsecond <line>"))
    home.write("mem0_queue.json", queue_document([entry("queued thought")]))
    assert "secret plan" not in made().source
    page = made(content=True)
    assert [each.text for each in page.all("pre")] == ["my secret plan\nsecond <line>"]
    assert "queued thought" not in page.source


def test_nothing_runs_and_nothing_is_loaded(home: Scratch) -> None:
    _letters(home, dead("d"))
    home.write("mem0_queue.json", queue_document([entry("a")]))
    page = made()
    assert not {each.tag for each in page.elements} & {"script", "img", "iframe", "object", "a"}
    for each in page.elements:
        for name, value in each.attributes.items():
            assert not name.startswith("on"), (each.tag, name)
            assert name != "style", each.tag
            assert name not in ("src", "href", "xlink:href") or value == "data:,"
    assert "http://" not in page.source.replace("127.0.0.1", "")
    assert "https://" not in page.source
    style = page.all("style")[0].text
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    (policy,) = (
        each.attributes["content"]
        for each in page.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_names_are_only_text(home: Scratch) -> None:
    markup = "<script>alert(1)</script>\"'><b onclick=x>&"
    _letters(home, dead("d", markup, id=f"<i>{markup}", last_error=f"500 {markup}"))
    page = made()
    assert not page.all("script")
    assert not page.all("b")
    assert markup in page.text("td", role="cell")


@pytest.mark.parametrize(
    "text", ["half \ud800", "\x00\x1b[31m\x07", "a\u2028b\nc", _BIDI, "\udcff\udfff"]
)
def test_odd_characters_do_not_reach_the_page(home: Scratch, text: str) -> None:
    _letters(home, dead(text, text, id=text + "x" * 9, last_error=f"500 {text}"))
    home.write("mem0_queue.json", queue_document([entry(text, text)]))
    home.write("mem0_metrics.json", {"reason": text})
    shown = made(content=True).source.replace("\n", "")
    odd = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp")}
    assert not odd


def test_absurd_numbers_and_times_do_no_harm(home: Scratch) -> None:
    for absurd in (-1, 10**9, 1e300, "text", None, True):
        odd = {"id": "d", "retry_count": absurd, "last_attempt": absurd, "moved_to_dlq_at": absurd}
        _letters(home, dead("d") | odd)
        stats = {"total_synced": absurd, "last_sync": "9999-12-31T23:59:59"}
        queue = queue_document([entry("a", id="a", timestamp=absurd)], stats=stats)
        home.write("mem0_queue.json", queue)
        assert len(made().text("td", role="cell")) == 4


def test_no_password_in_an_address_is_shown(home: Scratch) -> None:
    told = "500 at http://[ https://me:hunter2@far.example/x"
    _letters(home, dead(told, told, last_error=told))
    source = made(content=True).source
    assert "hunter2" not in source
    assert "https://••••@far.example/x" in source


def test_what_is_typed_is_marked_and_all_of_it_escaped() -> None:
    shown = rendering._typed("type `mem0tray <b>` <i>")
    assert shown == "type <code>mem0tray &lt;b&gt;</code> &lt;i&gt;"


def test_a_broken_file_is_said(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    path = home.write("mem0_queue_dlq.json", {"items": [dead("a"), dead("b"), dead("c")]})
    made()
    path.write_text(path.read_text()[:-30])
    page = made()
    assert len(page.all("th", role="rowheader")) == 3
    assert page.text("h1") == ["Action needed"]
    assert "mem0_queue_dlq.json" in page.text("p", class_="reason")[0]
    (said,) = made(_FRENCH).text("p", class_="reason")
    assert said.endswith("Réessayez."), said


@pytest.mark.parametrize(
    ("fields", "tone", "title", "words"),
    [
        ({"state": "healthy"}, "good", "Ready for the first memory", ""),
        ({"state": "healthy", "last_delivery": 1.0}, "good", "Every memory is delivered", ""),
        (
            {"state": "healthy", "queue": 2, "reason": Reason("It is new.")},
            "warn", "New memories are not taken in yet", "It is new.",
        ),
        ({"state": "healthy", "queue": 2}, "good", "Memories are being delivered", "2 memories"),
        ({"state": "healthy", "queue": 2, "held": 2}, "warn", "Held memories wait for you", ""),
        ({"state": "healthy", "queue": 2, "dlq": 1}, "warn", "1 memory is not delivered yet", ""),
        ({"state": "healthy", "dlq": 1234}, "warn", "1,234 memories are not delivered yet", ""),
        ({"state": "down"}, "bad", "The server is down", "`mem0tray doctor`"),
        ({"state": "action needed"}, "bad", "Action needed", "`mem0tray doctor`"),
        (
            {"state": "action needed", "reason": server_choice.CHOOSE},
            "bad", "Action needed", "server.url local",
        ),
        ({"state": "paused"}, "calm", "Deliveries take a break", ""),
        ({"state": "paused", "pause": math.inf}, "calm", "Deliveries are paused", "until you"),
        ({"state": "paused", "pause": 2 * _NOW}, "calm", "Deliveries are paused", "0tray resume`"),
        ({"state": "not running"}, "off", "mem0tray is not running", "`mem0tray run`"),
        ({"state": "not running", "pause": 1.0}, "off", "mem0tray is not running", "0tray resume`"),
        ({"state": "starting"}, "off", "mem0tray is starting", ""),
    ],
)  # fmt: skip
def test_each_state_has_its_words_its_colour_and_what_to_do(
    fields: dict[str, Any], tone: Tone, title: str, words: str
) -> None:
    made = headline(Overview(**fields), _ENGLISH)
    assert made[:2] == (tone, title)
    assert words in made.text + made.detail


def test_where_all_is_well_there_is_no_advice() -> None:
    assert not rendered(Gathered(_NOW, Overview(state="healthy"))).all("ul", class_="groups")
    held = rendered(Gathered(_NOW, Overview(state="healthy", held=1)))
    assert held.text("h3")[0] == "1 memory is held: another worker has perhaps delivered it"
    assert "mem0tray retry ID sends" in held.text("ul", class_="groups")[0]
    assert not held.all("button")


def test_the_example_speaks_the_language_of_the_page() -> None:
    said = kept(Reason("no answer after {number} s", number="60"))
    attempt = Attempt(_NOW, "unknown", None, said, 60.0)
    example = found(dead("a", id="one"))
    cause = diagnose.causes(example, Surroundings(()), attempt, _NOW)[0]
    seen = Gathered(_NOW, Overview(state="healthy"), [Group("x", cause, 1, example, [""])])
    page = rendered(seen, "fr")
    assert page.all("html")[0].attributes["lang"] == "fr"
    (said,) = page.text("p", class_="note")
    assert said.endswith("aucune réponse au bout de 60 s")


def test_the_commonest_cause_comes_first(home: Scratch) -> None:
    commonest = (dead("b", id=f"b{n}", last_error="500 x") for n in range(3))
    _letters(home, dead("a", last_error="422 no"), *commonest)
    page = made()
    assert page.text("h3")[:2] == [
        "3 memories: rejected by the server",
        "1 memory: rejected by the server",
    ]
    assert page.text("p", class_="note")[0] == "for example: b0 · 500 x"
    assert [each.attributes["class"] for each in page.all("li")] == ["warn", "warn"]


def test_a_cause_that_asks_for_nothing_but_time_is_calm_and_names_no_time(home: Scratch) -> None:
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS)
    _letters(home, waiting("soon", retry_count=1), waiting("late", retry_count=9))
    page = made()
    assert [each.attributes["class"] for each in page.all("li")] == ["calm"]
    assert page.text("h3")[0].startswith("2 memories: ")
    assert page.text("p", class_="note") == []


def test_a_block_keeps_its_lines_up_to_a_limit() -> None:
    assert block("a\n\tb\x00<c>\n") == "a\nb &lt;c&gt;"
    assert block("x" * 3000) == "x" * 2000 + " …"
    assert block("\n".join("x" * 100)).endswith(" …")
