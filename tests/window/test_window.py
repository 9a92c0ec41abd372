"""What a user sees and does in the window: in a real browser, beside a real worker and server."""

import re
import signal
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from tests.support import needs
from tests.support.browser import Tab, Window
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import Item, entry, waiting
from tests.support.standin import Standin

pytestmark = [needs.program("chromium"), needs.linux("a browser is found in another way there")]

VIEWS = ("", "undelivered", "activity", "settings")
# Fails for good, and says why; anything else is stored.
REFUSED = Answer(422, {"detail": "too long"})


def _letters(home: Home, *letters: Item) -> None:
    """Leave memories that are not tried again by themselves for an hour."""
    home.write_dlq(letters)
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(letters), what="taken in")


def _rows(tab: Tab) -> list[str]:
    return tab.page.locator("#chosen .list button.text").all_inner_texts()


def _shows(tab: Tab, *texts: str) -> None:
    """Wait until exactly these are listed, in this order."""
    wait_until(lambda: _rows(tab) == list(texts), what=f"{texts}", explain=lambda: str(_rows(tab)))


def _choose(tab: Tab, *texts: str) -> None:
    for text in texts:
        tab.page.get_by_role("checkbox", name=f"Choose: {text}", exact=True).check()


# What is seen ------------------------------------------------------------------------------


def test_the_first_screen_says_how_things_stand(window: Window, server: Standin) -> None:
    home = window.home
    server.script(REFUSED, content="refused", forever=True)
    home.write_queue([entry("delivered by now", "beta"), entry("refused")])
    home.wait_dlq(["refused"])
    tab = window.open()
    assert tab.page.inner_text("h1") == "1 memory is not delivered yet"
    names, values = (tab.page.locator(each).all_inner_texts() for each in ("dt", ".value"))
    facts = dict(zip(names, values, strict=True))
    assert facts["Memories go to"] == server.url.removeprefix("http://")
    assert (facts["Waiting"], facts["Not delivered"], facts["Delivered"]) == ("0", "1", "1")
    tab.sees("1 memory: rejected by the server", "422", within=".groups")
    tab.sees("delivered by now", "refused", within="#found .list")
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
        waiting(text, "few", last_error=error, retry_count=n, moved_to_dlq_at=1.6e9 - n)
        for n, (text, error) in enumerate(said.items(), 6)
    ]
    _letters(window.home, *few, *many)
    tab = window.open("undelivered")
    tab.sees("Page 1 of 2")
    assert len(_rows(tab)) == 50
    tab.button("Next →").click()
    tab.sees("Page 2 of 2")
    assert len(_rows(tab)) == 13
    tab.page.select_option("[name=project]", "few")
    wait_until(lambda: sorted(_rows(tab)) == sorted(said))
    for order, texts in (
        ("newest", ["one", "two", "three"]),
        ("oldest", ["three", "two", "one"]),
        ("tries", ["three", "two", "one"]),
    ):
        tab.page.select_option("[name=order]", order)
        chosen = tab.page.locator(f"[name=order] option[value={order}][selected]")
        chosen.wait_for(state="attached")  # it has been answered
        _shows(tab, *texts)
    cause = tab.page.locator("[name=cause] option", has_text="422 y").get_attribute("value")
    tab.page.select_option("[name=cause]", cause)
    _shows(tab, "two")
    tab.page.fill("#text", "nowhere")
    tab.sees("None matches.")
    tab.page.select_option("[name=cause]", "")
    tab.page.fill("#text", "HRE")
    _shows(tab, "three")
    assert tab.page.input_value("[name=project]") == "few"


def test_what_others_do_shows_by_itself(window: Window, server: Standin) -> None:
    home = window.home
    _letters(home, waiting("by hand"), waiting("stays"))
    tab = window.open("undelivered")
    _choose(tab, "stays")
    home.write_dlq([each for each in home.dlq_items() if each["content"] != "by hand"])
    _shows(tab, "stays")
    assert tab.page.get_by_role("checkbox", name="Choose: stays").is_checked()
    tab.page.click("nav a >> nth=0")
    tab.sees("stays", within="#found .list")
    home.ok("add", "--project", "gamma", "just said")
    tab.sees("just said", within="#found")
    server.wait_for(lambda: server.count("just said") == 1)
    wait_until(lambda: tab.page.locator("dd .value").nth(3).inner_text() == "1")


