"""Many changes of state and dead letters that come and go: the tray needs no more than at first."""

from pathlib import Path

import pytest

from mem0tray.desktop.tray.icon import IconLook
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import entry
from tests.support.sni import TrayItem
from tests.support.standin import NAMED
from tests.support.tray import HEALTHY, Tray, wait_look

DOWN = IconLook("down")
MEGABYTE = 1 << 20
MOST = {"memory": 4 * MEGABYTE, "descriptors": 2, "threads": 2}  # more than after warming up


def needs(process: Process) -> dict[str, int]:
    folder = Path(f"/proc/{process.pid}")
    counts = {"descriptors": "fd", "threads": "task"}
    found = {name: len(list((folder / each).iterdir())) for name, each in counts.items()}
    return found | {"memory": process.memory()}


def trouble(tray: Tray, item: TrayItem, rounds: int) -> None:
    """Let the server go down and come back so often, and a dead letter come and go each time."""
    for _ in range(rounds):
        tray.server.health = Answer(503)
        wait_look(item, DOWN)
        tray.server.health = NAMED
        wait_look(item, HEALTHY)
        tray.server.script(Answer(500), content="refused", forever=True)
        tray.home.write_emergency([entry("refused", retries=4)])
        tray.home.wait_dlq(["refused"])
        tray.server.clear_scripts()
        tray.home.ok("retry", "--all")
        tray.home.wait_dlq([])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tray_does_not_grow(tray: Tray) -> None:
    tray.desktop.notifications()
    process, item = tray.shown()
    trouble(tray, item, 20)
    before = needs(process)
    trouble(tray, item, 60)
    grown = {name: number - before[name] for name, number in needs(process).items()}
    assert {name: number for name, number in grown.items() if number > MOST[name]} == {}
    process.stop()
