"""What a user does in the window: in a real browser, beside a real worker and server."""

import signal
import time

from playwright.sync_api import Browser

from mem0tray.localserver import endpoint
from tests.localserver.support import client_of
from tests.support import needs
from tests.support.browser import CHROMIUM, Window
from tests.support.held import held
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import entry, waiting
from tests.support.standin import Standin

pytestmark = [needs.program(CHROMIUM), needs.linux("a browser is found in another way there")]

DAY = 86_400
_IS_IN_SIGHT = "e => e.getBoundingClientRect().bottom < innerHeight"


def test_one_the_chosen_or_all_of_a_cause_are_tried_again(window: Window, server: Standin) -> None:
    texts = ("alone", "both", "of them", "cause 1", "cause 2", "other")
    server.script(Answer(422), content="of them", forever=True)
    window.fill(
        *(waiting(t, last_error="500 why" if "cause" in t else "422 no") for t in texts),
    )
    tab = window.open("undelivered")
    row = tab.page.locator("#chosen li", has_text="alone")
    row.get_by_role("button", name="Try now").click()
    assert tab.said() == "1 memory is tried again."
    window.home.wait_dlq(set(texts) - {"alone"})
    assert tab.button("Try again", "#chosen").is_disabled()
    tab.choose("both", "of them")
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


def test_what_is_deleted_comes_back(window: Window, server: Standin) -> None:
    home = window.home
    window.fill(waiting("first"), waiting("second"), waiting("stays"))
    tab = window.open("undelivered")
    tab.page.get_by_label("All on this page").check()
    tab.page.get_by_role("checkbox", name="Choose: stays").uncheck()
    tab.button("Back up and delete …", "#chosen").click()
    tab.sees("Delete 2 memories?", within="#sheet")
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
    tab.sees("Delete 1 memory?", "second", within="#sheet")
    tab.button("Back up and delete", "#sheet").click()
    tab.sees("1 memory is deleted, a copy is kept.", within="#note")
    home.wait_dlq(["first", "stays"])
    tab.button("Restore last deletion").click()
    tab.sees("1 memory is back.", within="#note")
    home.wait_dlq(["first", "second", "stays"])
    assert server.saves == []


def test_all_that_match_more_than_the_page_are_followed_to_their_outcome(
    window: Window, server: Standin
) -> None:
    home, refused = window.home, ["refused", "refused too"]
    for text in refused:
        server.script(Answer(422), content=text, forever=True)
    texts, old = [*(f"letter {n}" for n in range(57)), "goes", *refused], time.time() - 8 * DAY
    letters = (waiting(each, timestamp=old) for each in texts)
    window.fill(waiting("stays", "other", timestamp=old), waiting("young"), *letters)
    home.ok("pause")
    tab = window.open("undelivered")
    tab.page.select_option("[name=project]", "alpha")
    tab.page.select_option("[name=age]", "older")
    tab.page.get_by_label("All 60 that match").check()
    tab.button("Back up and delete …", "#chosen").click()
    tab.sees("Delete 60 memories?", within="#sheet")
    tab.button("Cancel").click()
    tab.button("Try again", "#chosen").click()
    assert tab.said() == "60 memories are tried again."
    running = "Trying 60 memories again: 0 delivered, 60 still to come. Deliveries are paused"
    tab.sees(running, within="#act")
    assert tab.page.input_value("[name=project]") == "alpha"  # or all that match were others now
    tab.page.reload()
    tab.sees(running, within="#act")
    home.ok("delete", "--yes", home.dead_letter("goes")["id"])
    tab.sees("1 deleted meanwhile, 59 still to come", within="#act")
    home.ok("resume")
    outcome = "60 memories were tried again: 57 delivered, 2 not delivered, 1 deleted meanwhile"
    tab.sees(outcome, within="#act")
    tab.page.get_by_role("link", name="Select those not delivered").click()
    wait_until(lambda: sorted(tab.rows()) == refused, explain=lambda: str(tab.rows()))
    assert tab.page.locator("#chosen .list :checked").count() == 2
    server.clear_scripts()
    tab.button("Try again", "#chosen").click()
    tab.sees("2 memories were tried again: 2 delivered", within="#act")
    tab.button("Close", "#act").click()
    tab.page.locator(".act").wait_for(state="detached")
    tab.page.reload()
    assert tab.page.inner_text("#act") == ""
    home.wait_dlq(["stays", "young"])
    assert server.surplus() == {}


def test_every_backup_can_be_restored(window: Window, server: Standin) -> None:
    home = window.home
    window.fill(*(waiting(text) for text in ("first", "second", "third", "stays", "wrong")))
    for text in ("first", "second"):
        home.ok("delete", "--yes", home.dead_letter(text)["id"])
    home.write_dlq([each for each in home.dlq_items() if each["content"] != "third"])
    home.wait_dlq(["stays", "wrong"])
    tab = window.open("undelivered")
    tab.page.get_by_role("button", name="wrong", exact=True).click()
    tab.page.fill("#content", "right")
    tab.button("Save and send").click()
    server.wait_for(lambda: server.count("right") == 1)
    tab.button("All backups …").click()
    shown = tab.page.locator("#sheet li")
    tab.sees("1 memory: deleted by hand", "1 memory: a text before it was changed", within="#sheet")
    assert shown.filter(has_text="wrong").get_by_role("button").count() == 1
    shown.filter(has_text="first").last.get_by_role("button", name="Restore").click()
    tab.sees("1 memory is back.", within="#note")
    home.wait_dlq(["first", "stays"])
    tab.button("All backups …").click()
    tab.sees("nothing to put back", within="#sheet")
    assert shown.filter(has_text="first").last.get_by_role("button").count() == 0
    shown.filter(has_text="third").get_by_role("button", name="Restore").click()
    home.wait_dlq(["first", "stays", "third"])
    home.ok("config", "set", "ui.show_texts", "no")
    tab.button("All backups …").click()
    tab.sees("1 memory: deleted", within="#sheet")
    assert "second" not in tab.page.inner_text("#sheet")


