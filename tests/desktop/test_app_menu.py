"""What the tray application shows over the bus, and that every menu item does what it says."""

import time
from collections.abc import Callable
from typing import Final

import pytest

from mem0tray.desktop.tray import icon
from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.programs import Programs
from tests.support import user
from tests.support.http1 import Answer
from tests.support.notifyd import Notification
from tests.support.shapes import entries, entry, moved_marker, recovered_marker, waiting
from tests.support.sni import TrayItem
from tests.support.tray import HEALTHY, Tray, letter_path, wait_look, wait_tooltip

ONE: Final = IconLook("healthy", "amber", "1")
TWO: Final = IconLook("healthy", "amber", "2")
LATE: Final = 20.0  # seconds: a notification comes when its burst is over


def titled(title: str) -> Callable[[Notification], bool]:
    return lambda shown: shown.title == title


def wait_call(tray: Tray, programs: Programs, name: str, part: str) -> None:
    tray.home.wait(
        lambda: any(part in call for call in programs.calls(name)), what=f"{name} {part}"
    )


def test_the_whole_story(tray: Tray) -> None:
    daemon = tray.desktop.notifications()
    _, item = tray.shown(HEALTHY)
    memory = entry("story", "alpha")
    tray.server.script(Answer(500), content="story", forever=True)
    tray.home.write_queue([memory])
    wait_look(item, ONE)
    assert tray.server.sends("story") == 5
    wait_tooltip(item, "Server healthy", "0 memories waiting · 1 not delivered")
    moved = daemon.wait(titled("Moved to DLQ"), LATE)
    first, why = moved.body.split("\n")
    assert first == f"Not delivered, tried again later: alpha (ID: {memory['id'][:8]}…)."
    assert why == "The server had a fault of its own."
    tray.server.clear_scripts()
    item.wait_label("Memories not delivered")
    item.wait_for(lambda: item.menu().find("Try all again now").enabled, what="*Try all again now*")
    item.click("Try all again now")
    wait_look(item, HEALTHY)
    assert tray.server.count("story") == 1
    recovered = daemon.wait(titled("DLQ recovered"), LATE)
    assert recovered.body == f"Delivered after all: alpha (ID: {memory['id'][:8]}…)."
    assert [shown.title for shown in daemon.received] == ["Moved to DLQ", "DLQ recovered"]
    item.wait_for(lambda: not item.menu().find("Try all again now").enabled, what="no more to try")
    for marker in (moved_marker(memory), recovered_marker(memory, 0)):
        tray.home.wait(lambda: tray.home.log_lines(marker), what=marker)  # noqa: B023  (at once)


def test_icon_and_tooltip_follow_state_and_counts(tray: Tray) -> None:
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(6)])
    _, item = tray.shown(IconLook("healthy", "red", "6"))
    assert item.sizes == [16, 22, 24, 32, 44, 48, 64]
    for size in item.sizes:
        assert item.icon(size) == icon.compose(IconLook("healthy", "red", "6"), size)
    tray.home.ok("add", "--project", "alpha", "first")
    wait_tooltip(item, f"Server healthy · {tray.server.netloc}", "0 memories waiting · 6 not")
    wait_tooltip(item, "Last delivery: ")
    tray.server.health = Answer(503)
    wait_look(item, IconLook("down", "red", "6"))
    wait_tooltip(item, "Server down")
    tray.home.ok("pause")
    wait_look(item, IconLook("paused", "red", "6"))
    tray.home.write_queue(entries(3))
    wait_tooltip(item, "Paused", "3 memories waiting · 6 not delivered")
    assert item.status == "Active"
    tray.home.configure("[sync]\ntimeout = 'soon'\n")
    wait_look(item, IconLook("action-needed", "red", "6"))
    item.wait_for(lambda: item.status == "NeedsAttention", what="attention")
    wait_tooltip(item, "Action needed", "sync.timeout")


