"""The page as a whole: what it shows, what it never does, what it withstands."""

import base64
import hashlib
import itertools
import re
import time
import unicodedata

import pytest

from mem0tray.core.language import Language
from mem0tray.report import page as render
from tests.cli.scratch import Scratch
from tests.report.past import past
from tests.report.reading import made
from tests.support.shapes import dead, entry, queue_document, waiting

_ADDRESS = "http://127.0.0.1:9"
_BIDI = "\u202eevil\u2066\u200f"


def _letters(home: Scratch, *letters: object, **fields: object) -> None:
    home.write("mem0_queue_dlq.json", {"items": list(letters), **fields})


@pytest.mark.usefixtures("home")
def test_an_empty_home() -> None:
    """Without any file there is a page, and it says that nothing waits."""
    page = made()
    assert page.text("h1") == ["mem0tray is not running"]
    assert "There are no dead letters." in page.text("p")


def test_it_shows_how_things_stand(home: Scratch) -> None:
    """Destination, counts, last delivery and oldest waiting are there, each by its name."""
    home.env(MEM0TRAY_SERVER_URL="http://mem0.example:8000")
    _letters(home, dead("d"))
    stats = {"total_synced": 1234, "last_sync": "2025-11-30T04:38:18"}
    home.write("mem0_queue.json", queue_document([entry("a"), entry("b")], stats=stats))
    page = made()
    facts = dict(zip(page.text("dt"), page.text("dd"), strict=True))
    assert facts["Memories go to"] == "mem0.example:8000"
    assert facts["Waiting"] == "2 in the queue"
    assert facts["Dead letters"] == "1 in the DLQ"
    assert facts["Delivered"] == "1,234 in all"
    assert facts["Last delivery"].endswith("Nov 30, 2025, 04:38")
    assert facts["Oldest waiting"] != "–"


def test_dead_letters_are_listed_by_their_next_retry(home: Scratch) -> None:
    """Id, project, reason, retries and next retry of each, the one that is tried first on top."""
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
    assert cells[3] == "at the next start"
    assert cells[7].endswith("in 1 minute")
    assert cells[11].endswith("in 1 hour")


def test_a_longer_wait_counts_that_the_server_asked_for(home: Scratch) -> None:
    """The page shows and orders a dead letter by the ledger's wait where that is the longer."""
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS)
    now = time.time()
    asked, edited = (
        waiting(text, text, retry_count=0, last_attempt=now - 40) for text in ("asked", "edited")
    )
    with past(home.paths) as ledger:
        for each in (asked, edited):
            ledger.adopted(each, now, due=now + 600)
    soon = waiting("soon", "soon", retry_count=1, last_attempt=now)
    _letters(home, asked, edited | {"last_attempt": 0}, soon)
    cells = made().text("td", role="cell")
    assert cells[0::4] == ["edited", "soon", "asked"]
    assert cells[3] == "at the next start"
    assert cells[11].endswith("in 10 minutes")


def test_many_dead_letters_are_cut_off(home: Scratch) -> None:
    """Two hundred rows, and how many more there are."""
    _letters(home, *(dead(f"d{n}") for n in range(1203)))
    page = made()
    assert len(page.all("th", scope="row", role="rowheader")) == 200
    assert any("1,003 more" in text for text in page.text("p", class_="more"))


def test_what_makes_no_sense_is_counted(home: Scratch) -> None:
    """Things in the file that are no items are said to be kept."""
    _letters(home, 5, None, dead("d"))
    assert any(text.startswith("2 further things") for text in made().text("p", class_="more"))


def test_content_only_on_request(home: Scratch) -> None:
    """No text of a memory is on the page unless it is asked for; then its lines are kept."""
    _letters(home, dead("my secret plan\nsecond <line>"))
    home.write("mem0_queue.json", queue_document([entry("queued thought")]))
    assert "secret plan" not in made().source
    page = made(content=True)
    assert [each.text for each in page.all("pre")] == ["my secret plan\nsecond <line>"]
    assert "queued thought" not in page.source


def test_nothing_runs_and_nothing_is_loaded(home: Scratch) -> None:
    """No script, no handler, no inline style, no address: the policy forbids them besides."""
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
    (policy,) = (
        each.attributes["content"]
        for each in page.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_names_are_only_text(home: Scratch) -> None:
    """Markup in ids, projects and reasons is shown, in charts too, and never becomes an element."""
    markup = "<script>alert(1)</script>\"'><b onclick=x>&"
    _letters(home, dead("d", markup, id=f"<i>{markup}", last_error=f"500 {markup}"))
    home.write("mem0_queue.json", queue_document([entry("q", "</svg></style>" + markup)]))
    page = made()
    assert not page.all("script")
    assert not page.all("b")
    assert markup in page.text("td", role="cell")
    assert any("<script>" in text for text in page.text("title"))


@pytest.mark.parametrize(
    "text", ["half \ud800", "\x00\x1b[31m\x07", "a\u2028b\nc", _BIDI, "\udcff\udfff"]
)
def test_odd_characters_do_not_reach_the_page(home: Scratch, text: str) -> None:
    """Surrogates, controls and marks that turn the direction are gone; the page is UTF-8."""
    _letters(home, dead(text, text, id=text + "x" * 9, last_error=f"500 {text}"))
    home.write("mem0_queue.json", queue_document([entry(text, text)]))
    home.write("mem0_metrics.json", {"reason": text})
    shown = made(content=True).source.replace("\n", "")
    odd = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp")}
    assert not odd


def test_long_texts_are_cut(home: Scratch) -> None:
    """A reason, project, id or content of a megabyte leaves a page of ordinary size."""
    long = "x" * 2**20
    _letters(home, dead(long, long, id=long, last_error=long), dead(long, f"{long} y"))
    home.write("mem0_queue.json", queue_document([entry(long, f"{long} z")]))
    page = made(content=True)
    assert len(page.source) < 60_000
    assert any(text.endswith("…") for text in page.text("td", role="cell"))


def test_absurd_numbers_and_times(home: Scratch) -> None:
    """Counts and times that cannot be do no harm."""
    for absurd in (-1, 10**9, 1e300, "text", None, True):
        odd = {"id": "d", "retry_count": absurd, "last_attempt": absurd, "moved_to_dlq_at": absurd}
        _letters(home, dead("d") | odd)
        stats = {"total_synced": absurd, "last_sync": "9999-12-31T23:59:59"}
        home.write(
            "mem0_queue.json", queue_document([entry("a", id="a", timestamp=absurd)], stats=stats)
        )
        assert len(made().text("td", role="cell")) == 4


def test_no_secret_is_shown(home: Scratch) -> None:
    """The API key and passwords in addresses are hidden, wherever others have put them."""
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS, MEM0TRAY_SERVER_API_KEY="sesame-3c1f")
    told = "500 key sesame-3c1f at https://me:hunter2@far.example/x"
    _letters(home, dead(told, told, id="sesame-3c1f", last_error=told))
    home.write("mem0_queue.json", queue_document([entry("a", told)]))
    source = made(content=True).source
    for secret in ("sesame", "hunter2"):
        assert secret not in source
    assert "https://•••@far.example/x" in source


