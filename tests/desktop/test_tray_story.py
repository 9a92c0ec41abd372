"""The whole story: healthy, five failures, a dead letter, retried by the user, healthy."""

from pathlib import Path

from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.panel import LINES, RETRY_ALL, Panel
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import entry, moved_marker, recovered_marker
from tests.support.tray import HEALTHY, Tray, wait_look, wait_tooltip

ONE = IconLook("healthy", "amber", "1")
ATTEMPTS = 5
LATE = 20.0  # seconds: a notification comes when its burst is over


def test_the_whole_story(tray: Tray) -> None:
    """Icon, tooltip, menu, both notifications and the log tell it, each at its time."""
    daemon = tray.desktop.notifications()
    _, item = tray.shown(HEALTHY)
    memory = entry("story", "alpha")
    tray.server.script(Answer(500), content="story", forever=True)
    tray.home.write_queue([memory])
    wait_look(item, ONE)
    assert tray.server.sends("story") == ATTEMPTS
    wait_tooltip(item, "Server healthy", "0 memories waiting · 1 not delivered")
    moved = daemon.wait(lambda shown: shown.title == "Moved to DLQ", LATE)
    assert moved.body == f"Not delivered, tried again later: alpha (ID: {memory['id'][:8]}…)."
    tray.server.clear_scripts()
    item.wait_label("Memories not delivered")
    item.wait_for(lambda: item.menu().find("Try all again now").enabled, what="*Try all again now*")
    item.click("Try all again now")
    wait_look(item, HEALTHY)
    assert tray.server.count("story") == 1
    recovered = daemon.wait(lambda shown: shown.title == "DLQ recovered", LATE)
    assert recovered.body == f"Delivered after all: alpha (ID: {memory['id'][:8]}…)."
    assert [shown.title for shown in daemon.received] == ["Moved to DLQ", "DLQ recovered"]
    assert not item.menu().find("Try all again now").enabled
    for marker in (moved_marker(memory), recovered_marker(memory, 0)):
        tray.home.wait(lambda: tray.home.log_lines(marker), what=marker)  # noqa: B023  (at once)


def test_the_story_as_it_is_seen(tray: Tray, tmp_path: Path) -> None:
    panel = Panel(tray, tmp_path)
    dunst = tray.desktop.dunst()
    tray.start()
    panel.wait_look(HEALTHY)
    tray.server.script(Answer(500), content="story", forever=True)
    tray.home.write_queue([entry("story", "alpha")])
    panel.wait_look(ONE)
    wait_until(lambda: "Moved to DLQ" in dunst.out, LATE, "Moved to DLQ")
    panel.wait_notification()
    panel.shoot("moved")
    tray.server.clear_scripts()
    tray.desktop.mouse(*panel.open_menu(ONE).row(RETRY_ALL, LINES))
    panel.wait_look(HEALTHY)
    wait_until(lambda: "DLQ recovered" in dunst.out, LATE, "DLQ recovered")
    panel.wait_notification()
    panel.shoot("recovered")
