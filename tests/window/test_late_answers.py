"""Answers of the window that come late: what a user has done meanwhile counts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route

from mem0tray.window import routes
from tests.support import needs
from tests.support.browser import CHROMIUM, Tab, Window
from tests.support.home import Home
from tests.support.processes import wait_until
from tests.support.shapes import entry, waiting
from tests.support.standin import Standin

pytestmark = [needs.program(CHROMIUM), needs.linux("a browser is found in another way there")]


class Held:
    """The page's next request to a path, kept from the server until it is let go."""

    def __init__(self, tab: Tab, path: str) -> None:
        self._tab = tab
        self._kept: list[Route] = []
        tab.page.route(f"**/{path}", self._keep, times=1)

    def _keep(self, route: Route) -> None:
        self._kept.append(route)

    def wait(self) -> None:
        wait_until(lambda: self._tab.page.title() and self._kept, what="a request on its way")

    def let_go(self) -> None:
        self._kept[0].continue_()

    def fail(self) -> None:
        self._kept[0].fulfill(status=500)


@pytest.fixture
def memories(browser: Browser, bare_home: Home) -> Iterator[Tab]:
    """Show two memories of the embedded server, which can delete them."""
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    bare_home.write_queue([entry("one"), entry("other")])
    with Window(bare_home, browser, bare_home.worker()) as window:
        tab = window.open()
        tab.page.locator("#latest li button").nth(3).wait_for()
        yield tab
        assert window.faults == []


def trying_again(window: Window) -> tuple[Tab, Held]:
    """Click "Try now" on the first of two memories, and hold the request."""
    window.fill(waiting("first"), waiting("second"))
    tab = window.open("undelivered")
    held = Held(tab, "retry")
    tab.page.locator("#chosen li", has_text="first").get_by_role("button", name="Try now").click()
    held.wait()
    return tab, held


@contextmanager
def pressed(tab: Tab, button: Locator, answer: str) -> Iterator[None]:
    """Hold a button down until the page has an answer that is to come meanwhile."""
    button.hover()
    with tab.page.expect_response(f"**/{answer}"):
        tab.page.mouse.down()
        yield
    tab.page.mouse.up()


def ask_to_delete(tab: Tab, text: str) -> None:
    tab.page.get_by_role("button", name=f"Delete: {text}", exact=True).click()


def test_no_answer_on_its_way_undoes_a_choice(window: Window) -> None:
    home = window.home
    window.fill(waiting("here", "one"), waiting("there", "two"))
    tab = window.open("undelivered")
    held = Held(tab, "view/undelivered")
    home.write_dlq([*home.dlq_items(), waiting("new", "one")])
    held.wait()
    tab.page.select_option("[name=project]", "two")
    tab.lists("there")
    held.let_go()
    held = Held(tab, "view/undelivered")
    tab.page.select_option("[name=order]", "newest")
    held.wait()
    tab.page.locator("#text").press_sequentially("here")
    held.let_go()
    tab.lists("there")
    tab.page.fill("#text", "")
    home.write_dlq([*home.dlq_items(), waiting("newer", "two")])
    wait_until(lambda: sorted(tab.rows()) == ["newer", "there"], explain=lambda: str(tab.rows()))


def test_what_is_found_stands_in_place_of_the_latest_until_the_search_is_cleared(
    window: Window,
) -> None:
    home = window.home
    home.write_queue([entry("wanted"), entry("another")])
    tab = window.open()
    latest, found = (tab.page.locator(f"#{each} .list") for each in ("latest", "found"))
    tab.sees("wanted", "another", within="#latest .list")
    held = Held(tab, "latest")
    home.ok("pause")
    held.wait()
    tab.page.fill("#query", "wanted")
    found.wait_for()
    with tab.page.expect_response("**/latest"):
        held.let_go()
    latest.wait_for(state="hidden")
    assert "wanted" in found.inner_text()
    tab.page.fill("#query", "")
    latest.wait_for()
    found.wait_for(state="hidden")
    tab.go("undelivered")
    tab.page.fill("#query", "wanted")
    found.wait_for()
    assert not tab.page.locator("#wanted").is_visible()  # it may be long
    tab.page.fill("#query", "")
    tab.page.locator("#wanted").wait_for()
    tab.page.locator("#found:empty").wait_for(state="attached")