def test_no_answer_on_its_way_undoes_a_choice(window: Window) -> None:
    home = window.home
    _letters(home, waiting("here", "one"), waiting("there", "two"))
    tab = window.open("undelivered")
    held: list[Route] = []
    tab.page.route("**/view/undelivered", lambda route: held.append(route), times=1)  # noqa: PLW0108
    home.write_dlq([*home.dlq_items(), waiting("new", "one")])
    wait_until(lambda: tab.page.title() and held, what="a refresh on its way")
    tab.page.select_option("[name=project]", "two")
    _shows(tab, "there")
    held[0].continue_()
    tab.page.route("**/view/undelivered", lambda route: held.append(route), times=1)  # noqa: PLW0108
    tab.page.select_option("[name=order]", "newest")
    wait_until(lambda: tab.page.title() and len(held) > 1, what="another answer on its way")
    tab.page.locator("#text").press_sequentially("here")
    held[1].continue_()
    _shows(tab, "there")
    tab.page.fill("#text", "")
    home.write_dlq([*home.dlq_items(), waiting("newer", "two")])
    wait_until(lambda: sorted(_rows(tab)) == ["newer", "there"], explain=lambda: str(_rows(tab)))


# What is done ------------------------------------------------------------------------------


def test_one_the_chosen_or_all_of_a_cause_are_tried_again(window: Window, server: Standin) -> None:
    texts = ("alone", "both", "of them", "cause 1", "cause 2", "other")
    server.script(REFUSED, content="of them", forever=True)
    _letters(
        window.home,
        *(waiting(t, last_error="500 why" if "cause" in t else "422 no") for t in texts),
    )
    tab = window.open("undelivered")
    row = tab.page.locator("#chosen li", has_text="alone")
    row.get_by_role("button", name="Try now").click()
    assert tab.said() == "1 memory is tried again."
    window.home.wait_dlq(set(texts) - {"alone"})
    assert tab.button("Try again", "#chosen").is_disabled()
    _choose(tab, "both", "of them")
    tab.button("Try again", "#chosen").click()
    tab.sees("2 memories are tried again.", within="#note")
    window.home.wait_dlq({"of them", "cause 1", "cause 2", "other"})
    tab.page.click("nav a >> nth=0")
    group = tab.page.locator(".groups li", has_text="500 why")
    group.get_by_role("button", name="Try again").click()
    tab.sees("2 memories are tried again.", within="#note")
    window.home.wait_dlq({"of them", "other"})
    assert server.surplus() == {}
    assert server.sends("other") == 0


def test_all_that_match_are_more_than_the_page(window: Window, server: Standin) -> None:
    _letters(
        window.home,
        waiting("stays", "other"),
        *(waiting(f"letter {n}", "many") for n in range(70)),
    )
    tab = window.open("undelivered")
    tab.page.select_option("[name=project]", "many")
    tab.page.get_by_label("All 70 that match").check()
    tab.button("Try again", "#chosen").click()
    assert tab.said() == "70 memories are tried again."
    window.home.wait_dlq(["stays"])
    tab.sees("None matches.")
    assert server.total_stored() == 70
    assert server.surplus() == {}


def test_what_is_deleted_comes_back(window: Window, server: Standin) -> None:
    home = window.home
    _letters(home, waiting("first"), waiting("second"), waiting("stays"))
    tab = window.open("undelivered")
    tab.page.get_by_label("All on this page").check()
    tab.page.get_by_role("checkbox", name="Choose: stays").uncheck()
    tab.button("Back up and delete …", "#chosen").click()
    tab.sees("Delete 2 memories?", within="#sheet")
    tab.button("Cancel").click()
    tab.button("Back up and delete …", "#chosen").click()
    tab.button("Back up and delete", "#sheet").click()
    assert tab.said() == "2 memories are deleted, a copy is kept."
    home.wait_dlq(["stays"])
    (backup,) = home.claude.glob("mem0_queue_dlq.backup-*.json")
    assert "first" in backup.read_text()
    tab.button("Undo").click()
    tab.sees("2 memories are back.", within="#note")
    home.wait_dlq(["first", "second", "stays"])
    tab.page.get_by_role("button", name="second", exact=True).click()
    tab.button("Back up and delete …", "#sheet").click()
    tab.sees("Delete 1 memory?", within="#sheet")
    tab.button("Back up and delete", "#sheet").click()
    home.wait_dlq(["first", "stays"])
    tab.button("Restore last deletion").click()
    tab.sees("1 memory is back.", within="#note")
    home.wait_dlq(["first", "second", "stays"])
    assert server.saves == []


