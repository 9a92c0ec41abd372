"""Every menu item of the tray application does what it says; clicked over the bus."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import pytest

from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.programs import Programs
from tests.support import user
from tests.support.bus import CallError
from tests.support.machine import tool
from tests.support.notifyd import Notification
from tests.support.processes import wait_until
from tests.support.screen import Window
from tests.support.shapes import waiting
from tests.support.sni import TrayItem
from tests.support.tray import HEALTHY, Tray, letter_path, wait_look
from tests.support.variants import variants

ONE: Final = IconLook("healthy", "amber", "1")
TWO: Final = IconLook("healthy", "amber", "2")


def dialog(tray: Tray) -> Window:
    """Wait for a window that asks or tells something."""
    return tray.desktop.screen.wait_dialog()


def press(tray: Tray, *names: str) -> None:
    """Press keys in the window that asks, and wait until it is closed."""
    screen, window = tray.desktop.screen, dialog(tray)
    screen.wait_active(window)
    screen.keys(*names)
    wait_until(lambda: window not in screen.windows(), what="the window closed")


def titled(title: str) -> Callable[[Notification], bool]:
    """Whether a notification has this title."""
    return lambda shown: shown.title == title


def wait_call(tray: Tray, programs: Programs, name: str, part: str) -> None:
    """Wait until a stand-in was called with this."""
    tray.home.wait(
        lambda: any(part in call for call in programs.calls(name)), what=f"{name} {part}"
    )


# Dead letters ------------------------------------------------------------------------------


def test_retry_all(tray: Tray) -> None:
    """*Try all again now* delivers every dead letter, and the badge goes."""
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(2)])
    _, item = tray.shown(TWO)
    item.click("Try all again now")
    tray.home.wait_dlq([])
    assert tray.server.missing(["letter 0", "letter 1"]) == []
    wait_look(item, HEALTHY)


def test_retry_one(tray: Tray) -> None:
    """*Try again now* delivers this dead letter and no other."""
    tray.home.write_dlq([waiting("wanted", "alpha"), waiting("other", "beta")])
    _, item = tray.shown(TWO)
    item.click(*letter_path(item, "alpha"), "Try again now")
    tray.home.wait_dlq(["other"])
    assert tray.server.sends("other") == 0


def test_delete_confirmed(tray: Tray) -> None:
    """*Back up then delete…*, confirmed, removes this dead letter, told once with its backup."""
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("unwanted", "alpha"), waiting("other", "beta")])
    _, item = tray.shown(TWO)
    item.click(*letter_path(item, "alpha"), "Back up then delete…")
    press(tray, "Tab", "Return")
    tray.home.wait_dlq(["other"])
    (backup,) = tray.home.claude.glob("mem0_queue_dlq.backup-*.json")
    assert backup.name in daemon.wait(titled("Deleted")).body
    assert [each["content"] for each in tray.home.read(backup)["items"]] == ["unwanted"]
    user.remove(tray.home, "other")  # by hand: the only one of which that is told
    removed = daemon.wait(titled("Removed by hand"))
    assert removed.body.startswith("1 memory. Undo: ")
    assert len(daemon.received) == 2


@pytest.mark.parametrize("key", ["Return", "Escape"])
def test_delete_cancelled(tray: Tray, key: str) -> None:
    """Cancelled, which is what Return does as well, it deletes nothing and writes no backup."""
    tray.home.write_dlq([waiting("kept", "alpha")])
    _, item = tray.shown(ONE)
    item.click(*letter_path(item, "alpha"), "Back up then delete…")
    press(tray, key)
    item.click(*letter_path(item, "alpha"), "Diagnose")  # after the deletion would have been
    press(tray, "Escape")
    assert tray.home.dlq_texts() == ["kept"]
    assert not list(tray.home.claude.glob("*backup*"))


def test_a_letter_delivered_under_the_question(tray: Tray) -> None:
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("letter", "alpha")])
    _, item = tray.shown(ONE)
    item.click(*letter_path(item, "alpha"), "Back up then delete…")
    dialog(tray)
    tray.home.ok("retry", "--all")
    tray.home.wait_dlq([])
    press(tray, "Tab", "Return")
    assert "delivered meanwhile" in daemon.wait(titled("That did not work")).body


def test_copy_id(tray: Tray) -> None:
    """*Copy ID* puts the whole id into the clipboard."""
    letter = waiting("letter", "alpha")
    tray.home.write_dlq([letter])
    _, item = tray.shown(ONE)
    item.click(*letter_path(item, "alpha"), "Copy ID")

    def copied() -> bool:
        program = tray.desktop.start([tool("xclip"), "-selection", "clipboard", "-o"], name="paste")
        program.wait()
        return bool(program.out.strip() == letter["id"])

    wait_until(copied, what="the id in the clipboard")


def test_diagnose(tray: Tray) -> None:
    """*Diagnose* opens a window, and the tray goes on meanwhile."""
    tray.home.write_dlq([waiting("letter", "alpha")])
    _, item = tray.shown(ONE)
    item.click(*letter_path(item, "alpha"), "Diagnose")
    dialog(tray)
    tray.home.ok("retry", "--all")
    wait_look(item, HEALTHY)
    press(tray, "Escape")


# Pages and files ---------------------------------------------------------------------------


def test_show_status(tray: Tray, programs: Programs) -> None:
    """*Show status* writes the page and opens it in the browser."""
    _, item = tray.shown()
    item.click("Show status")
    (page,) = wait_page(tray)
    wait_call(tray, programs, "xdg-open", page)


def wait_page(tray: Tray) -> list[str]:
    """Wait for the status page; its path."""
    tray.home.wait(lambda: tray.home.data_files("status.html"), what="the status page")
    return [str(path) for path in tray.home.data_files("status.html")]


def test_open_files(tray: Tray, programs: Programs) -> None:
    """*Open DLQ file*, *Open log* and *Settings…* open these files; the last makes its file."""
    _, item = tray.shown()
    for label, path in (
        ("Open DLQ file", tray.home.dlq),
        ("Open log", tray.home.log),
        ("Settings…", tray.home.config),
    ):
        item.click(label)
        wait_call(tray, programs, "xdg-open", str(path))
    assert tray.home.config.exists()


def test_no_program_opens_it(tray: Tray, programs: Programs) -> None:
    programs.add("xdg-open", "exit 3")
    daemon = tray.desktop.notifications()
    _, item = tray.shown()
    item.click("Open log")
    assert "No program was found" in daemon.wait(titled("That did not work")).body


def test_restore(tray: Tray) -> None:
    """*Restore last deletion* puts back what was deleted last; without one it is disabled."""
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("letter", "alpha")])
    _, item = tray.shown(ONE)

    def wait_enabled(*, enabled: bool) -> None:
        item.wait_for(
            lambda: item.menu().find("Restore last deletion").enabled == enabled, what=str(enabled)
        )

    wait_enabled(enabled=False)
    tray.home.ok("delete", tray.home.dlq_items()[0]["id"], "--yes")
    wait_look(item, HEALTHY)
    wait_enabled(enabled=True)
    item.click("Restore last deletion")
    tray.home.wait_dlq(["letter"])
    assert daemon.wait(titled("Restored")).body == "1 memory is back."
    wait_enabled(enabled=False)


def test_what_was_deleted_is_restored_from_its_notification(tray: Tray) -> None:
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.shown(ONE)
    tray.home.ok("delete", tray.home.dlq_items()[0]["id"], "--yes")
    daemon.act(daemon.wait(titled("Deleted")), "restore")
    tray.home.wait_dlq(["letter"])
    assert daemon.wait(titled("Restored")).body == "1 memory is back."


def test_a_click_on_a_notification(tray: Tray, programs: Programs) -> None:
    daemon = tray.desktop.notifications()
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.shown(ONE)
    tray.home.ok("delete", tray.home.dlq_items()[0]["id"], "--yes")
    daemon.act(daemon.wait(titled("Deleted")))
    (page,) = wait_page(tray)
    wait_call(tray, programs, "xdg-open", page)


# Settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "seconds"),
    variants([("30 minutes", 1800.0), ("Until resumed", None), ("1 hour", 3600.0)], quick=2),
)
def test_pause_and_resume(tray: Tray, label: str, seconds: float | None) -> None:
    """*Pause* stops deliveries for so long, and *Resume* lets them go on."""
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


def test_levels(tray: Tray) -> None:
    """A level of notifications is written into the settings, and ticked."""
    _, item = tray.shown()
    for label, level in (("None", "none"), ("Problems only", "problems"), ("All", "all")):
        item.click("Notifications", label)
        wait_ticked(item, "Notifications", label)
        tray.home.wait(partial(is_set, tray, level))
    ticked = [each.label for each in item.menu().find("Notifications").children if each.checked]
    assert ticked == ["All"]


def is_set(tray: Tray, level: str) -> bool:
    """Whether the settings name that level of notifications."""
    return tray.home.ok("config", "get", "notifications.level").strip() == level


def wait_ticked(item: TrayItem, *labels: str, checked: bool = True) -> None:
    """Wait until an entry is ticked, or no longer."""
    item.wait_for(lambda: item.menu().find(*labels).checked is checked, what=f"{labels} ticked")


def test_start_at_login(tray: Tray) -> None:
    """*Start at login* writes the autostart entry and is ticked, then removes it."""
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
def test_a_click_on_the_icon(tray: Tray, programs: Programs, click: str) -> None:
    programs.add("xdg-open", f'echo "$XDG_ACTIVATION_TOKEN" >> "{programs.folder}/tokens.calls"')
    _, item = tray.shown()
    item.call("ProvideXdgActivationToken", "s", "token-1")
    item.call(click, "ii", 0, 0)
    wait_call(tray, programs, "tokens", "token-1")
    assert "status.html" in programs.calls("xdg-open")[0]
    item.click("Open log")
    tray.home.wait(lambda: programs.calls("tokens")[1:], what="the log opened")
    assert programs.calls("tokens") == ["token-1", ""]


def test_quit(tray: Tray) -> None:
    """*Quit* takes the icon away and ends the application with exit code 0, without a daemon."""
    process, item = tray.shown()
    with suppress(CallError):  # it may be gone before it has answered the click
        item.click("Quit")
    item.wait_gone()
    assert process.wait() == 0
    assert "Traceback" not in process.err
    assert not tray.home.json("status")["worker"]["running"]
