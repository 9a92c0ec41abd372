"""What a user sees in the window: in a real browser, beside a real worker and server."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route
from playwright.sync_api import TimeoutError as TooLateError

from tests.support import needs
from tests.support.browser import CHROMIUM, Tab, Window
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import LONGEST, wait_until
from tests.support.shapes import entry, waiting
from tests.support.standin import NAMED, Standin
from tests.support.variants import variants

pytestmark = [needs.program(CHROMIUM), needs.linux("a browser is found in another way there")]

VIEWS = ("", "undelivered", "activity", "settings")
LOOKS: Final[tuple[tuple[Literal["light", "dark"], int], ...]] = (("light", 1100), ("dark", 360))


def test_the_first_screen_says_how_things_stand(window: Window, server: Standin) -> None:
    home = window.home
    server.script(Answer(422), content="refused", forever=True)
    home.write_queue([entry("delivered by now", "beta"), entry("refused")])
    home.wait_dlq(["refused"])
    tab = window.open()
    assert tab.page.inner_text("h1") == "1 memory is not delivered yet"
    names, values = (tab.page.locator(each).all_inner_texts() for each in ("dt", ".value"))
    facts = dict(zip(names, values, strict=True))
    assert facts["Memories go to"] == server.url.removeprefix("http://")
    assert (facts["Waiting"], facts["Not delivered"], facts["Delivered today"]) == ("0", "1", "1")
    tab.sees("1 memory: rejected by the server", "422", within=".groups")
    tab.sees("delivered by now", "refused", within="#latest .list")
    tab.sees("This server cannot correct or delete single memories.", within="#latest")
    assert tab.page.locator("#latest li button").count() == 0
    tab.page.fill("#query", "delivered by now")
    tab.page.locator("#found h2", has_text="Found").wait_for()
    assert tab.page.locator("#found li").count() == 1
    tab.sees("delivered by now", within="#found")
    assert home.log_text().count("delivered by now") == 0


def test_the_list_is_filtered_sorted_and_paged(window: Window) -> None:
    said = {"one": "500 x", "two": "422 y", "three": "500 x"}
    many = [
        waiting(f"filler {n:03}", "many", retry_count=5, moved_to_dlq_at=1e9 - n) for n in range(60)
    ]
    few = [
        waiting(
            text,
            "few",
            last_error=error,
            retry_count=n,
            moved_to_dlq_at=1.6e9 - n,
            timestamp=time.time() - 10 ** (n - 3),  # 17 minutes, 3 hours, 28 hours
        )
        for n, (text, error) in enumerate(said.items(), 6)
    ]
    window.fill(*few, *many)
    tab = window.open("undelivered")
    tab.sees("Page 1 of 2")
    assert len(tab.rows()) == 50
    tab.button("Next →").click()
    tab.sees("Page 2 of 2")
    assert len(tab.rows()) == 13
    tab.page.select_option("[name=project]", "few")
    wait_until(lambda: sorted(tab.rows()) == sorted(said))
    for order, texts in (
        ("newest", ["one", "two", "three"]),
        ("oldest", ["three", "two", "one"]),
        ("tries", ["three", "two", "one"]),
    ):
        tab.page.select_option("[name=order]", order)
        chosen = tab.page.locator(f"[name=order] option[value={order}][selected]")
        chosen.wait_for(state="attached")  # it has been answered
        tab.lists(*texts)
    for age, its in (("hour", ["one"]), ("week", ["three", "two", "one"])):
        tab.page.select_option("[name=age]", age)
        tab.lists(*its)
    tab.page.select_option("[name=age]", "")
    cause = tab.page.locator("[name=cause] option", has_text="422 y").get_attribute("value")
    tab.page.select_option("[name=cause]", cause)
    tab.lists("two")
    tab.page.fill("#text", "nowhere")
    tab.sees("None matches.")
    tab.page.select_option("[name=cause]", "")
    tab.page.fill("#text", "HRE")
    tab.lists("three")
    assert tab.page.input_value("[name=project]") == "few"


def test_what_others_do_shows_by_itself(window: Window, server: Standin) -> None:
    home = window.home
    window.fill(waiting("by hand"), waiting("stays"))
    tab = window.open("undelivered")
    tab.choose("stays")
    home.write_dlq([each for each in home.dlq_items() if each["content"] != "by hand"])
    tab.lists("stays")
    assert tab.page.get_by_role("checkbox", name="Choose: stays").is_checked()
    tab.page.click("nav a >> nth=0")
    tab.sees("stays", within="#latest .list")
    home.ok("add", "--project", "gamma", "just said")
    tab.sees("just said", within="#latest")
    server.wait_for(lambda: server.count("just said") == 1)
    wait_until(lambda: tab.page.locator("dd .value").nth(3).inner_text() == "1")


# A page that is hidden, and a promise that ends when the next change is told among the tabs.
HIDE: Final = """
Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
const tabs = new BroadcastChannel(`mem0tray ${document.body.dataset.session}`);
window.heard = new Promise((done) => (tabs.onmessage = () => done()));
"""


def test_changes_here_ask_the_server_nothing_and_a_hidden_page_nobody(
    window: Window, server: Standin
) -> None:
    home = window.home
    home.write_queue([entry("there", project) for project in ("alpha", "beta", "gamma")])
    server.wait_for(lambda: server.count("there") == 3)
    window.fill(waiting("first"), waiting("second"))
    tab = window.open()
    tab.sees("there", "first", within="#latest .list")
    asked = list(server.requests)
    asks: list[str] = []
    tab.page.on("request", lambda request: asks.append(request.url))
    with tab.page.expect_response("**/latest"):
        home.write_dlq([each for each in home.dlq_items() if each["content"] != "first"])
    tab.page.locator("#latest .list", has_not_text="first").wait_for()
    tab.page.evaluate(HIDE)
    asks.clear()
    home.write_dlq([])
    tab.page.evaluate("heard")
    assert asks == []
    tab.page.evaluate("delete document.hidden")
    tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.page.locator("#latest .list", has_not_text="second").wait_for()
    assert [each for each in server.requests[len(asked) :] if "/memory/" in each.path] == []


def test_what_changes_before_the_page_listens_shows(window: Window) -> None:
    tab = window.open()

    def paused(route: Route) -> None:
        window.home.ok("pause")
        route.continue_()

    tab.page.route("**/events*", paused)
    tab.page.reload()
    tab.sees("Deliveries are paused", within="h1")


def test_an_outage_is_shaded_and_told(window: Window, server: Standin) -> None:
    home = window.home
    home.write_queue([entry("before")])
    server.wait_for(lambda: server.count("before") == 1)
    server.health = Answer(500)
    home.wait(lambda: home.state()[0] == "down", what="down")
    tab = window.open("activity")
    told = tab.page.locator("#live .attempts li").first
    assert told.inner_text().startswith("since ")
    assert "500" in told.inner_text()
    assert tab.page.locator(".chart .outage").first.get_attribute("class") == "outage"
    assert window.worker is not None
    window.worker.kill()
    window.worker = home.worker()
    server.health = NAMED
    tab.sees("Every memory is delivered", within="h1")
    wait_until(lambda: not told.inner_text().startswith("since "))
    for span in ("24 hours", "7 days"):
        tab.page.get_by_label(span).check()
        tab.page.locator("[name=span][checked]").and_(tab.page.get_by_label(span)).wait_for()
        chart = tab.page.get_by_role("img", name="Deliveries")
        assert "Server not reached: 1 time" in str(chart.get_attribute("aria-label"))
        title = chart.locator(".outage title").text_content()
        assert str(title).startswith("Server not reached: from ")


# Hostile and broken -------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>'\"`&amp; `<b>`",
    "{{ 7 * 7 }} ${x} javascript:alert(1) hx-get=/x",
    "\x00\x1b[31m\x07\r\n\u2028 control",
    "\u202eright to left\u2066\u200f",
    "half \ud800 and \udfff",
    "x" * 1_000_000,
)


@pytest.mark.parametrize("number", variants([len(HOSTILE) - 1, len(HOSTILE)]))
def test_hostile_texts_do_no_harm(window: Window, number: int) -> None:
    texts = HOSTILE[:number]  # the last one takes long
    letters = [
        {**waiting(text, text[:5000], last_error=f"500 {text[:5000]}"), "id": f"{n}{text[:300]}"}
        for n, text in enumerate(texts)
    ]
    window.fill(*letters)
    tab = window.open("undelivered")
    tab.page.on("dialog", lambda _: window.faults.append("a script ran"))
    assert tab.page.locator("#chosen li").count() == len(texts)
    assert tab.page.locator("main script, main img, main b").count() == 0
    assert not re.search("[\u202e\u2066\u200f\u2028\x00\x1b\x07]", tab.text())
    assert _fits(tab.page)
    for n in range(len(texts)):
        tab.page.locator("#chosen button.text").nth(n).click()
        tab.page.locator("#content").wait_for()
        assert tab.page.locator("#sheet script, #sheet img, #sheet b").count() == 0
        tab.button("Close").click()
        tab.page.locator("#content").wait_for(state="detached")
    tab.page.select_option("[name=project]", HOSTILE[0])
    wait_until(lambda: len(tab.rows()) == 1, what="the project chosen")
    for text in (*HOSTILE[:2], "' OR 1=1 --", "%", "\\"):
        tab.page.fill("#query", text)
        tab.page.locator("#found h2", has_text="Found").wait_for()
    assert tab.page.title() == "mem0tray"
    addresses = tab.page.evaluate("() => performance.getEntries().map(entry => entry.name)")
    assert "alert" not in str(addresses)


def _remove_ledger(home: Home) -> None:
    for each in home.ledgers():
        each.unlink()


def _break_ledger(home: Home) -> None:
    for each in home.ledgers():
        each.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)


TROUBLES: dict[str, tuple[Callable[[Home], object], str]] = {
    "no ledger": (_remove_ledger, "not running"),
    "a broken ledger": (_break_ledger, "mem0tray is not running"),
    "a broken DLQ file": (lambda home: home.dlq.write_text('{"items": [{"id'), "mem0_queue_dlq"),
    "wrong settings": (
        lambda home: home.configure('[server]\nurl = 7\n[sync]\nx = "'),
        "not running",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_broken_is_said_and_the_rest_shown(window: Window, trouble: str) -> None:
    home = window.home
    window.fill(waiting("a letter"))
    tab = window.open()
    assert window.worker is not None
    window.worker.stop()
    break_it, said = TROUBLES[trouble]

    def is_said() -> bool:
        break_it(home)  # again: a page that was slow has found it mended
        tab.page.reload()
        with suppress(TooLateError):
            tab.page.locator("main").get_by_text(said).first.wait_for(timeout=5_000)
            return True
        return False

    wait_until(is_said, LONGEST, what=f"{trouble} is said")
    for view in VIEWS[1:]:
        tab.go(view)
        assert "Traceback" not in tab.text()


def test_a_server_that_hangs_is_said(window: Window, server: Standin) -> None:
    window.home.write_queue([entry("stored")])
    server.wait_for(lambda: server.count("stored"))
    server.script_questions(*[Answer(delay=60)] * 9)
    tab = window.open()
    tab.sees("Every memory is delivered", within="h1")
    tab.sees("did not answer", within="#latest")


# For everybody ------------------------------------------------------------------------------


def _fits(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


def _suits_everybody(page: Page, what: str) -> None:
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 740})
        assert _fits(page), (what, scheme)
        assert _violations(page) == [], (what, scheme)


def test_everybody_can_use_every_view(window: Window, server: Standin) -> None:
    home = window.home
    home.write_queue([entry("delivered by now")])
    server.wait_for(lambda: server.count("delivered by now"))
    window.fill(*(waiting(f"letter {n} " + "w" * 300, last_error="422 y") for n in range(60)))
    home.ok("delete", "--yes", home.dead_letter("letter 0 " + "w" * 300)["id"])
    tab = window.open()
    home.ok("pause")
    for view in VIEWS:
        tab.go(view)
        if not view:
            tab.page.locator("#latest .list").wait_for()
        _suits_everybody(tab.page, view)
        if view == "undelivered":
            tab.page.locator("#chosen button.text").first.click()
            tab.page.locator("#content").wait_for()
            _suits_everybody(tab.page, "the sheet")
            tab.page.keyboard.press("Escape")
            tab.page.get_by_label("All 59 that match").check()
            tab.button("Try again", "#chosen").click()
            for text in ("Trying 59 memories again", "59 memories were tried again"):
                tab.sees(text, within="#act")
                _suits_everybody(tab.page, text)
                home.ok("resume")
            tab.button("All backups …").click()
            tab.page.locator("#sheet .list").wait_for()
            _suits_everybody(tab.page, "the backups")
            tab.page.keyboard.press("Escape")


def _violations(page: Page) -> list[str]:
    # The rows of a list are alike, and each takes long.
    alike = {"exclude": [["#chosen li:nth-child(n+10)"]]}
    # Its script is long, and each document needs it once.
    axe = Axe("null") if page.evaluate("'axe' in window") else Axe()
    found = axe.run(page, alike).response["violations"]
    return [f"{each['id']}: {[node['html'][:150] for node in each['nodes'][:3]]}" for each in found]


def test_the_keyboard_is_enough(window: Window) -> None:
    home = window.home
    window.fill(waiting("first"), waiting("second"))
    tab = window.open()
    _go(tab, "a[href=undelivered]")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("nav a[href=undelivered][aria-current]")
    _go(tab, "[aria-label='Choose: first']")
    tab.page.keyboard.press("Space")
    home.ok("add", "--project", "gamma", "meanwhile")  # the page changes: the focus stays
    wait_until(lambda: home.read(home.metrics)["total_synced"] == 1)
    _go(tab, "[data-chosen] >> nth=1")
    tab.page.keyboard.press("Enter")
    tab.sees("Delete 1 memory?", within="#sheet")
    tab.page.keyboard.press("Enter")  # “Cancel” has the focus
    tab.page.wait_for_selector("#sheet", state="hidden")
    assert home.dlq_texts() == ["first", "second"]
    _go(tab, "[data-chosen] >> nth=1")
    tab.page.keyboard.press("Enter")
    _go(tab, "#sheet .main")
    tab.page.keyboard.press("Enter")
    home.wait_dlq(["second"])
    _go(tab, "#note button >> nth=0")
    tab.page.keyboard.press("Enter")
    home.wait_dlq(["first", "second"])


def _go(tab: Tab, selector: str) -> None:
    """Press Tab until this has the focus."""
    wanted = tab.page.locator(selector)
    for _ in range(60):
        # In one question: the page may replace the element between two.
        look = "e => e === document.activeElement ? e.matches(':focus-visible') : null"
        is_visible = wanted.evaluate(look)
        if is_visible is not None:
            assert is_visible
            return
        tab.page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_it_speaks_french(window: Window) -> None:
    window.fill(*(waiting(f"note {n}") for n in range(2)))
    tab = window.open(env={"MEM0TRAY_UI_LANGUAGE": "fr"})
    assert tab.page.get_attribute("html", "lang") == "fr"
    tab.sees("2 souvenirs", "Derniers souvenirs")
    english = re.compile(r"\b(memor|deliver|waiting|settings|search|Try|again)", re.IGNORECASE)
    for view in VIEWS:
        tab.go(view)
        assert english.findall(tab.text().replace("memory", "")) == [], view