def test_a_memory_is_understood_edited_and_sent(window: Window, server: Standin) -> None:
    home = window.home
    text = "the first line\n\n  " + "long " * 1000 + "http://me:secret@host/\n\tend"
    server.script(Answer(500), forever=True)
    home.write_queue([entry(text, "beta")])
    home.wait_dlq([text])
    server.clear_scripts()
    tab = window.open("undelivered")
    tab.page.locator("#chosen button.text").click()
    tab.sees("beta", "500", "s", within="#sheet")
    assert tab.page.input_value("#content") == text
    tab.page.fill("#content", text + " and more")
    tab.button("Save and send").click()
    assert "the old text is kept" in tab.said()
    server.wait_for(lambda: server.count(text + " and more") == 1)
    home.wait_dlq([])
    (kept,) = [path for path in home.data_files() if path.parent.name == "edits"]
    assert "long long" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_deliveries_are_paused_and_go_on(window: Window, server: Standin) -> None:
    tab = window.open()
    tab.button("Pause").click()
    tab.sees("Deliveries are paused", within="h1")
    window.home.write_queue([entry("later")])
    wait_until(lambda: tab.page.locator("dd .value").nth(1).inner_text() == "1", what="it waits")
    assert server.saves == []
    tab.button("Resume").click()
    server.wait_for(lambda: server.count("later") == 1)
    tab.sees("Every memory is delivered", within="h1")


def test_settings_are_tested_and_written(browserless: Window, server: Standin) -> None:
    home, window = browserless.home, browserless
    server.api_key = "the-key"
    home.configure('# mine\n[ui]\nlanguage = "en"  # spoken here\n')
    tab = window.open("settings")
    tab.page.fill("[name='server.url']", server.url)
    tab.page.fill("[name='server.api_key']", "a wrong one")
    tab.button("Test the server").click()
    tab.sees("✗", within="#tested")
    tab.page.fill("[name='server.api_key']", "the-key")
    tab.button("Test the server").click()
    tab.page.locator("#tested .bad").wait_for(state="detached")
    tab.button("Save").click()
    assert tab.said() == "Saved."
    written = home.config.read_text()
    assert "# mine" in written
    assert "# spoken here" in written
    assert server.url in written
    assert "the-key" in written
    tab.sees("one is set; it is not shown")
    assert "the-key" not in tab.page.content()
    assert server.saves == []


# Coming and going --------------------------------------------------------------------------


def test_a_second_window_lets_the_first_rest(window: Window) -> None:
    first = window.open()
    process = window.endpoint.pid
    second = window.open()
    first.page.locator("#resting").wait_for()
    assert first.page.evaluate("() => document.querySelector('main').inert")
    assert window.endpoint.pid == process
    second.button("Pause").click()
    second.sees("Deliveries are paused", within="h1")
    # What the first one asked for until it knew.
    window.faults = [each for each in window.faults if "403" not in each and "htmx:" not in each]


def test_it_ends_when_its_last_page_is_closed(window: Window) -> None:
    process = window.serve_apart()
    tab = window.open()
    window.home.ok("pause")
    tab.sees("Deliveries are paused", within="h1")
    process.signal(signal.SIGUSR1)
    window.home.ok("resume")
    tab.sees("Ready for the first memory", within="h1")
    tab.page.context.close()
    assert process.wait() == 0
    window.open()
    assert window.endpoint.pid != process.pid


# Hostile and broken ------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>'\"`&amp; `<b>`",
    "{{ 7 * 7 }} ${x} javascript:alert(1) hx-get=/x",
    "\x00\x1b[31m\x07\r\n\u2028 control",
    "\u202eright to left\u2066\u200f",
    "half \ud800 and \udfff",
    "x" * 1_000_000,
)


def test_hostile_texts_do_no_harm(window: Window) -> None:
    letters = [
        {**waiting(text, text[:5000], last_error=f"500 {text[:5000]}"), "id": f"{n}{text[:300]}"}
        for n, text in enumerate(HOSTILE)
    ]
    _letters(window.home, *letters)
    tab = window.open("undelivered")
    tab.page.on("dialog", lambda _: window.faults.append("a script ran"))
    assert tab.page.locator("#chosen li").count() == len(HOSTILE)
    assert tab.page.locator("main script, main img, main b").count() == 0
    assert not re.search("[\u202e\u2066\u200f\u2028\x00\x1b\x07]", tab.text())
    assert _fits(tab.page)
    for n in range(len(HOSTILE)):
        tab.page.locator("#chosen button.text").nth(n).click()
        tab.page.locator("#content").wait_for()
        assert tab.page.locator("#sheet script, #sheet img, #sheet b").count() == 0
        tab.button("Close").click()
        tab.page.locator("#content").wait_for(state="detached")
    tab.page.select_option("[name=project]", HOSTILE[0])
    wait_until(lambda: len(_rows(tab)) == 1, what="the project chosen")
    for text in (*HOSTILE[:2], "' OR 1=1 --", "%", "\\"):
        tab.page.fill("#query", text)
        tab.page.locator("#found h2", has_text="Found").wait_for()
    assert tab.page.title() == "mem0tray"
    addresses = tab.page.evaluate("() => performance.getEntries().map(entry => entry.name)")
    assert "alert" not in str(addresses)