def test_a_change_while_the_latest_are_on_their_way_is_asked_for_after_them(
    window: Window,
) -> None:
    tab = window.open()
    tab.page.route("**/events*", lambda _: None)  # no other change
    tab.page.reload()
    tab.sees("There are none yet.", within="#latest")
    held = Held(tab, "latest")
    for _ in range(2):
        tab.page.evaluate("document.body.dispatchEvent(new Event('changed'))")
        held.wait()
    with tab.page.expect_request("**/latest"):
        held.let_go()


def test_the_sheet_shows_what_was_asked_for_last(memories: Tab) -> None:
    held = Held(memories, "delivered")
    ask_to_delete(memories, "one")
    held.wait()
    with memories.page.expect_event("requestfailed", lambda each: each.url.endswith("delivered")):
        ask_to_delete(memories, "other")
    memories.sees("other", within="#sheet pre")


def test_each_request_for_a_sheet_a_list_or_a_test_breaks_off_the_one_before() -> None:
    asking = re.compile(r'hx-target="(#(?:sheet|tested|act|live))"([^>]*)>')
    own = 'hx-sync="{}:replace"'
    folder = Path(routes.__file__).with_name("templates")
    found = [each for page in folder.glob("*.html") for each in asking.findall(page.read_text())]
    others = [(place, rest) for place, rest in found if "from:body" not in rest]
    assert len(others) > 10
    assert [each for each in others if own.format(each[0]) not in each[1]] == []


def test_an_act_is_told_and_shown_though_its_sheet_was_closed(memories: Tab) -> None:
    page = memories.page
    page.fill("#query", "one")
    page.locator("#found li", has_text="one").wait_for()
    page.locator("#found").get_by_role("button", name="Delete: one").click()
    held = Held(memories, "remove")
    memories.button("Back up and delete", "#sheet").click()
    held.wait()
    page.keyboard.press("Escape")
    page.locator("#sheet:not([open])").wait_for(state="attached")
    held.let_go()
    assert memories.said() == "Deleted, a copy is kept."
    page.locator("#found li", has_text="one").wait_for(state="detached")


def test_an_error_is_told_though_its_button_is_gone(window: Window) -> None:
    home = window.home
    window.fill(waiting("goes"), waiting("stays"))
    tab = window.open("undelivered")
    held = Held(tab, "memory/*")
    tab.page.get_by_role("button", name="Correct: goes").click()
    held.wait()
    home.write_dlq([each for each in home.dlq_items() if each["content"] == "stays"])
    tab.lists("stays")
    held.let_go()
    assert "It does not wait any more" in tab.said()


def test_a_fault_is_told_though_its_button_was_replaced(window: Window) -> None:
    tab, held = trying_again(window)
    window.home.ok("pause")
    tab.button("Resume").wait_for()
    held.fail()
    assert tab.page.locator("#note .said").inner_text() == "That did not work"
    window.faults.clear()


def test_a_sheet_that_was_closed_stays_closed(window: Window) -> None:
    window.fill(waiting("stays"))
    tab = window.open("undelivered")
    tab.page.get_by_role("button", name="Correct: stays").click()
    held = Held(tab, "ask/delete")
    tab.button("Back up and delete …", "#sheet").click()
    held.wait()
    with tab.page.expect_event("requestfailed", lambda each: each.url.endswith("ask/delete")):
        tab.page.keyboard.press("Escape")
    assert tab.page.locator("#sheet[open]").count() == 0