def test_a_memory_is_understood_edited_and_sent(window: Window, server: Standin) -> None:
    home = window.home
    text = "the first line\n\n  " + "long " * 1000 + "http://me:secret@host/\n\tend"
    server.script(Answer(500), forever=True)
    home.write_queue([entry(text, "beta")])
    home.wait_dlq([text])
    server.clear_scripts()
    tab = window.open("undelivered")
    tab.page.locator("#chosen .acts button", has_text="Correct …").click()
    tab.sees("beta", "500", "s", "The fault is the server's", within="#sheet")
    assert tab.page.input_value("#content") == text
    tab.page.fill("#content", text + " and more")
    tab.page.set_viewport_size({"width": 1000, "height": 480})
    assert tab.button("Save and send").evaluate(_IS_IN_SIGHT)  # however many attempts there were
    tab.button("Save and send").click()
    assert "the old text is kept" in tab.said()
    tab.button("Close", "#note").click()
    assert not tab.page.locator("#note").is_visible()
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


def test_settings_are_tested_and_written(
    browser: Browser, bare_home: Home, server: Standin
) -> None:
    home = bare_home
    server.api_key = "the-key"
    home.configure('# mine\n[ui]\nlanguage = "en"  # spoken here\n')
    with Window(home, browser) as window:
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
        assert window.faults == []


def test_what_is_held_is_sent_or_deleted(
    browser: Browser, real_home: Home, server: Standin
) -> None:
    memories = held(real_home, server)
    with Window(real_home, browser) as window:
        tab = window.open()
        tab.sees("3 memories are held: another worker has perhaps delivered them")
        tab.button("Back up and delete …", ".groups").click()
        tab.sees("Delete 3 memories?", within="#sheet")
        tab.button("Back up and delete", "#sheet").click()
        assert tab.said() == "3 memories are deleted, a copy is kept."
        tab.page.locator(".groups").wait_for(state="detached")
        tab.button("Undo").click()
        tab.sees("3 memories are held: another worker has perhaps delivered them")
        assert server.saves == []
        tab.button("Try again", ".groups").click()
        tab.sees("3 memories are tried again.", within="#note")
        server.wait_for(lambda: server.total_stored() == 3)
        tab.sees("Every memory is delivered", within="h1")
        assert [server.count(each["content"]) for each in memories] == [1, 1, 1]
        assert window.faults == []


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


def test_a_page_without_scripts_says_so(window: Window) -> None:
    tab = window.open(java_script_enabled=False)
    tab.page.locator("noscript p").wait_for()
    assert "does not change by itself" in str(tab.page.locator("noscript p").text_content())
    tab.page.goto(tab.page.url + "undelivered")
    tab.sees("There are none.")


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


def test_what_the_server_has_is_corrected_and_deleted(browser: Browser, bare_home: Home) -> None:
    home = bare_home
    home.env["MEM0TRAY_SERVER_URL"] = "local"
    hostile = "wrong <b>\"'</b>\n& [[ {{ 7*7 }}"

    def has(*texts: str) -> None:
        def kept() -> list[str]:
            found = home.json("recall", "-p", "alpha")["memories"]
            return sorted(e["memory"] for e in found if e["state"] == "delivered")

        wait_until(lambda: kept() == sorted(texts), what=f"{texts}", explain=lambda: str(kept()))

    home.write_queue([entry("right"), entry(hostile)])
    with Window(home, browser, home.worker()) as window:
        tab = window.open()
        wrong = tab.page.locator("#latest li", has_text="wrong")
        wrong.get_by_role("button", name="Delete: wrong").click()
        tab.sees("Delete this memory?", "{{ 7*7 }}", within="#sheet")
        tab.button("Back up and delete", "#sheet").click()
        assert tab.said() == "Deleted, a copy is kept."
        has("right")
        tab.button("Undo").click()
        tab.sees("1 memory is back.", within="#note")
        has("right", hostile)
        tab.page.fill("#query", "wrong")
        found = tab.page.locator("#found li", has_text="wrong")
        found.get_by_role("button", name="Correct: wrong").click()
        assert tab.page.input_value("#content") == hostile
        tab.page.fill("#content", "better")
        tab.button("Save and send").click()
        tab.sees("Corrected: the new text is sent, the old one is kept.", within="#note")
        wait_until(lambda: wrong.count() + found.count() == 0, what="corrected")
        has("right", "better")
        for texts in (("right", hostile), ("right", "better"), ("right", hostile)):
            with tab.page.expect_response("**/restore"):
                tab.button("Undo").click()  # the undo too
            has(*texts)
            tab.sees("The memory has its old text again.", within="#note")
        assert window.faults == []
        # Another program changes it while it is looked at.
        tab.page.reload()
        wrong.get_by_role("button", name="Delete: wrong").click()
        tab.sees("Delete this memory?", within="#sheet")
        ids = {e["memory"]: e["id"] for e in home.json("recall", "-p", "alpha")["memories"]}
        server = endpoint.find(next(home.data.rglob("local-server")))
        assert server is not None
        with client_of(server) as client:
            client.put(f"/memories/{ids[hostile]}", json={"text": "changed"}).raise_for_status()
        tab.button("Back up and delete", "#sheet").click()
        tab.sees("Its text was changed meanwhile: look at it again.", within="#note")
        has("right", "changed")
    assert home.json("verify", "--requeue")["missing"] == []