def test_a_password_in_the_settings_is_not_shown(home: Scratch) -> None:
    """Settings that are refused for it are named without it."""
    home.env(MEM0TRAY_SERVER_URL="http://me:hunter2@far.example")
    _letters(home, dead("d", last_error="hunter2 was refused"))
    page = made()
    assert page.text("h1") == ["Action needed"]
    assert "hunter2" not in page.source


def test_it_can_be_read_aloud(home: Scratch) -> None:
    """One h1, headings without gaps, headers with a scope, a name for every chart and landmark."""
    _letters(home, dead("d"), dead("e", "beta"))
    page = made()
    assert len(page.all("h1")) == 1
    levels = [int(each.tag[1]) for each in page.elements if re.fullmatch("h[1-6]", each.tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(each.attributes.get("scope") for each in page.all("th"))
    charts = page.all("svg", role="img")
    assert charts
    assert all(each.attributes["aria-label"] for each in charts)
    signs = [each for each in page.all("svg") if each not in charts]
    assert all(each.attributes["aria-hidden"] == "true" for each in signs)
    names = {each.attributes["id"] for each in page.elements if "id" in each.attributes}
    for each in page.all("section"):
        assert each.attributes.get("aria-label") or each.attributes["aria-labelledby"] in names
    assert page.all("html")[0].attributes["lang"] == "en"


@pytest.mark.usefixtures("home")
def test_both_themes() -> None:
    """Colours follow the reader's choice of light or dark, and paper is light."""
    style = made().all("style")[0].text
    assert "prefers-color-scheme: dark" in style
    assert "color-scheme: light dark" in style
    assert "@media print" in style


def test_in_french(home: Scratch, french: Language) -> None:
    """The page speaks French where the language does, and says so."""
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS)
    _letters(home, dead("d", retry_count=1234))
    page = made(french)
    assert page.text("h1") == ["mem0tray ne tourne pas"]
    assert page.all("html")[0].attributes["lang"] == "fr"
    assert "1 234" in page.text("td", role="cell")
    assert "Que faire" in page.text("h2")


@pytest.mark.parametrize(
    ("last_error", "french_words"),
    [
        ("no answer after 60 s", "aucune réponse au bout de 60 s"),
        ("invalid content: the item names no project", "aucun projet n’est indiqué"),
        ("302 Found to https://a.test, which is not followed", "302 Found"),
        ("200 OK, but the answer is not a JSON object", "200 OK, mais la réponse"),
    ],
)
def test_a_reason_that_only_the_file_has_is_in_french_too(
    home: Scratch, french: Language, last_error: str, french_words: str
) -> None:
    """In the table and as an example, though no ledger knows the attempt."""
    _letters(home, waiting("x", last_error=last_error))
    page = made(french)
    assert last_error not in page.source
    assert french_words in " ".join(page.text("td"))


def test_a_broken_file_is_said_in_french(home: Scratch, french: Language) -> None:
    """As the reason of the state."""
    home.env(MEM0TRAY_SERVER_URL=_ADDRESS)
    home.write("mem0_queue_dlq.json", {"items": 5})
    assert "est abîmé" in " ".join(made(french).text("p"))


def test_a_file_that_is_gone_is_no_empty_one(home: Scratch) -> None:
    """What the ledger remembers is listed while the DLQ file is missing."""
    with past(home.paths) as ledger:
        ledger.adopted(dead("remembered"), time.time() - 100)
    assert len(made().all("th", role="rowheader")) == 1


def test_what_is_typed_is_marked_and_all_of_it_escaped() -> None:
    """Backticks become code, markup within them or without stays text."""
    shown = render._typed("type `mem0tray <b>` <i>")
    assert shown == "type <code>mem0tray &lt;b&gt;</code> &lt;i&gt;"


def test_a_broken_file_is_said(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ledger has of a truncated DLQ file is listed, and that it is broken is said."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    path = home.write("mem0_queue_dlq.json", {"items": [dead("a"), dead("b"), dead("c")]})
    made()
    path.write_text(path.read_text()[:-30])
    page = made()
    assert len(page.all("th", role="rowheader")) == 3
    assert "mem0_queue_dlq.json cannot be read" in page.text("h3")