def test_a_press_whose_end_is_not_seen_holds_nothing_up(window: Window) -> None:
    tab = window.open("settings")
    tab.page.locator("[name='notifications.level']").hover()
    tab.page.mouse.down()
    tab.page.select_option("[name='notifications.level']", "none")
    tab.button("Save").press("Enter")
    assert tab.said() == "Saved."
    tab.page.locator("[name='was:notifications.level'][value=none]").wait_for(state="attached")


def test_an_act_leaves_the_sheet_of_another_memory_open(window: Window) -> None:
    tab, held = trying_again(window)
    tab.page.get_by_role("button", name="Correct: second").click()
    tab.page.fill("#content", "second, corrected")
    held.let_go()
    assert tab.said() == "1 memory is tried again."
    assert tab.page.locator("#sheet[open] #content").input_value() == "second, corrected"


def test_a_click_counts_though_the_list_changes_before_it_ends(window: Window) -> None:
    old = waiting("old")
    window.fill(old)
    tab = window.open("undelivered")
    correct = tab.page.get_by_role("button", name="Correct: old")
    with pressed(tab, correct, "view/undelivered"):
        window.fill(old, waiting("new"))
    tab.sees("old", within="#sheet")
    tab.page.keyboard.press("Escape")
    tab.sees("new", within="#chosen")


def test_a_click_counts_though_an_act_before_it_is_answered_before_it_ends(window: Window) -> None:
    tab, held = trying_again(window)
    correct = tab.page.get_by_role("button", name="Correct: second")
    with pressed(tab, correct, "view/undelivered"):
        held.let_go()
    tab.sees("second", within="#sheet")
    tab.page.keyboard.press("Escape")
    tab.lists("second")


def test_a_click_counts_though_the_server_is_tested_before_it_ends(window: Window) -> None:
    tab = window.open("settings")
    tab.page.fill("[name='server.api_key']", "typed")
    with pressed(tab, tab.button("Save"), "test"):
        pass  # the test begins as the field is left
    assert tab.said() == "Saved."


def test_an_act_that_is_clicked_twice_is_done_once(window: Window) -> None:
    window.fill(waiting("once"))
    tab = window.open("undelivered")
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    answer, refresh = Held(tab, "retry"), Held(tab, "view/undelivered")
    tab.button("Try now").dblclick()
    answer.wait()
    answer.let_go()
    assert tab.said() == "1 memory is tried again."
    refresh.wait()
    tab.button("Try now").click()
    refresh.let_go()
    tab.sees("There are none.")
    assert asked.count("retry") == 1


def test_what_is_found_on_its_way_is_shown_as_delivered_once_it_is(
    window: Window, server: Standin
) -> None:
    window.home.ok("pause")
    window.home.ok("add", "--project", "gamma", "fresh")
    tab = window.open()
    tab.page.fill("#query", "fresh")
    tab.sees("on its way", within="#found")
    window.home.ok("resume")
    server.wait_for(lambda: server.count("fresh") == 1)
    # For a moment it is both: the server has it, and the ledger does not know yet.
    tab.page.wait_for_selector("#found ul:has(li:only-child:has-text('delivered'))")


def test_a_refresh_leaves_the_keyboard_where_it_is(memories: Tab) -> None:
    page = memories.page
    page.get_by_role("button", name="Delete: one").focus()
    with page.expect_response("**/latest"):
        page.evaluate("document.body.dispatchEvent(new Event('changed'))")
    focused = "document.activeElement.ariaLabel"
    wait_until(lambda: page.evaluate(focused) == "Delete: one", what="focused again")


def test_a_switch_leaves_what_is_typed_beside_it(window: Window) -> None:
    hooks = window.home.claude / "settings.json"
    hooks.write_text("{}")
    tab = window.open("settings")
    tab.page.fill("[name='server.api_key']", "typed")
    tab.page.get_by_role("switch").last.click()
    assert tab.said() == "Saved. Sessions that begin now follow it."
    tab.page.locator("[role=switch][aria-checked=true]").wait_for()
    assert tab.page.input_value("[name='server.api_key']") == "typed"
    assert "mem0tray" in hooks.read_text()