def _break_ledger(home: Home) -> None:
    (ledger,) = home.ledgers()
    ledger.write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)


TROUBLES: dict[str, tuple[Callable[[Home], object], str]] = {
    "no ledger": (lambda home: home.ledgers()[0].unlink(), "not running"),
    "a broken ledger": (_break_ledger, "mem0tray is not running"),
    "a broken DLQ file": (lambda home: home.dlq.write_text('{"items": [{"id'), "mem0_queue_dlq"),
    "a DLQ file of another shape": (
        lambda home: home.dlq.write_text("[7, null]"),
        "mem0_queue_dlq",
    ),
    "wrong settings": (
        lambda home: home.configure('[server]\nurl = 7\n[sync]\nx = "'),
        "not running",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_broken_is_said_and_the_rest_shown(window: Window, trouble: str) -> None:
    home = window.home
    _letters(home, waiting("a letter"))
    tab = window.open()
    assert window.worker is not None
    window.worker.stop()
    break_it, said = TROUBLES[trouble]
    break_it(home)
    tab.page.reload()
    tab.sees(said)
    for view in VIEWS[1:]:
        tab.go(view)
    assert "Traceback" not in tab.text()


def test_a_server_that_hangs_is_said(window: Window, server: Standin) -> None:
    window.home.write_queue([entry("stored")])
    server.wait_for(lambda: server.count("stored"))
    server.script_questions(*[Answer(delay=60)] * 9)
    tab = window.open()
    tab.sees("Every memory is delivered", within="h1")
    tab.sees("did not answer", within="#found")


# For everybody -----------------------------------------------------------------------------


def _fits(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_every_view(window: Window, server: Standin, scheme: str) -> None:
    home = window.home
    home.write_queue([entry("delivered by now")])
    server.wait_for(lambda: server.count("delivered by now"))
    _letters(home, *(waiting(f"letter {n} " + "w" * 300, last_error="422 y") for n in range(60)))
    width = 360 if scheme == "dark" else 1100
    tab = window.open(color_scheme=scheme, viewport={"width": width, "height": 740})
    for view in VIEWS:
        tab.go(view)
        if not view:
            tab.page.locator("#found .list").wait_for()
        assert _fits(tab.page), view
        assert _violations(tab.page) == [], view
        if view == "undelivered":
            tab.page.locator("#chosen button.text").first.click()
            tab.page.locator("#content").wait_for()
            assert _violations(tab.page) == [], "the sheet"
            tab.page.keyboard.press("Escape")


def _violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'][:150] for node in each['nodes'][:3]]}" for each in found]


def test_the_keyboard_is_enough(window: Window) -> None:
    home = window.home
    _letters(home, waiting("first"), waiting("second"))
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
    tab.page.keyboard.press("Enter")  # the focus is on the button
    home.wait_dlq(["second"])
    _go(tab, "#note button")
    tab.page.keyboard.press("Enter")
    home.wait_dlq(["first", "second"])


def _go(tab: Tab, selector: str) -> None:
    """Press Tab until this has the focus."""
    wanted = tab.page.locator(selector)
    for _ in range(60):
        if wanted.evaluate("e => e === document.activeElement"):
            assert wanted.evaluate("e => e.matches(':focus-visible')")
            return
        tab.page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_it_speaks_french(window: Window) -> None:
    _letters(window.home, *(waiting(f"note {n}") for n in range(2)))
    tab = window.open(env={"MEM0TRAY_UI_LANGUAGE": "fr"})
    assert tab.page.get_attribute("html", "lang") == "fr"
    tab.sees("2 souvenirs", "Derniers souvenirs")
    english = re.compile(r"\b(memor|deliver|waiting|settings|search|Try|again)", re.IGNORECASE)
    for view in VIEWS:
        tab.go(view)
        assert english.findall(tab.text().replace("memory", "")) == [], view