def test_a_confirmed_deletion_is_backed_up_reported_once_and_restored(tray: Tray) -> None:
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("unwanted", "alpha"), waiting("other", "beta")])
    _, item = tray.shown(TWO)

    def wait_enabled(*, enabled: bool) -> None:
        item.wait_for(
            lambda: item.menu().find("Restore last deletion").enabled == enabled, what=str(enabled)
        )

    wait_enabled(enabled=False)
    item.click(*letter_path(item, "alpha"), "Back up then delete…")
    tray.desktop.screen.wait_active(tray.desktop.screen.wait_dialog())
    tray.desktop.screen.keys("Tab", "Return")
    tray.home.wait_dlq(["other"])
    (backup,) = tray.home.claude.glob("mem0_queue_dlq.backup-*.json")
    assert [each["content"] for each in tray.home.read(backup)["items"]] == ["unwanted"]
    deleted = daemon.wait(titled("Deleted"))
    assert deleted.body.startswith("1 memory. Undo: ")
    daemon.act(deleted, "restore")
    assert daemon.wait(titled("Restored")).body == "1 memory is back."
    tray.home.wait_dlq(["other", "unwanted"])
    user.remove(tray.home, "other")  # by hand: the only one that is reported as that
    assert daemon.wait(titled("Removed by hand")).body.startswith("1 memory. Undo: ")
    assert [shown.title for shown in daemon.received] == ["Deleted", "Restored", "Removed by hand"]
    wait_enabled(enabled=True)
    item.click("Restore last deletion")
    tray.home.wait_dlq(["unwanted", "other"])
    wait_enabled(enabled=False)


def test_files_and_pages_are_opened(tray: Tray, programs: Programs) -> None:
    _, item = tray.shown()
    for label, path in (
        ("Open mem0tray", "window.html"),
        ("Open DLQ file", str(tray.home.dlq)),
        ("Open log", str(tray.home.log)),
        ("Settings…", "window.html"),
    ):
        item.click(label)
        wait_call(tray, programs, "xdg-open", path)


def test_a_missing_program_is_said_in_a_notification(tray: Tray, programs: Programs) -> None:
    programs.add("xdg-open", "exit 3")
    daemon = tray.desktop.notifications()
    _, item = tray.shown()
    item.click("Open log")
    failed = daemon.wait(titled("That did not work"))
    assert "No program was found" in failed.body
    daemon.act(failed)
    wait_call(tray, programs, "xdg-open", "window.html")


@pytest.mark.parametrize(("label", "seconds"), [("30 minutes", 1800.0), ("Until resumed", None)])
def test_pause_stops_deliveries_and_resume_lets_them_go_on(
    tray: Tray, label: str, seconds: float | None
) -> None:
    _, item = tray.shown()
    item.click("Pause", label)
    wait_look(item, IconLook("paused"))
    until = tray.home.json("status")["paused_until"]
    assert (until is None) == (seconds is None)
    assert seconds is None or seconds - 60 < until - time.time() <= seconds
    tray.home.ok("add", "--project", "alpha", "held")
    item.wait_for(lambda: item.menu().find("Pause", "Resume").enabled, what="*Resume* enabled")
    item.click("Pause", "Resume")
    tray.server.wait_for(lambda: tray.server.count("held"))
    wait_look(item, HEALTHY)


def wait_ticked(item: TrayItem, *labels: str, checked: bool = True) -> None:
    item.wait_for(lambda: item.menu().find(*labels).checked is checked, what=f"{labels} ticked")


def test_start_at_login_writes_the_entry_and_removes_it(tray: Tray) -> None:
    entry = tray.home.root / "config" / "autostart" / "mem0tray.desktop"
    _, item = tray.shown()
    item.click("Start at login")
    wait_ticked(item, "Start at login")
    # The desktop ticks it at the click, before anything has been done.
    tray.home.wait(lambda: entry.exists() and "Exec=" in entry.read_text(encoding="utf-8"))
    item.click("Start at login")
    wait_ticked(item, "Start at login", checked=False)
    tray.home.wait(lambda: not entry.exists())


@pytest.mark.parametrize("click", ["Activate", "SecondaryActivate"])
def test_a_click_on_the_icon_opens_the_window(tray: Tray, programs: Programs, click: str) -> None:
    programs.add("xdg-open", f'echo "$XDG_ACTIVATION_TOKEN" >> "{programs.folder}/tokens.calls"')
    _, item = tray.shown()
    item.call("ProvideXdgActivationToken", "s", "token-1")
    item.call(click, "ii", 0, 0)
    wait_call(tray, programs, "tokens", "token-1")
    assert "window.html" in programs.calls("xdg-open")[0]
    item.click("Open log")
    tray.home.wait(lambda: programs.calls("tokens")[1:], what="the log opened")
    assert programs.calls("tokens") == ["token-1", ""]
